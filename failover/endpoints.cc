#include "failover/endpoints.h"

#include "failover/daemon.h"
#include "failover/metric_families.h"
#include "metrics/exposition.h"

#include <fmt/format.h>

namespace tandem::failover {

tandem::admin::Reply Endpoints::answer(const tandem::admin::Request& request) const {
  if (!request.is_get) return {.status = 405, .body = "Only GET and HEAD: nothing changes here.\n"};
  if (request.path == "/live") return {.body = "alive\n"};
  if (request.path == "/ready") return ready();
  if (request.path == "/metrics")
    return {.content_type = std::string(metrics::kExpositionContentType),
            .body = metrics::expose(metric_families(daemon_))};
  return {.status = 404, .body = "There is /live, /ready and /metrics.\n"};
}

tandem::admin::Reply Endpoints::ready() const {
  if (!daemon_.is_started()) return {.status = 503, .body = "starting\n"};
  for (const auto& router : daemon_.routers())
    if (router->right().priority == 0)
      return {.status = 503,
              .body = fmt::format("{}: {}\n", router->router().name, router->right().why)};
  return {.body = "ready\n"};
}

}  // namespace tandem::failover
