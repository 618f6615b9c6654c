// Builds the settings from a merged tree whose shape has been checked, and reports what only the
// whole can show. Never stops at the first problem.
#pragma once

#include "config/builder.h"
#include "failover/config/load.h"
#include "failover/config/settings.h"

namespace tandem::failover::config {

/// `settings` are whole only if `builder.report` has no errors afterwards.
void build(const tandem::config::Builder& builder, const Identity& identity, Settings& settings);

}  // namespace tandem::failover::config
