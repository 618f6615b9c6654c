#include "common/ip_address.h"

#include "common/check.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tandem {

IpAddress IpAddress::of(std::span<const std::uint8_t> bytes) noexcept {
  TANDEM_CHECK(bytes.size() == 4 || bytes.size() == 16);
  IpAddress address;
  address.size_ = static_cast<std::uint8_t>(bytes.size());
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) return of(std::span(bytes).first(4));
  if (::inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return of(bytes);
  return fail("not an IPv4 or IPv6 address");
}

int IpAddress::family() const noexcept { return is_v6() ? AF_INET6 : AF_INET; }

bool IpAddress::is_multicast() const noexcept {
  return is_v6() ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

bool IpAddress::is_link_local() const noexcept {
  return is_v6() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_unspecified() const noexcept {
  return std::ranges::all_of(bytes(), [](std::uint8_t byte) { return byte == 0; });
}

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(family(), bytes_.data(), text, sizeof text);
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  const int most = address->is_v6() ? 128 : 32;
  if (slash == std::string_view::npos)
    return IpPrefix{.address = *address, .length = static_cast<std::uint8_t>(most)};
  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() || length < 0 || length > most)
    return fail(fmt::format("what stands after \"/\" is not a length from 0 to {}", most));
  return IpPrefix{.address = *address, .length = static_cast<std::uint8_t>(length)};
}

namespace {

IpAddress network_of(const IpAddress& address, unsigned length) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  for (std::size_t i = 0; i < from.size() && i * 8 < length; ++i) {
    const unsigned kept = std::min<unsigned>(8, length - static_cast<unsigned>(i) * 8);
    bytes[i] = static_cast<std::uint8_t>(from[i] & (0xFF00U >> kept));
  }
  return IpAddress::of(std::span(bytes).first(from.size()));
}

}  // namespace

IpAddress IpPrefix::network() const noexcept { return network_of(address, length); }

bool IpPrefix::contains(const IpAddress& other) const noexcept {
  return network_of(other, length) == network();
}

std::string IpPrefix::text() const { return fmt::format("{}/{}", address.text(), length); }

}  // namespace tandem
