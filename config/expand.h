// What "${…}" in a string becomes: a variable, its default, or the text of a file.
#pragma once

#include "common/result.h"
#include "config/environment.h"

#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

struct Expanded {
  std::string text;
  bool secret = false;                // part of it came from a file: never to be shown
  std::vector<std::string> warnings;  // a secret file others can read
};

/// Replaces each "${NAME}", "${NAME:-default}" (unset or empty: the default) and "${file:name}"
/// (beside `config_file`, else in $CREDENTIALS_DIRECTORY; without its last line break). "$${" is a
/// plain "${". Errors: unset variable, unreadable file, bad form.
[[nodiscard]] Result<Expanded> expand(std::string_view text, std::string_view config_file,
                                      const Environment& environment);

}  // namespace tandem::config
