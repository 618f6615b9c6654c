#include "admin/auth.h"

#include "common/text.h"

#include <cstdint>

namespace tandem::admin {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int pending = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    pending += 6;
    if (pending < 8) continue;
    pending -= 8;
    bytes += static_cast<char>(bits >> pending & 0xff);
  }
  return bytes;
}

bool equal_in_constant_time(std::string_view given, std::string_view wanted) noexcept {
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = wanted.empty() ? '\0' : wanted[i % wanted.size()];
    difference |= static_cast<unsigned>(given[i] ^ other);
  }
  return difference == 0;
}

bool is_authorized(const std::map<std::string, std::string>& users,
                   std::string_view authorization) {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos ||
      !equals_ignoring_case(authorization.substr(0, space), "basic"))
    return false;
  const std::string decoded = decode_base64(trim(authorization.substr(space)));
  const std::size_t colon = decoded.find(':');
  if (colon == std::string::npos) return false;
  const std::string_view user = std::string_view(decoded).substr(0, colon);
  const std::string_view password = std::string_view(decoded).substr(colon + 1);
  bool found = false;
  // Every user is compared, so that the answer's time does not tell which names exist.
  for (const auto& [name, secret] : users) {
    const bool same_name = equal_in_constant_time(user, name);
    const bool same_password = equal_in_constant_time(password, secret);
    found = (static_cast<int>(same_name) & static_cast<int>(same_password)) != 0 || found;
  }
  return found;
}

}  // namespace tandem::admin
