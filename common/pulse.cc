#include "common/pulse.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace tandem::pulse {
namespace {

// Every packet: version, kind, then the fields one after another.
constexpr std::uint8_t kVersion = 1;
enum class Kind : std::uint8_t { kHello = 1, kBeat = 2, kCondition = 3 };

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
  if (!reader.take(beat.worker) || !reader.rest().empty()) return std::nullopt;
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

}  // namespace

std::string encode(const Packet& packet) {
  if (const auto* hello = std::get_if<Hello>(&packet)) {
    Writer writer(Kind::kHello);
    writer.put(static_cast<std::uint32_t>(hello->period.count()));
    return writer.out;
  }
  if (const auto* beat = std::get_if<Beat>(&packet)) {
    Writer writer(Kind::kBeat);
    writer.put(beat->worker);
    return writer.out;
  }
  const auto& condition = std::get<Condition>(packet);
  Writer writer(Kind::kCondition);
  writer.put(condition.workers);
  writer.put(condition.fitness);
  writer.out += condition.why.substr(0, kWhyBytesMax);
  return writer.out;
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
  }
  return std::nullopt;
}

}  // namespace tandem::pulse
