// CHECK ends the process on a state that would corrupt later work. Never for what a peer, the
// network, the clock or the file system can bring about: those are expected values.
#pragma once

namespace tandem {

/// Writes file, line and the condition to stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace tandem

#define CHECK_THAT_HOLDS_(condition)                          \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::tandem::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)

/// Always on.
#define TANDEM_CHECK(condition) CHECK_THAT_HOLDS_(condition)

/// Cheap local truths; compiled out of release builds.
#ifdef NDEBUG
#define TANDEM_DCHECK(condition) \
  do {                           \
  } while (false)
#else
#define TANDEM_DCHECK(condition) CHECK_THAT_HOLDS_(condition)
#endif
