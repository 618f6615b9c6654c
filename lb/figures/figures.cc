#include "lb/figures/figures.h"

namespace tandem::lb::figures {

WorkerFigures::WorkerFigures(const config::Snapshot& snapshot)
    : frontends_(snapshot.frontends.size()), backends_(snapshot.backends.size()) {
  std::uint32_t servers = 0;
  for (const config::Backend& backend : snapshot.backends) {
    first_server_.push_back(servers);
    servers += static_cast<std::uint32_t>(backend.servers.size());
  }
  servers_ = std::vector<ServerCells>(servers);
}

Figures::Figures(const config::Snapshot& snapshot, std::uint32_t workers) {
  for (std::uint32_t i = 0; i < workers; ++i)
    workers_.push_back(std::make_unique<WorkerFigures>(snapshot));
}

}  // namespace tandem::lb::figures
