// Readiness: whether this node should get traffic, and if not, why. Read by /ready, and by whatever
// decides about the address. Pure but for the atomics it reads. Thread: control.
#pragma once

#include "lb/admin/source.h"

#include <string>

namespace tandem::lb::admin {

/// Words for a person, "backend app has no usable server"; empty: ready. Not ready are: a process
/// that stops, one where no frontend listens, and one where the default backend of a frontend has
/// no usable server.
[[nodiscard]] std::string why_not_ready(const Source& source);

}  // namespace tandem::lb::admin
