// Moves: what tandemctl reads about addresses that are moved (`show moves json`), and says of them.
// Pure.
#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::ctl {

/// A router's last move away from the node that was asked.
struct Move {
  std::string router;
  bool is_active = false;  // the router, on that node
  std::string began;       // empty: there was no move
  std::string to;
  std::string stage;  // "asked", "retaining", "done", "failed"
  std::string words;
  double took_seconds = 0;
  double lasted_seconds = 0;
  std::uint64_t kept = 0;
  std::uint64_t left = 0;
  std::uint64_t cut = 0;
  std::uint64_t packets = 0;
};

/// Errors: not what tandem-failover answers.
[[nodiscard]] Result<std::vector<Move>> parse_moves(std::string_view json);

/// Those of `now` that had not begun before.
[[nodiscard]] std::vector<Move> begun_since(const std::vector<Move>& before,
                                            const std::vector<Move>& now);

/// One line, when the address has moved or has not: "main moved to lb2 in 13 ms; …".
[[nodiscard]] std::string moved_words(const Move& move);
/// One line, when nothing is left of it: "main: the last of 67 connections ended after 4.2 s; …".
[[nodiscard]] std::string over_words(const Move& move);

/// Lines of `show events` that `before` has not, each with the time since the first of them.
[[nodiscard]] std::string timeline(std::string_view before, std::string_view after);

}  // namespace tandem::ctl
