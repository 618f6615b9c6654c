#include "common/pulse.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace tandem::pulse {
namespace {

// Every packet: version, kind, then the fields one after another.
constexpr std::uint8_t kVersion = 2;
enum class Kind : std::uint8_t {
  kHello = 1,
  kBeat = 2,
  kCondition = 3,
  kServerSetting = 4,
  kLeaving = 5,
  kPicture = 6,
};

class Writer {
 public:
  explicit Writer(Kind kind) {
    put(kVersion);
    put(kind);
  }
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  }
  std::string out;
};

class Reader {
 public:
  explicit Reader(std::span<const char> bytes) : left_(bytes) {}
  template <class T>
    requires std::is_trivially_copyable_v<T>
  bool take(T& value) {
    if (left_.size() < sizeof value) return false;
    std::memcpy(&value, left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
    return true;
  }
  void skip(std::size_t count) { left_ = left_.subspan(count); }
  [[nodiscard]] std::span<const char> rest() const { return left_; }

 private:
  std::span<const char> left_;
};

std::optional<Packet> read_hello(Reader reader) {
  std::uint32_t period = 0;
  if (!reader.take(period) || !reader.rest().empty()) return std::nullopt;
  return Hello{.period = std::clamp(Milliseconds(period), kPeriodMin, kPeriodMax)};
}

std::optional<Packet> read_beat(Reader reader) {
  Beat beat;
  if (!reader.take(beat.worker) || !reader.take(beat.thread) || !reader.rest().empty())
    return std::nullopt;
  return beat;
}

std::optional<Packet> read_condition(Reader reader) {
  Condition condition;
  std::uint8_t fitness = 0;
  if (!reader.take(condition.workers) || !reader.take(fitness)) return std::nullopt;
  if (fitness > static_cast<std::uint8_t>(Condition::Fitness::kStopping)) return std::nullopt;
  if (reader.rest().size() > kWhyBytesMax) return std::nullopt;
  condition.fitness = static_cast<Condition::Fitness>(fitness);
  condition.why.assign(reader.rest().begin(), reader.rest().end());
  return condition;
}

std::optional<Packet> read_server_setting(Reader reader) {
  ServerSetting setting;
  std::uint8_t what = 0;
  if (!reader.take(what) || !reader.take(setting.value) || !reader.take(setting.stamp))
    return std::nullopt;
  if (what < static_cast<std::uint8_t>(ServerSetting::What::kAdmin) ||
      what > static_cast<std::uint8_t>(ServerSetting::What::kHealth))
    return std::nullopt;
  if (reader.rest().empty() || reader.rest().size() > kServerNameBytesMax) return std::nullopt;
  setting.what = static_cast<ServerSetting::What>(what);
  setting.server.assign(reader.rest().begin(), reader.rest().end());
  return setting;
}

// Each address behind its length.
std::optional<Packet> read_leaving(Reader reader) {
  Leaving leaving;
  while (!reader.rest().empty()) {
    std::uint8_t size = 0;
    if (!reader.take(size) || (size != 4 && size != 16)) return std::nullopt;
    if (reader.rest().size() < size || leaving.addresses.size() == kAddressesMax)
      return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), reader.rest().data(), size);
    leaving.addresses.push_back(IpAddress::of(std::span(bytes).first(size)));
    reader.skip(size);
  }
  return leaving;
}

std::optional<Packet> read_picture(Reader reader) {
  if (reader.rest().size() > kPictureBytesMax) return std::nullopt;
  return Picture{.json = std::string(reader.rest().begin(), reader.rest().end())};
}

std::string write(const Hello& hello) {
  Writer writer(Kind::kHello);
  writer.put(static_cast<std::uint32_t>(hello.period.count()));
  return writer.out;
}

std::string write(const Beat& beat) {
  Writer writer(Kind::kBeat);
  writer.put(beat.worker);
  writer.put(beat.thread);
  return writer.out;
}

std::string write(const Condition& condition) {
  Writer writer(Kind::kCondition);
  writer.put(condition.workers);
  writer.put(condition.fitness);
  writer.out += condition.why.substr(0, kWhyBytesMax);
  return writer.out;
}

std::string write(const ServerSetting& setting) {
  Writer writer(Kind::kServerSetting);
  writer.put(setting.what);
  writer.put(setting.value);
  writer.put(setting.stamp);
  writer.out += setting.server.substr(0, kServerNameBytesMax);
  return writer.out;
}

std::string write(const Leaving& leaving) {
  Writer writer(Kind::kLeaving);
  const std::size_t count = std::min(leaving.addresses.size(), kAddressesMax);
  for (const IpAddress& address : std::span(leaving.addresses).first(count)) {
    writer.put(static_cast<std::uint8_t>(address.bytes().size()));
    for (const std::uint8_t byte : address.bytes()) writer.put(byte);
  }
  return writer.out;
}

std::string write(const Picture& picture) {
  Writer writer(Kind::kPicture);
  writer.out += picture.json;
  return writer.out;
}

}  // namespace

std::string encode(const Packet& packet) {
  return std::visit([](const auto& one) { return write(one); }, packet);
}

std::optional<Packet> decode(std::span<const char> bytes) {
  Reader reader(bytes);
  std::uint8_t version = 0;
  std::uint8_t kind = 0;
  if (!reader.take(version) || version != kVersion || !reader.take(kind)) return std::nullopt;
  switch (static_cast<Kind>(kind)) {
    case Kind::kHello:
      return read_hello(reader);
    case Kind::kBeat:
      return read_beat(reader);
    case Kind::kCondition:
      return read_condition(reader);
    case Kind::kServerSetting:
      return read_server_setting(reader);
    case Kind::kLeaving:
      return read_leaving(reader);
    case Kind::kPicture:
      return read_picture(reader);
  }
  return std::nullopt;
}

}  // namespace tandem::pulse
