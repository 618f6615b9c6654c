#include "lb/admin/readiness.h"

namespace tandem::lb::admin {

std::string why_not_ready(const Source& source) {
  const config::Snapshot& snapshot = source.stat.snapshot;
  if (source.process.stopping) return "stopping";
  if (source.facts.frontends_listening == 0) return "no frontend listens";
  for (const config::Frontend& frontend : snapshot.frontends) {
    if (!frontend.default_backend) continue;
    if (source.stat.fleet.backend(*frontend.default_backend).is_up) continue;
    return "backend " + snapshot.backends[*frontend.default_backend].name + " has no usable server";
  }
  return {};
}

}  // namespace tandem::lb::admin
