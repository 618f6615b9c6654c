// Holds one file's tree to the schema: keys, types, units, bounds, words. Expands "${…}" on the
// way, since what a string stands for must be known before it can be checked. Names that must
// exist, addresses and files to read are build's business.
#pragma once

#include "common/jsonc.h"
#include "config/environment.h"
#include "config/report.h"

namespace tandem::config {

/// Checks `root` and replaces its strings by what they expand to; those that come from a secret
/// file are marked `hidden`. What the schema refuses stays in the tree as it is: build() passes
/// over values it cannot read, so that everything wrong is found in one go.
void check_shape(jsonc::Value& root, const Environment& environment, Report& report);

/// A string between quotes for a message: shortened, or masked when it is hidden.
[[nodiscard]] std::string quoted(const jsonc::Value& value);

}  // namespace tandem::config
