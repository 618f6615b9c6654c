// Session: what one connection to a control socket has set for itself, and what a command answers.
// HAProxy's levels, severities and modes. Values; one owner, the connection.
#pragma once

#include "common/time.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::command {

/// In rising order.
enum class Level : std::uint8_t { kUser, kOperator, kAdmin };
[[nodiscard]] std::string_view level_name(Level level) noexcept;

/// syslog's numbers: clients take 0 to 3 for a refusal.
enum class Severity : std::uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

/// "set severity-output": what stands before a message.
enum class SeverityOutput : std::uint8_t { kNone, kNumber, kString };

struct Session {
  Level level = Level::kUser;
  SeverityOutput severity_output = SeverityOutput::kNone;
  bool is_interactive = false;  // stays open after a line
  bool has_prompt = false;      // writes "> "
  bool is_quitting = false;     // close after this answer
  Milliseconds timeout{10'000};
};

/// The answer to one command: nothing (done), data, or a message with a severity.
struct Reply {
  std::string text;                  // without the empty line that ends each answer
  std::optional<Severity> severity;  // none: data, never prefixed

  [[nodiscard]] static Reply done() { return {}; }
  [[nodiscard]] static Reply data(std::string text) { return {std::move(text), std::nullopt}; }
  [[nodiscard]] static Reply error(std::string text) { return {std::move(text), Severity::kError}; }
  [[nodiscard]] static Reply warning(std::string text) {
    return {std::move(text), Severity::kWarning};
  }
  [[nodiscard]] static Reply info(std::string text) { return {std::move(text), Severity::kInfo}; }
};

/// One command as it is run. Everything is valid during the call only.
struct Invocation {
  Session& session;
  std::span<const std::string> words;  // all of them, the command's own included
  std::string_view payload;            // what came after "<<"; empty: none

  /// The word at `i`, or nothing.
  [[nodiscard]] std::string_view word(std::size_t i) const noexcept {
    return i < words.size() ? std::string_view(words[i]) : std::string_view();
  }
};

}  // namespace tandem::command
