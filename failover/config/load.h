// Loads the configuration for tandem-failover, or says everything that is wrong with it at once.
// Reads files (blocking): for start-up and reload.
#pragma once

#include "config/environment.h"
#include "config/problem.h"
#include "failover/config/settings.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover::config {

/// What is wrong with a file that was named in the configuration.
struct Flaw {
  std::string key;    // of /failover/peer
  std::string words;  // for a person; nothing of a secret
};

/// Which node this is, as far as the machine tells.
struct Identity {
  std::string node;  // --node or $TANDEM_NODE; empty: not said
  /// Whether an address is on one of this machine's interfaces.
  std::function<bool(const IpAddress&)> owns;
  /// Looks at what the node proves itself with on the link; nullopt: usable. Not callable: taken as
  /// it is. From outside, because what a certificate is, is not this room's business.
  std::function<std::optional<Flaw>(const Peer&, const std::string& node)> find_flaw;

  /// Of this process: `node` as given, else $TANDEM_NODE; asks the kernel for addresses.
  [[nodiscard]] static Identity of_this_machine(std::string_view node);
};

struct LoadResult {
  std::shared_ptr<const Settings> settings;  // null exactly when there are errors
  tandem::config::Problems errors;
  tandem::config::Problems warnings;
  std::string hash;  // of the files' texts, hex
  bool missing_file = false;
};

/// Loads `paths` as one configuration, see config/tree.h.
[[nodiscard]] LoadResult load(const std::vector<std::string>& paths, const Identity& identity,
                              const tandem::config::Environment& environment =
                                  tandem::config::Environment::of_this_process());

}  // namespace tandem::failover::config
