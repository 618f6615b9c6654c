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

std::uint32_t Shared::requests(config::BackendIndex backend) const noexcept {
  std::uint32_t sum = backends[backend].queued.load(std::memory_order_relaxed);
  for (const ServerShared& server : servers[backend]) {
    sum += server.load.load(std::memory_order_relaxed);
    sum += server.queued.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace tandem::lb::upstream
