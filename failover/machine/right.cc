#include "failover/machine/right.h"

#include "failover/machine/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tandem::failover::machine {
namespace {

constexpr std::int64_t kPriorityLeast = 1;
constexpr std::int64_t kPriorityMost = kPriorityOwner - 1;

/// What takes the right away altogether, in words; empty: nothing does.
std::string find_veto(std::span<const Tracked> tracked) {
  std::string words;
  for (const Tracked& one : tracked) {
    if (one.is_ok || one.weight != 0) continue;
    fmt::format_to(std::back_inserter(words), "{}{} {}", words.empty() ? "none: " : "; ", one.name,
                   one.why.empty() ? "failed" : one.why);
  }
  return words;
}

std::string failure_of(const Tracked& one) {
  return one.why.empty() ? one.name + " failed" : one.name + " failed: " + one.why;
}

/// What something adds that says itself how much, and its words.
std::int64_t weigh_own(const Tracked& one, std::string& words) {
  const std::int64_t adds = *one.adds;
  if (adds != 0 || !one.is_ok)
    fmt::format_to(std::back_inserter(words), " {} {} ({} {})", adds < 0 ? '-' : '+',
                   adds < 0 ? -adds : adds, one.name, one.why);
  return adds;
}

/// What one weight adds, and its words after those before it.
std::int64_t weigh(const Tracked& one, std::string& words) {
  if (one.adds) return weigh_own(one, words);
  const std::int64_t weight = one.weight;  // wider: the least int has no positive counterpart
  const auto out = std::back_inserter(words);
  if (weight < 0) {
    if (one.is_ok) return 0;
    fmt::format_to(out, " - {} ({})", -weight, failure_of(one));
    return weight;
  }
  if (one.is_ok) {
    fmt::format_to(out, " + {} ({} ok)", weight, one.name);
    return weight;
  }
  // Why it is not higher: said as well.
  fmt::format_to(out, " + 0 of {} ({})", weight, failure_of(one));
  return 0;
}

}  // namespace

Right effective_right(std::uint8_t base, std::span<const Tracked> tracked) {
  if (std::string veto = find_veto(tracked); !veto.empty()) return {.priority = 0, .why = veto};
  if (base == 0) return {.priority = 0, .why = "none: the base priority is 0"};
  std::string words = fmt::format("{}", base);
  if (base == kPriorityOwner) return {.priority = base, .why = words + " (owner)"};
  const std::size_t bare = words.size();
  std::int64_t sum = base;
  for (const Tracked& one : tracked) {
    if (one.weight != 0) sum += weigh(one, words);
  }
  const std::int64_t bounded = std::clamp(sum, kPriorityLeast, kPriorityMost);
  if (words.size() != bare) fmt::format_to(std::back_inserter(words), " = {}", sum);
  if (bounded != sum) fmt::format_to(std::back_inserter(words), ", bounded to {}", bounded);
  return {.priority = static_cast<std::uint8_t>(bounded), .why = words};
}

}  // namespace tandem::failover::machine
