#include "ctl/moving.h"

#include "common/time.h"
#include "ctl/client.h"
#include "ctl/moves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <expected>
#include <thread>
#include <utility>

namespace tandem::ctl {
namespace {

constexpr std::chrono::milliseconds kAskEvery{20};
constexpr std::chrono::milliseconds kAskSlowlyEvery{500};
constexpr std::chrono::hours kDay{24};
// The other node's last words about a move come over the link.
constexpr std::chrono::milliseconds kLastWords{300};

/// Why the command ends early.
struct Stop {
  int status;
  std::string words;  // whole lines
};
template <class T>
using Step = std::expected<T, Stop>;

std::unexpected<Stop> refuse(std::string words) {
  return std::unexpected(Stop{kRefused, std::move(words)});
}

/// What was asked for, besides the verb.
struct Wish {
  std::string router;  // empty: all
  bool waits = false;
  std::chrono::milliseconds stay = kDrillStay;
};

class Mover {
 public:
  explicit Mover(const SocketAddress& socket) : socket_(socket) {}

  Step<void> give(const Wish& wish) const {
    const auto before = moves();
    if (!before) return std::unexpected(before.error());
    if (auto begun = answer(command("switchover", wish)); !begun)
      return std::unexpected(begun.error());
    const auto begun = wait_for_moves(*before, "asked", kAskEvery, kMoveTime);
    if (!begun) return std::unexpected(begun.error());
    if (begun->empty()) return refuse("the other node does not answer; see 'tandemctl events'\n");
    for (const Move& move : *begun) fmt::print("{}\n", moved_words(move));
    (void)std::fflush(stdout);
    if (std::ranges::any_of(*begun, [](const Move& move) { return move.stage == "failed"; }))
      return refuse("");
    return wish.waits ? wait_for_the_last(*before, *begun) : Step<void>();
  }

  Step<void> take(const Wish& wish) const {
    if (auto asked = answer(command("takeover", wish)); !asked)
      return std::unexpected(asked.error());
    const Instant began = Clock::now();
    for (;;) {
      const auto now = moves();
      if (!now) return std::unexpected(now.error());
      if (std::ranges::all_of(
              *now, [&](const Move& move) { return move.is_active || !is_meant(move, wish); }))
        break;
      if (Clock::now() - began > kMoveTime)
        return refuse("it has not come; see 'tandemctl events'\n");
      std::this_thread::sleep_for(kAskEvery);
    }
    fmt::print("{} moved here\n", wish.router.empty() ? "everything" : wish.router);
    (void)std::fflush(stdout);
    return {};
  }

  Step<void> drill(const Wish& wish) const {
    const auto before = answer("show events");
    const auto now = moves();
    if (!before || !now) return std::unexpected(!before ? before.error() : now.error());
    const bool is_here = std::ranges::any_of(
        *now, [&](const Move& move) { return move.is_active && is_meant(move, wish); });
    if (auto there = is_here ? give(wish) : take(wish); !there) return there;
    std::this_thread::sleep_for(wish.stay);
    if (auto back = is_here ? take(wish) : give(wish); !back) return back;
    std::this_thread::sleep_for(kLastWords);
    const auto after = answer("show events");
    if (!after) return std::unexpected(after.error());
    fmt::print("\n{}", timeline(*before, *after));
    return {};
  }

 private:
  static std::string command(const char* verb, const Wish& wish) {
    return wish.router.empty() ? verb : fmt::format("{} {}", verb, wish.router);
  }
  static bool is_meant(const Move& move, const Wish& wish) {
    return wish.router.empty() || move.router == wish.router;
  }

  [[nodiscard]] Step<std::string> answer(const std::string& command) const {
    auto answer = ask(socket_, command);
    if (!answer) return std::unexpected(Stop{kNotReachable, answer.error().message + "\n"});
    if (answer->is_refused) return refuse(answer->text);
    return answer->text;
  }

  [[nodiscard]] Step<std::vector<Move>> moves() const {
    const auto text = answer("show moves json");
    if (!text) return std::unexpected(text.error());
    auto moves = parse_moves(*text);
    if (!moves) return refuse(moves.error().message + "\n");
    return *moves;
  }

  /// Those that have begun since `before`, once none of them is in that stage; none: not in time.
  [[nodiscard]] Step<std::vector<Move>> wait_for_moves(const std::vector<Move>& before,
                                                       std::string_view stage,
                                                       std::chrono::milliseconds every,
                                                       std::chrono::milliseconds most) const {
    const Instant began = Clock::now();
    do {
      const auto now = moves();
      if (!now) return now;
      std::vector<Move> begun = begun_since(before, *now);
      if (!begun.empty() && std::ranges::find(begun, stage, &Move::stage) == begun.end())
        return begun;
      std::this_thread::sleep_for(every);
    } while (Clock::now() - began < most);
    return std::vector<Move>();
  }

  [[nodiscard]] Step<void> wait_for_the_last(const std::vector<Move>& before,
                                             const std::vector<Move>& begun) const {
    const auto over = wait_for_moves(before, "retaining", kAskSlowlyEvery, kDay);
    if (!over) return std::unexpected(over.error());
    for (const Move& move : *over) {
      const auto was = std::ranges::find(begun, move.router, &Move::router);
      if (was != begun.end() && was->stage == "retaining") fmt::print("{}\n", over_words(move));
    }
    return {};
  }

  const SocketAddress& socket_;
};

Step<Wish> parse_wish(const std::vector<std::string>& words) {
  Wish wish;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words.front() == "switchover" && words[i] == "--wait") {
      wish.waits = true;
    } else if (words.front() == "drill" && words[i] == "--stay" && i + 1 < words.size()) {
      const auto stay = parse_duration(words[++i]);
      if (!stay)
        return std::unexpected(
            Stop{kBadUsage, "tandemctl: --stay: a time with a unit is expected: 5s\n"});
      wish.stay = std::chrono::duration_cast<std::chrono::milliseconds>(*stay);
    } else if (wish.router.empty() && !words[i].starts_with('-')) {
      wish.router = words[i];
    } else {
      return std::unexpected(Stop{
          kBadUsage, fmt::format("tandemctl: {}: what is \"{}\"?\n", words.front(), words[i])});
    }
  }
  return wish;
}

Step<void> carry_out(const Arguments& arguments) {
  const auto wish = parse_wish(arguments.words);
  if (!wish) return std::unexpected(wish.error());
  const auto socket = parse_socket(arguments.failover_socket);
  if (!socket) return std::unexpected(Stop{kBadUsage, socket.error().message + "\n"});
  const Mover mover(*socket);
  const std::string& verb = arguments.words.front();
  if (verb == "switchover") return mover.give(*wish);
  return verb == "takeover" ? mover.take(*wish) : mover.drill(*wish);
}

}  // namespace

bool is_moving(const std::vector<std::string>& words) noexcept {
  return words.front() == "switchover" || words.front() == "takeover" || words.front() == "drill";
}

int run_moving(const Arguments& arguments) {
  const auto done = carry_out(arguments);
  if (done) return kDone;
  fmt::print(stderr, "{}{}", done.error().status == kNotReachable ? "tandemctl: " : "",
             done.error().words);
  return done.error().status;
}

}  // namespace tandem::ctl
