// Advert: the one message of VRRP, and how it is written: version 3 over IPv4 and IPv6 (RFC 9568
// section 5.2), version 2 over IPv4 (RFC 3768 section 5.3) for a pair that moves over from it.
// Reading is in decode.h; who sends what and when is failover/machine's. Pure, any thread.
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +-------+-------+---------------+---------------+---------------+
//    |Version| Type=1| Virtual Rtr ID|   Priority    |     Count     |
//    +-------+-------+---------------+---------------+---------------+
// v3 |  0    |  interval, 1/100 s    |           Checksum            |
// v2 |   Auth Type   |  interval, s  |           Checksum            |
//    +-------+-------+---------------+-------------------------------+
//    |       Count addresses of 4 or of 16 bytes                     |
//    +---------------------------------------------------------------+
// v2 |       Password, 8 bytes (zero where there is none)            |
//    +---------------------------------------------------------------+
#pragma once

#include "common/ip_address.h"
#include "failover/wire/bytes.h"
#include "failover/wire/envelope.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::failover::wire {

/// The RFC's unit of Max Advertise Interval.
using Centiseconds = std::chrono::duration<std::int64_t, std::centi>;

inline constexpr std::uint8_t kVersion2 = 2;
inline constexpr std::uint8_t kVersion3 = 3;
inline constexpr Centiseconds kIntervalMax{4095};                 // 12 bits
inline constexpr std::chrono::seconds kIntervalMaxVersion2{255};  // 8 bits, whole seconds
inline constexpr std::size_t kAddressesMax = 255;
/// RFC 3768 section 5.3.10. A longer password is cut, as keepalived cuts it.
inline constexpr std::size_t kPasswordBytes = 8;

struct Advert {
  std::uint8_t version = kVersion3;
  std::uint8_t vrid = 0;      // 1 to 255
  std::uint8_t priority = 0;  // 0: farewell; 255: the owner of the addresses
  Centiseconds interval{100};
  std::vector<IpAddress> addresses;  // IPv6: the link-local one first (RFC 9568 section 5.2.9)

  friend bool operator==(const Advert&, const Advert&) = default;
};

/// What an advert's fields leave open.
struct Form {
  /// Version 3 over IPv4: whether the checksum begins with a pseudo-header. RFC 5798 was read so,
  /// and keepalived up to 2.2 takes nothing else; RFC 9568 section 5.2.8 says not. IPv6 always has
  /// one, version 2 never.
  bool has_pseudo_header = true;
  /// Version 2: simple text password (authentication type 1); empty: no authentication (type 0).
  std::string password;
};

/// The bytes after the IP header: exactly 8 + 4n or 8 + 16n of them, 16 + 4n in version 2. Only the
/// addresses of `envelope` count. A configuration that was checked brings none of these about:
/// another version, VRID 0, no or more than 255 addresses, addresses of another family than the
/// envelope's, an interval outside 1 to 4095 centiseconds (version 2: whole seconds, 1 to 255),
/// version 2 over IPv6.
[[nodiscard]] Bytes encode(const Advert& advert, const Envelope& envelope, const Form& form = {});

// ---- where the fields are, for the other files of this room ------------------------------------

inline constexpr std::size_t kVersionTypeAt = 0;
inline constexpr std::size_t kVridAt = 1;
inline constexpr std::size_t kPriorityAt = 2;
inline constexpr std::size_t kCountAt = 3;
inline constexpr std::size_t kIntervalAt = 4;         // version 3
inline constexpr std::size_t kAuthTypeAt = 4;         // version 2
inline constexpr std::size_t kIntervalSecondsAt = 5;  // version 2
inline constexpr std::size_t kChecksumAt = 6;
inline constexpr std::size_t kAddressesAt = 8;

inline constexpr std::uint8_t kTypeAdvert = 1;
inline constexpr std::uint8_t kAuthNone = 0;
inline constexpr std::uint8_t kAuthPassword = 1;

/// The password as it is sent: cut or filled up with zero.
[[nodiscard]] std::array<std::uint8_t, kPasswordBytes> password_field(const std::string& password);

}  // namespace tandem::failover::wire
