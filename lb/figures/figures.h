// Figures: every worker's cells, in one block for each worker so that no two workers write the same
// cache line.
#pragma once

#include "lb/config/snapshot.h"
#include "lb/figures/cells.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace tandem::lb::figures {

/// The cells of one worker, indexed as the snapshot is. Sizes never change.
class WorkerFigures {
 public:
  explicit WorkerFigures(const config::Snapshot& snapshot);

  [[nodiscard]] WorkerCells& worker() noexcept { return worker_; }
  [[nodiscard]] FrontendCells& frontend(config::FrontendIndex f) noexcept { return frontends_[f]; }
  [[nodiscard]] ServerCells& backend(config::BackendIndex b) noexcept { return backends_[b]; }
  [[nodiscard]] ServerCells& server(config::BackendIndex b, std::uint32_t s) noexcept {
    return servers_[first_server_[b] + s];
  }
  [[nodiscard]] const WorkerCells& worker() const noexcept { return worker_; }
  [[nodiscard]] const FrontendCells& frontend(config::FrontendIndex f) const noexcept {
    return frontends_[f];
  }
  [[nodiscard]] const ServerCells& backend(config::BackendIndex b) const noexcept {
    return backends_[b];
  }
  [[nodiscard]] const ServerCells& server(config::BackendIndex b, std::uint32_t s) const noexcept {
    return servers_[first_server_[b] + s];
  }

 private:
  WorkerCells worker_;
  std::vector<FrontendCells> frontends_;
  std::vector<ServerCells> backends_;
  std::vector<ServerCells> servers_;         // of all backends, one after the other
  std::vector<std::uint32_t> first_server_;  // by backend
};

/// All workers. Made before they start, destroyed after they ended. Reading: any thread.
class Figures {
 public:
  Figures(const config::Snapshot& snapshot, std::uint32_t workers);

  [[nodiscard]] std::uint32_t workers() const noexcept {
    return static_cast<std::uint32_t>(workers_.size());
  }
  [[nodiscard]] WorkerFigures& of(std::uint32_t worker) noexcept { return *workers_[worker]; }
  [[nodiscard]] const WorkerFigures& of(std::uint32_t worker) const noexcept {
    return *workers_[worker];
  }

 private:
  std::vector<std::unique_ptr<WorkerFigures>> workers_;
};

}  // namespace tandem::lb::figures
