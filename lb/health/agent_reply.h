// AgentReply: the line with which an agent on a server answers, in HAProxy's language (its manual,
// "agent-check"). Pure.
//
//   line = *( word / blank ) [ "#" reason ] ( CR / LF )
//   word = "up" / "down" / "fail" / "stopped" / "ready" / "drain" / "maint"
//        / weight "%" / "maxconn:" number
#pragma once

#include "lb/health/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::lb::health {

/// What an agent has said. Of words of one kind the last counts.
struct AgentReply {
  /// Longest line that is read.
  static constexpr std::size_t kLineBytesMax = 1024;

  enum class Admin : std::uint8_t { kReady, kDrain, kMaint };

  bool is_whole = true;        // false: the line had no end, and nothing of it counts
  std::optional<bool> is_up;   // false: "down", "fail", "stopped"; nullopt: nothing of health
  std::string word;            // which of them, as it was written
  std::optional<Admin> admin;  // nullopt: nothing
  std::string weight;          // "75%", perhaps badly written; empty: nothing
  std::optional<std::string> maxconn;  // what stood behind the colon; nullopt: nothing
  std::string error;   // the first word that is none of these; empty: there was none
  std::string reason;  // behind "#"
};

/// Reads a line without its end. Words are told apart by blanks, tabs and commas, and may be
/// written in capitals.
[[nodiscard]] AgentReply read_agent_reply(std::string_view line);

/// L7OK, L7STS, or CHECKED if nothing was said of health.
[[nodiscard]] Status status_of(const AgentReply& reply) noexcept;

/// last_agt of show stat: "via agent : fail (disk full)". `warning`: what was wrong with its weight
/// or maxconn; empty: nothing.
[[nodiscard]] std::string describe(const AgentReply& reply, std::string_view warning = {});

}  // namespace tandem::lb::health
