#include "lb/tls/client_hello.h"

#include <algorithm>
#include <optional>

namespace tandem::lb::tls {
namespace {

constexpr std::size_t kRecordHeadBytes = 5;
constexpr std::size_t kMessageHeadBytes = 4;
constexpr std::size_t kFragmentBytesMax = 16'384;  // RFC 8446 section 5.1
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kVersionMajor = 3;  // of SSL 3.0 and every TLS
constexpr std::uint8_t kClientHelloMessage = 1;
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kSessionIdBytesMax = 32;
constexpr std::size_t kServerNameExtension = 0;
constexpr std::size_t kAlpnExtension = 16;
constexpr std::size_t kHostName = 0;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

/// What is left of a structure. Each take_…() is nullopt where it would run over the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool is_empty() const noexcept { return rest_.empty(); }

  std::optional<std::string_view> take(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  /// Big-endian.
  std::optional<std::size_t> take_number(std::size_t width) {
    const auto bytes = take(width);
    if (!bytes) return std::nullopt;
    std::size_t number = 0;
    for (std::size_t i = 0; i < width; ++i) number = number << 8U | byte_at(*bytes, i);
    return number;
  }
  /// What stands behind a length of `width` bytes.
  std::optional<std::string_view> take_vector(std::size_t width) {
    const auto size = take_number(width);
    return size ? take(*size) : std::nullopt;
  }

 private:
  std::string_view rest_;
};

// ---- extensions
// ----------------------------------------------------------------------------------

/// nullopt: there is not exactly one name, a host's. More kinds were foreseen and never came; a
/// list of several would leave open which one the server goes by.
std::optional<std::string_view> read_server_name(std::string_view data) {
  Reader reader(data);
  const auto list = reader.take_vector(2);
  if (!list || !reader.is_empty()) return std::nullopt;
  Reader names(*list);
  const auto type = names.take_number(1);
  const auto name = names.take_vector(2);
  if (type != kHostName || !name || !names.is_empty()) return std::nullopt;
  if (name->empty() || name->size() > kServerNameBytesMax) return std::nullopt;
  // Who compares such a name as a text of C sees another one.
  if (name->find('\0') != std::string_view::npos) return std::nullopt;
  return name;
}

std::optional<std::vector<std::string>> read_protocols(std::string_view data) {
  Reader reader(data);
  const auto list = reader.take_vector(2);
  if (!list || list->empty() || !reader.is_empty()) return std::nullopt;
  std::vector<std::string> protocols;
  for (Reader names(*list); !names.is_empty();) {
    const auto name = names.take_vector(1);
    if (!name || name->empty()) return std::nullopt;
    protocols.emplace_back(*name);
  }
  return protocols;
}

std::optional<ClientHello> read_extensions(std::string_view extensions) {
  ClientHello hello;
  for (Reader reader(extensions); !reader.is_empty();) {
    const auto type = reader.take_number(2);
    const auto data = reader.take_vector(2);
    if (!type || !data) return std::nullopt;
    // "There MUST NOT be more than one extension of the same type" (section 4.2).
    if (*type == kServerNameExtension) {
      const auto name = read_server_name(*data);
      if (!name || !hello.server_name.empty()) return std::nullopt;
      hello.server_name = *name;
    } else if (*type == kAlpnExtension) {
      auto protocols = read_protocols(*data);
      if (!protocols || !hello.protocols.empty()) return std::nullopt;
      hello.protocols = std::move(*protocols);
    }
  }
  return hello;
}

/// The message without its head.
std::optional<ClientHello> read_message(std::string_view message) {
  Reader reader(message);
  if (!reader.take(2) || !reader.take(kRandomBytes)) return std::nullopt;
  const auto session_id = reader.take_vector(1);
  if (!session_id || session_id->size() > kSessionIdBytesMax) return std::nullopt;
  const auto ciphers = reader.take_vector(2);
  if (!ciphers || ciphers->empty() || ciphers->size() % 2 != 0) return std::nullopt;
  const auto compression = reader.take_vector(1);
  if (!compression || compression->empty()) return std::nullopt;
  if (reader.is_empty()) return ClientHello{};  // as before TLS had extensions
  const auto extensions = reader.take_vector(2);
  if (!extensions || !reader.is_empty()) return std::nullopt;
  return read_extensions(*extensions);
}

// ---- records
// -------------------------------------------------------------------------------------

/// The fragment of the next record, or as much of it as there is. nullopt: it cannot be one of a
/// hello.
std::optional<std::string_view> take_fragment(std::string_view& bytes) {
  const std::string_view head = bytes.substr(0, kRecordHeadBytes);
  if (!head.empty() && byte_at(head, 0) != kHandshakeRecord) return std::nullopt;
  // The minor version says nothing (RFC 8446 section 5.1).
  if (head.size() > 1 && byte_at(head, 1) != kVersionMajor) return std::nullopt;
  bytes.remove_prefix(head.size());
  if (head.size() < kRecordHeadBytes) return std::string_view();
  const std::size_t size = std::size_t{byte_at(head, 3)} << 8U | byte_at(head, 4);
  // An empty one carries nothing on, and none may be sent (section 5.1).
  if (size == 0 || size > kFragmentBytesMax) return std::nullopt;
  const std::string_view fragment = bytes.substr(0, size);
  bytes.remove_prefix(fragment.size());
  return fragment;
}

/// Bytes of the message behind its head, as the head tells; nullopt: the head is not whole.
std::optional<std::size_t> message_bytes(std::string_view message) {
  if (message.size() < kMessageHeadBytes) return std::nullopt;
  return std::size_t{byte_at(message, 1)} << 16U | std::size_t{byte_at(message, 2)} << 8U |
         byte_at(message, 3);
}

}  // namespace

std::expected<ClientHello, NoHello> read_client_hello(std::string_view bytes) {
  std::string_view rest = bytes.substr(0, kClientHelloBytesMax);
  std::string message;
  while (!rest.empty()) {
    const auto fragment = take_fragment(rest);
    if (!fragment) return std::unexpected(NoHello::kNotTls);
    message += *fragment;
    if (!message.empty() && byte_at(message, 0) != kClientHelloMessage)
      return std::unexpected(NoHello::kNotTls);
    const auto size = message_bytes(message);
    if (!size) continue;
    if (*size > kClientHelloBytesMax - kRecordHeadBytes - kMessageHeadBytes)
      return std::unexpected(NoHello::kTooLong);
    if (message.size() - kMessageHeadBytes < *size) continue;
    auto hello = read_message(std::string_view(message).substr(kMessageHeadBytes, *size));
    if (!hello) return std::unexpected(NoHello::kNotTls);
    return std::move(*hello);
  }
  return std::unexpected(bytes.size() < kClientHelloBytesMax ? NoHello::kNotWhole
                                                             : NoHello::kTooLong);
}

}  // namespace tandem::lb::tls
