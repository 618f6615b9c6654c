#include "lb/upstream/shared.h"

namespace tandem::lb::upstream {

Shared::Shared(const config::Snapshot& snapshot)
    : frontends(snapshot.frontends.size()), backends(snapshot.backends.size()) {
  process.maxconn = snapshot.global.maxconn;
  for (std::size_t f = 0; f < frontends.size(); ++f)
    frontends[f].maxconn = snapshot.frontends[f].maxconn;
  for (const config::Backend& backend : snapshot.backends) {
    servers.emplace_back(backend.servers.size());
    for (std::size_t s = 0; s < backend.servers.size(); ++s)
      servers.back()[s].maxconn = backend.servers[s].maxconn;
  }
}

}  // namespace tandem::lb::upstream
