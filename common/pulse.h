// Pulse: what tandem-lb and tandem-failover of one node say to each other on a Unix socket of
// packets (SOCK_SEQPACKET). First of all it shows whether the data plane is dead, hung or unfit, so
// that the address is given away at once: tandem-failover connects and says how often; each worker
// of tandem-lb then beats by itself, and the control thread says how fit the whole is. The end of
// the process is the end of the connection. What operators have set on servers, and how the servers
// are, goes both ways, for the other node of the pair; from tandem-failover come the news that an
// address moves away, and the picture of the pair for the page. Both run on one machine, of one
// version: numbers are in its byte order. Pure.
#pragma once

#include "common/ip_address.h"
#include "common/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::pulse {

inline constexpr std::size_t kPacketBytesMax = 16 * 1024;
inline constexpr std::size_t kWhyBytesMax = 200;
/// Of "backend/server".
inline constexpr std::size_t kServerNameBytesMax = 1024;
inline constexpr std::size_t kPictureBytesMax = kPacketBytesMax - 64;
/// Of one Leaving: as many as fit.
inline constexpr std::size_t kAddressesMax = 512;
/// Bounds of what may be asked for.
inline constexpr Milliseconds kPeriodMin{5};
inline constexpr Milliseconds kPeriodMax{1'000};

/// tandem-failover's first packet.
struct Hello {
  Milliseconds period{50};
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// A worker's loop has turned.
struct Beat {
  std::uint16_t worker = 0;
  std::uint32_t thread = 0;  // as the kernel numbers it (gettid): whether it was given a CPU
  friend bool operator==(const Beat&, const Beat&) = default;
};

/// How the data plane is, from its control thread; as often as a beat.
struct Condition {
  enum class Fitness : std::uint8_t {
    kFit = 0,
    kNotReady = 1,   // turns, but cannot serve as configured
    kExhausted = 2,  // serves, but further clients cannot get in
    kStopping = 3,   // was told to stop
  };
  std::uint16_t workers = 0;  // how many beat
  Fitness fitness = Fitness::kFit;
  std::string why;  // in words; cut at kWhyBytesMax; empty when fit
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// One thing about one server, with the time at which it became so. Of two about the same thing the
/// later counts, and of two as late the greater value, whichever way they come and however often.
/// tandem-lb says what was set on it and what its checks found, all of it after Hello;
/// tandem-failover says what it knows of the other node, or of a tandem-lb that ran before.
struct ServerSetting {
  enum class What : std::uint8_t {
    kAdmin = 1,   // 0 ready, 1 drain, 2 maint: set by an operator
    kWeight = 2,  // 0 to 256: set by an operator
    kHealth = 3,  // 0 down, 1 up: found by checks
  };
  What what = What::kAdmin;
  std::uint16_t value = 0;
  /// Microseconds since the epoch, and always more than that of what it replaces. 0: as configured.
  std::uint64_t stamp = 0;
  std::string server;  // "backend/server"; at most kServerNameBytesMax
  friend bool operator==(const ServerSetting&, const ServerSetting&) = default;
};

/// From tandem-failover: these addresses, and no others, are moving to the other node or have just
/// moved there. Connections that came in on them go on, and end at the next occasion that loses
/// nothing. Empty: none moves any more.
struct Leaving {
  std::vector<IpAddress> addresses;  // at most kAddressesMax
  friend bool operator==(const Leaving&, const Leaving&) = default;
};

/// From tandem-failover, for the page: how both nodes stand, as JSON.
struct Picture {
  std::string json;  // at most kPictureBytesMax, or it is not sent
  friend bool operator==(const Picture&, const Picture&) = default;
};

using Packet = std::variant<Hello, Beat, Condition, ServerSetting, Leaving, Picture>;

/// At most kPacketBytesMax bytes.
[[nodiscard]] std::string encode(const Packet& packet);
/// nullopt: no packet of this version.
[[nodiscard]] std::optional<Packet> decode(std::span<const char> bytes);

}  // namespace tandem::pulse
