// record: one finished request into the figures and the access log. The only place where figures of
// requests are counted from.
#pragma once

#include "lb/proxy/context.h"
#include "lb/proxy/outcome.h"

namespace tandem::lb::proxy {

/// Thread: the worker's.
void record(Context& context, const Outcome& outcome);

}  // namespace tandem::lb::proxy
