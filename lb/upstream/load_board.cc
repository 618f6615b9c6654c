#include "lb/upstream/load_board.h"

namespace tandem::lb::upstream {

LoadBoard::LoadBoard(std::uint32_t workers, std::size_t servers) {
  const std::size_t words = (servers + 63) / 64;
  for (std::uint32_t i = 0; i < workers; ++i) {
    auto marks = std::make_unique<Marks>();
    marks->summary = std::vector<std::atomic<std::uint64_t>>((words + 63) / 64);
    marks->servers = std::vector<std::atomic<std::uint64_t>>(words);
    marks_.push_back(std::move(marks));
  }
}

void LoadBoard::mark(std::uint32_t worker, balance::ServerIndex server) noexcept {
  const std::size_t word = server / 64;
  const std::uint64_t bit = std::uint64_t{1} << (server % 64);
  for (std::size_t other = 0; other < marks_.size(); ++other) {
    if (other == worker) continue;
    Marks& marks = *marks_[other];
    // The server's bit first: whoever sees the summary bit finds it.
    if ((marks.servers[word].load() & bit) == 0) marks.servers[word].fetch_or(bit);
    marks.summary[word / 64].fetch_or(std::uint64_t{1} << (word % 64));
  }
}

}  // namespace tandem::lb::upstream
