// Endpoints of tandem-failover's admin server: /live, /ready and /metrics. Thread: the loop's.
#pragma once

#include "admin/endpoints.h"

namespace tandem::failover {

class Daemon;

/// - `/live`: 200 as long as the loop turns.
/// - `/ready`: 200 once the machines run and every right is there, else 503 with the reason.
/// - `/metrics`: Prometheus' text format.
class Endpoints final : public tandem::admin::Endpoints {
 public:
  explicit Endpoints(const Daemon& daemon) : daemon_(daemon) {}

  [[nodiscard]] tandem::admin::Reply answer(const tandem::admin::Request& request) const override;

 private:
  [[nodiscard]] tandem::admin::Reply ready() const;

  const Daemon& daemon_;
};

}  // namespace tandem::failover
