// CommandTable: the commands of a control socket, one row each, and what to answer when a word is
// not among them. Thread: any one.
#pragma once

#include "common/command/session.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::command {

/// A row. Views must outlive the table (string literals).
struct Command {
  std::string_view words;  // "show servers state": what the line must begin with
  Level level = Level::kUser;
  std::string_view usage;  // "show servers state [<backend>]"
  std::string_view help;   // "dump volatile server information"
  std::function<Reply(Invocation&)> run;
};

class CommandTable {
 public:
  /// Holds help, prompt, quit, operator, user, show cli level, set severity-output and
  /// set timeout cli already: what belongs to the connection and not to the product.
  CommandTable();

  void add(Command command);

  /// Finds the row with the most words that `invocation` begins with and runs it.
  /// "Permission denied" below its level; "Unknown command…" with what was perhaps meant.
  [[nodiscard]] Reply run(Invocation& invocation) const;

  /// Rows that `level` may use and that fit `words` (all of them when empty), as help prints them.
  [[nodiscard]] std::string usage(std::span<const std::string> words, Level level) const;

 private:
  [[nodiscard]] const Command* find(std::span<const std::string> words) const;
  [[nodiscard]] Reply unknown(const Invocation& invocation) const;

  std::vector<Command> commands_;  // sorted by words
};

}  // namespace tandem::command
