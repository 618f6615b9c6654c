// Problem: one thing that is wrong (or doubtful) in a configuration, and where. A value type, made
// while a configuration is loaded, printed by whoever asked for the load.
#pragma once

#include <string>
#include <vector>

namespace tandem::config {

struct Problem {
  std::string file;     // as the user named it, or as an "include" found it
  int line = 1;         // from 1
  int column = 1;       // from 1, in characters
  std::string pointer;  // RFC 6901, to the key or element; empty: the whole file
  std::string message;  // one line, says what is wrong and what to do; never shows a secret

  /// `file:line:column: /pointer/to/key: message`, without a line break.
  [[nodiscard]] std::string text() const;

  friend bool operator==(const Problem&, const Problem&) = default;
};

using Problems = std::vector<Problem>;

}  // namespace tandem::config
