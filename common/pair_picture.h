// PairPicture: how both nodes of a pair stand, for the page: tandem-failover makes it and sends it
// to the tandem-lb of its node (pulse::Picture), which shows it. What cannot be read is left out,
// and nothing is believed but its shape: whoever shows it escapes it. Pure.
//
//   {"nodes": [{"name", "self", "up", "trouble", "version", "config_hash", "started_at",
//               "round_trip_us", "routers": [{"name", "addresses", "state", "priority", "why",
//               "since", "taken_at", "takeover_us"}], "left_out"}]}
//
// Times are milliseconds since the epoch by the clock of the node they are about; 0: not known.
#pragma once

#include "common/time.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

struct PairPicture {
  using Time = std::chrono::sys_time<Milliseconds>;

  static constexpr std::size_t kNodesMax = 32;
  static constexpr std::size_t kRoutersMax = 255;  // of one node
  static constexpr std::size_t kTextBytesMax = 200;

  /// A virtual router as its node says that it is.
  struct Router {
    std::string name;
    std::vector<std::string> addresses;     // with the length of their network
    std::string state;                      // "active", "backup", "initialize"
    std::uint8_t priority = 0;              // 0: no right to the addresses
    std::string why;                        // of that priority, in words
    Time since{};                           // it has been in that state
    Time taken_at{};                        // it last took the addresses over
    std::chrono::microseconds takeover{0};  // what that took, from the decision to the announcement
    friend bool operator==(const Router&, const Router&) = default;
  };

  struct Node {
    std::string name;
    bool is_self = false;  // the one that says all this
    bool is_up = false;    // heard on the link between the nodes; true of itself
    std::string trouble;   // why it is not
    std::string version;
    std::string config_hash;  // empty: not known
    Time started_at{};
    std::chrono::microseconds round_trip{0};  // there and back; 0: not known
    std::vector<Router> routers;
    std::size_t left_out = 0;  // routers for which there was no room
    friend bool operator==(const Node&, const Node&) = default;
  };

  std::vector<Node> nodes;  // itself first
  friend bool operator==(const PairPicture&, const PairPicture&) = default;
};

/// As JSON of at most `bytes_max` bytes. Texts are cut to kTextBytesMax and mended where they are
/// not UTF-8; routers are left out where there are too many. nullopt: not even then.
[[nodiscard]] std::optional<std::string> encode(const PairPicture& picture, std::size_t bytes_max);

/// nullopt: nothing that encode() wrote.
[[nodiscard]] std::optional<PairPicture> decode_pair_picture(std::string_view json);

}  // namespace tandem
