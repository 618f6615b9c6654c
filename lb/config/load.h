// Loads configuration files into a Snapshot, or says everything that is wrong with them at once.
// Reads files and may resolve names (blocking): for start-up and the control thread, never a
// worker.
#pragma once

#include "config/environment.h"
#include "config/problem.h"
#include "lb/config/snapshot.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::config {

using tandem::config::Environment;
using tandem::config::Problem;
using tandem::config::Problems;

struct LoadResult {
  std::shared_ptr<const Snapshot> snapshot;  // null exactly when there are errors
  Problems errors;                           // by file and position
  Problems warnings;                         // may stand beside a snapshot or beside errors
  std::string hash;                          // of the files' texts, hex: equal files, equal hash
  bool missing_file = false;                 // a path does not exist: the program exits 6, not 2
};

/// Loads `paths` as one configuration: a file is read, of a folder its "*.jsonc" in name order;
/// "include" is followed. `paths` must not be empty.
[[nodiscard]] LoadResult load(const std::vector<std::string>& paths,
                              const Environment& environment = Environment::of_this_process());

/// The configuration of `tandem-lb --from :80 --to 10.0.0.21:8000,10.0.0.22:8000`: frontend "www"
/// on the addresses `from`, backend "app" with servers "web1", "web2", … at the addresses `to`,
/// both comma-separated. Problems name "--from" or "--to" as their file.
[[nodiscard]] LoadResult load_from_to(
    std::string_view from, std::string_view to,
    const Environment& environment = Environment::of_this_process());

}  // namespace tandem::lb::config
