// Tree: the files of a configuration read, merged and held to the schema, before any program builds
// its part from it. Blocking (files).
#pragma once

#include "common/jsonc.h"
#include "config/environment.h"
#include "config/report.h"

#include <string>
#include <vector>

namespace tandem::config {

struct Tree {
  jsonc::Value root;
  Report report;              // with what is wrong so far
  std::string hash;           // of the files' texts, hex: equal files, equal hash
  bool is_whole = true;       // every file held the grammar: names can be looked up
  bool missing_file = false;  // a path does not exist: the program exits 6, not 2
};

/// Reads `paths` as one configuration: a file is read, of a folder its "*.jsonc" in name order;
/// "include" is followed. `paths` must not be empty.
[[nodiscard]] Tree read_tree(const std::vector<std::string>& paths, const Environment& environment);

/// The same for a tree that is no file's; `report` knows the sources it names.
[[nodiscard]] Tree check_tree(jsonc::Value root, Report report, const Environment& environment);

}  // namespace tandem::config
