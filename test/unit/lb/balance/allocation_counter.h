// Counts every allocation of the test program, to prove that something does not allocate.
#pragma once

#include <cstdint>

namespace tandem {

/// Calls of operator new so far. The tests of a program run one after another on one thread.
[[nodiscard]] std::uint64_t allocations() noexcept;

}  // namespace tandem
