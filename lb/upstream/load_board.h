// LoadBoard: tells each worker whose load the other workers have changed, so that a policy that
// keeps servers ordered by load (leastconn) is exact over all workers without a lock.
#pragma once

#include "lb/balance/policy.h"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tandem::lb::upstream {

/// One for each backend whose policy wants loads; two levels of bits for each worker, so that a
/// look costs a few words however many servers there are.
class LoadBoard {
 public:
  LoadBoard(std::uint32_t workers, std::size_t servers);

  /// `worker` changed the load of `server`. Thread: that worker's.
  void mark(std::uint32_t worker, balance::ServerIndex server) noexcept;

  /// Calls `visit` for each server that others marked since the last look. Thread: `worker`'s.
  template <class Visit>
  void drain(std::uint32_t worker, Visit visit) noexcept {
    Marks& marks = *marks_[worker];
    for (std::size_t top = 0; top < marks.summary.size(); ++top) {
      if (marks.summary[top].load() == 0) continue;
      for (std::uint64_t words = marks.summary[top].exchange(0); words != 0; words &= words - 1) {
        const std::size_t word = top * 64 + static_cast<std::size_t>(std::countr_zero(words));
        for (std::uint64_t bits = marks.servers[word].exchange(0); bits != 0; bits &= bits - 1)
          visit(static_cast<balance::ServerIndex>(
              word * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
      }
    }
  }

 private:
  struct alignas(64) Marks {
    std::vector<std::atomic<std::uint64_t>> summary;  // one bit for each word of `servers`
    std::vector<std::atomic<std::uint64_t>> servers;  // one bit for each server
  };

  std::vector<std::unique_ptr<Marks>> marks_;  // by worker
};

}  // namespace tandem::lb::upstream
