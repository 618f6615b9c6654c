// IpAddress: an IPv4 or IPv6 address without a port; IpPrefix: one with the length of its network.
#pragma once

#include "common/result.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tandem {

/// Value type. Ordered as numbers in network byte order, every IPv4 address before every IPv6 one.
class IpAddress {
 public:
  /// 0.0.0.0
  constexpr IpAddress() noexcept = default;
  explicit constexpr IpAddress(const std::array<std::uint8_t, 4>& v4) noexcept : size_(4) {
    for (std::size_t i = 0; i < v4.size(); ++i) bytes_[i] = v4[i];
  }
  explicit constexpr IpAddress(const std::array<std::uint8_t, 16>& v6) noexcept
      : size_(16), bytes_(v6) {}
  /// 4 or 16 bytes in network order.
  [[nodiscard]] static IpAddress of(std::span<const std::uint8_t> bytes) noexcept;

  /// "192.0.2.1" or "2001:db8::1". Errors: words for a person, without the text itself.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);

  [[nodiscard]] constexpr bool is_v6() const noexcept { return size_ == 16; }
  /// AF_INET or AF_INET6.
  [[nodiscard]] int family() const noexcept;
  /// 4 or 16 bytes in network order; valid as long as this object.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return {bytes_.data(), size_};
  }
  [[nodiscard]] bool is_multicast() const noexcept;
  /// fe80::/10; never IPv4.
  [[nodiscard]] bool is_link_local() const noexcept;
  [[nodiscard]] bool is_unspecified() const noexcept;
  [[nodiscard]] std::string text() const;

  friend std::strong_ordering operator<=>(const IpAddress&, const IpAddress&) noexcept = default;
  friend bool operator==(const IpAddress&, const IpAddress&) noexcept = default;

 private:
  std::uint8_t size_ = 4;
  std::array<std::uint8_t, 16> bytes_{};
};

struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 32;  // at most 32 or 128

  /// "192.0.2.1/24"; without "/": the address alone, /32 or /128.
  [[nodiscard]] static Result<IpPrefix> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  /// Whether `other` is of this network; never of another family.
  [[nodiscard]] bool contains(const IpAddress& other) const noexcept;
  /// The address with all bits behind `length` zero.
  [[nodiscard]] IpAddress network() const noexcept;

  friend std::strong_ordering operator<=>(const IpPrefix&, const IpPrefix&) noexcept = default;
  friend bool operator==(const IpPrefix&, const IpPrefix&) noexcept = default;
};

}  // namespace tandem
