#include "common/command/session_commands.h"

#include "common/command/table.h"
#include "common/text.h"

#include <algorithm>

namespace tandem::command {
namespace {

constexpr Milliseconds kTimeoutMax = std::chrono::hours(24 * 24);

Reply prompt(Invocation& invocation) {
  Session& session = invocation.session;
  const std::string_view mode = invocation.word(1);
  if (mode.empty()) {
    session.has_prompt = !session.has_prompt;
    session.is_interactive = session.has_prompt;
  } else if (mode == "n") {
    session.is_interactive = session.has_prompt = false;
  } else if (mode == "i") {
    session.is_interactive = true;
    session.has_prompt = false;
  } else if (mode == "p" || mode == "timed") {
    session.is_interactive = session.has_prompt = true;
  } else {
    return Reply::error("'prompt' supports 'n', 'i' and 'p'.");
  }
  return Reply::done();
}

Reply quit(Invocation& invocation) {
  invocation.session.is_quitting = true;
  return Reply::done();
}

Reply lower_level(Invocation& invocation, Level to) {
  if (invocation.session.level < to) return Reply::error("Permission denied");
  invocation.session.level = to;
  return Reply::done();
}

Reply show_level(Invocation& invocation) {
  return Reply::info(std::string(level_name(invocation.session.level)));
}

Reply set_severity_output(Invocation& invocation) {
  const std::string_view wanted = invocation.word(2);
  SeverityOutput& output = invocation.session.severity_output;
  if (wanted == "none") {
    output = SeverityOutput::kNone;
  } else if (wanted == "number") {
    output = SeverityOutput::kNumber;
  } else if (wanted == "string") {
    output = SeverityOutput::kString;
  } else {
    return Reply::error("one of 'none', 'number', 'string' is a required argument");
  }
  return Reply::done();
}

/// Seconds, or a number with a unit.
std::optional<std::chrono::microseconds> parse_timeout(std::string_view text) {
  if (const auto seconds = parse_decimal(text)) {
    constexpr auto kMost = std::chrono::duration_cast<std::chrono::seconds>(kTimeoutMax).count();
    const auto bounded = std::min<std::uint64_t>(*seconds, static_cast<std::uint64_t>(kMost));
    return std::chrono::seconds(bounded);
  }
  return parse_duration(text);
}

Reply set_timeout(Invocation& invocation) {
  if (invocation.word(2) != "cli") return Reply::error("'set timeout' only supports 'cli'.");
  if (invocation.word(3).empty()) return Reply::error("Expects an integer value.");
  const auto timeout = parse_timeout(invocation.word(3));
  if (!timeout || *timeout < Milliseconds(1)) return Reply::error("Invalid timeout value.");
  invocation.session.timeout =
      std::min(std::chrono::duration_cast<Milliseconds>(*timeout), kTimeoutMax);
  return Reply::done();
}

}  // namespace

void add_session_commands(CommandTable& table) {
  table.add({"help", Level::kUser, "help [<command>]", "list matching or all commands",
             [&table](Invocation& invocation) {
               return Reply::data(
                   "The following commands are valid at this level:\n" +
                   table.usage(invocation.words.subspan(1), invocation.session.level));
             }});
  table.add(
      {"prompt", Level::kUser, "prompt [i|n|p]", "toggle interactive mode with prompt", prompt});
  table.add({"quit", Level::kUser, "quit", "disconnect", quit});
  table.add({"operator", Level::kUser, "operator",
             "lower the level of the current CLI session to operator",
             [](Invocation& i) { return lower_level(i, Level::kOperator); }});
  table.add({"user", Level::kUser, "user", "lower the level of the current CLI session to user",
             [](Invocation& i) { return lower_level(i, Level::kUser); }});
  table.add({"show cli level", Level::kUser, "show cli level",
             "display the level of the current CLI session", show_level});
  table.add({"set severity-output", Level::kUser, "set severity-output [none|number|string]",
             "set presence of severity level in feedback information", set_severity_output});
  table.add({"set timeout", Level::kUser, "set timeout [cli] <delay>", "change a timeout setting",
             set_timeout});
}

}  // namespace tandem::command
