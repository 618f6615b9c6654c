#include "lb/balance/key.h"

#include "common/random.h"

namespace tandem::lb::balance {

std::uint64_t text_key(std::string_view value) noexcept {
  return hash_bytes(value.data(), value.size());
}

std::optional<std::uint64_t> source_key(const SocketAddress& client) noexcept {
  const std::string_view bytes = client.ip_bytes();
  if (bytes.empty()) return std::nullopt;
  return text_key(bytes);
}

std::uint64_t uri_key(std::string_view target, bool whole) noexcept {
  return text_key(whole ? target : target.substr(0, target.find('?')));
}

}  // namespace tandem::lb::balance
