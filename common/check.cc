#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace tandem {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "tandem: check failed at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace tandem
