#include "ctl/moves.h"

#include "common/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace tandem::ctl {
namespace {

using Json = nlohmann::json;

template <class Value>
void read(const Json& object, const char* key, Value& into) {
  if (const auto found = object.find(key); found != object.end()) found->get_to(into);
}

Move parse_move(const Json& json) {
  Move move;
  std::string state;
  read(json, "router", move.router);
  read(json, "state", state);
  move.is_active = state == "active";
  const auto report = json.find("move");
  if (report == json.end()) return move;
  read(*report, "began", move.began);
  read(*report, "to", move.to);
  read(*report, "stage", move.stage);
  read(*report, "words", move.words);
  read(*report, "took_seconds", move.took_seconds);
  read(*report, "lasted_seconds", move.lasted_seconds);
  read(*report, "connections_kept", move.kept);
  read(*report, "connections_left", move.left);
  read(*report, "connections_cut", move.cut);
  read(*report, "packets_handed_back", move.packets);
  return move;
}

std::string and_words(const Move& move) {
  return move.words.empty() ? "" : fmt::format(" ({})", move.words);
}

/// "2026-11-21T20:15:42.123Z …": seconds of the day; nullopt: no such line.
std::optional<double> second_of(std::string_view line) {
  constexpr std::size_t kTimeAt = 11;
  if (line.size() < kTimeAt + 13 || line[10] != 'T') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    std::from_chars(line.data() + at, line.data() + at + length, value);
    return value;
  };
  const int hours = number(kTimeAt, 2);
  const int minutes = number(kTimeAt + 3, 2);
  const int seconds = number(kTimeAt + 6, 2);
  const int thousandths = number(kTimeAt + 9, 3);
  if (hours < 0 || minutes < 0 || seconds < 0 || thousandths < 0) return std::nullopt;
  return hours * 3600 + minutes * 60 + seconds + thousandths / 1000.0;
}

}  // namespace

Result<std::vector<Move>> parse_moves(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() ||
      !std::ranges::all_of(json, [](const Json& entry) { return entry.is_object(); }))
    return fail("tandem-failover answers something else than its moves");
  std::vector<Move> moves;
  try {
    for (const Json& entry : json) moves.push_back(parse_move(entry));
  } catch (const Json::exception&) {
    return fail("tandem-failover tells of its moves in another way than this program knows");
  }
  return moves;
}

std::vector<Move> begun_since(const std::vector<Move>& before, const std::vector<Move>& now) {
  std::vector<Move> begun;
  for (const Move& move : now) {
    const auto old = std::ranges::find(before, move.router, &Move::router);
    if (!move.began.empty() && (old == before.end() || old->began != move.began))
      begun.push_back(move);
  }
  return begun;
}

std::string moved_words(const Move& move) {
  if (move.stage == "failed") return fmt::format("{} does not move: {}", move.router, move.words);
  const std::string moved =
      fmt::format("{} moved to {} in {:.0f} ms", move.router, move.to, move.took_seconds * 1000);
  if (move.stage == "retaining")
    return fmt::format("{}; {} older connections go on here until they end{}", moved, move.left,
                       and_words(move));
  if (move.kept > 0 || move.lasted_seconds > 0) return over_words(move);
  return fmt::format("{}; older connections broke{}", moved, and_words(move));
}

std::string over_words(const Move& move) {
  return fmt::format(
      "{} moved to {} in {:.0f} ms; {} older connections went on, {} were cut; over after {:.1f} "
      "s, "
      "{} packets handed back{}",
      move.router, move.to, move.took_seconds * 1000, move.kept, move.cut, move.lasted_seconds,
      move.packets, and_words(move));
}

std::string timeline(std::string_view before, std::string_view after) {
  const auto old_lines = split(before, '\n');
  const std::multiset<std::string_view> known(old_lines.begin(), old_lines.end());
  std::string out;
  std::optional<double> first;
  for (const std::string_view line : split(after, '\n')) {
    const auto at = second_of(line);
    if (!at || known.contains(line)) continue;
    if (!first) first = *at;
    constexpr double kDay = 86'400;
    const double since = *at >= *first ? *at - *first : *at - *first + kDay;
    out +=
        fmt::format("{:>9.3f} s {}\n", since, line.substr(std::min(line.find(' '), line.size())));
  }
  return out;
}

}  // namespace tandem::ctl
