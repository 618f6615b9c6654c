#include "common/command/table.h"

#include "common/command/session_commands.h"
#include "common/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tandem::command {
namespace {

using Words = std::span<const std::string>;

/// True if `given` begins with all words of the row.
bool begins_with(Words given, const std::vector<std::string_view>& row) {
  return given.size() >= row.size() && std::equal(row.begin(), row.end(), given.begin());
}

/// True if the row could still become what was typed: each word as far as both go.
bool could_be(Words given, const std::vector<std::string_view>& row) {
  for (std::size_t i = 0; i < given.size() && i < row.size(); ++i)
    if (!row[i].starts_with(given[i])) return false;
  return true;
}

bool always_listed(std::string_view words) {
  return words == "help" || words == "prompt" || words == "quit";
}

std::string usage_line(const Command& command) {
  return fmt::format("  {:<39}: {}\n", command.usage, command.help);
}

std::string joined(Words words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// What a peer sent, short and printable enough to be said back to it.
std::string quotable(std::string_view text) {
  constexpr std::size_t kMost = 64;
  std::string out(text.substr(0, kMost));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

}  // namespace

CommandTable::CommandTable() { add_session_commands(*this); }

void CommandTable::add(Command command) {
  const auto place = std::ranges::upper_bound(commands_, command.words, {}, &Command::words);
  commands_.insert(place, std::move(command));
}

const Command* CommandTable::find(Words words) const {
  const Command* best = nullptr;
  for (const Command& command : commands_) {
    if (!begins_with(words, split(command.words, ' '))) continue;
    if (best == nullptr || command.words.size() > best->words.size()) best = &command;
  }
  return best;
}

Reply CommandTable::run(Invocation& invocation) const {
  const Command* command = find(invocation.words);
  if (command == nullptr) return unknown(invocation);
  if (invocation.session.level < command->level) return Reply::error("Permission denied");
  return command->run(invocation);
}

std::string CommandTable::usage(Words words, Level level) const {
  std::string lines;
  std::string last;
  for (const Command& command : commands_) {
    if (always_listed(command.words)) {
      last += usage_line(command);
    } else if (command.level <= level && could_be(words, split(command.words, ' '))) {
      lines += usage_line(command);
    }
  }
  return lines + last;
}

Reply CommandTable::unknown(const Invocation& invocation) const {
  const Level level = invocation.session.level;
  const std::string typed = joined(invocation.words);
  const std::string all = usage({}, level);
  if (typed.empty())
    return Reply::error("Unknown command. Please enter one of the following commands only:\n" +
                        all);
  std::string matches;
  std::vector<std::string_view> known;
  for (const Command& command : commands_) {
    if (command.level > level) continue;
    known.push_back(command.words);
    if (could_be(invocation.words, split(command.words, ' '))) matches += usage_line(command);
  }
  if (matches.empty()) {
    constexpr std::size_t kComparedMax = 64;  // longer than any command; the work grows with it
    const auto near = nearest(std::string_view(typed).substr(0, kComparedMax), known);
    for (const Command& command : commands_)
      if (near && command.words == *near) matches += usage_line(command);
  }
  if (matches.empty())
    return Reply::error(
        fmt::format("Unknown command: '{}'. Please enter one of the following commands only:\n{}",
                    quotable(typed), all));
  for (const Command& command : commands_)
    if (always_listed(command.words) && matches.find(usage_line(command)) == std::string::npos)
      matches += usage_line(command);
  return Reply::error(fmt::format(
      "Unknown command: '{}', but maybe one of the following ones is a better match:\n{}",
      quotable(typed), matches));
}

}  // namespace tandem::command
