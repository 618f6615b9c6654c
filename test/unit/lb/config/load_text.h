// A configuration given as text, loaded.
#pragma once

#include "lb/config/load.h"
#include "test/unit/config/scratch.h"

#include <string_view>

namespace tandem::lb::config {

using namespace tandem::config;

inline LoadResult load_text(const Scratch& scratch, std::string_view text,
                            const Environment& environment = test_environment()) {
  return load({scratch.write("t", text)}, environment);
}

}  // namespace tandem::lb::config
