// Pulse: what tandem-lb shows tandem-failover on a Unix socket of packets (SOCK_SEQPACKET), so that
// a data plane that is dead, hung or unfit gives the address away at once. tandem-failover connects
// and says how often; each worker of tandem-lb then beats by itself, and the control thread says
// how fit the whole is. The end of the process is the end of the connection. Both run on one
// machine: numbers are in its byte order. Pure.
#pragma once

#include "common/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace tandem::pulse {

inline constexpr std::size_t kPacketBytesMax = 256;
inline constexpr std::size_t kWhyBytesMax = 200;
/// Bounds of what may be asked for.
inline constexpr Milliseconds kPeriodMin{5};
inline constexpr Milliseconds kPeriodMax{1'000};

/// tandem-failover's first and only packet.
struct Hello {
  Milliseconds period{50};
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// A worker's loop has turned.
struct Beat {
  std::uint16_t worker = 0;
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

using Packet = std::variant<Hello, Beat, Condition>;

/// At most kPacketBytesMax bytes.
[[nodiscard]] std::string encode(const Packet& packet);
/// nullopt: no packet of this version.
[[nodiscard]] std::optional<Packet> decode(std::span<const char> bytes);

}  // namespace tandem::pulse
