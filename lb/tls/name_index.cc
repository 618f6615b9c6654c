#include "lb/tls/name_index.h"

#include "common/check.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

namespace tandem::lb::tls {
namespace {

/// RFC 1035 section 2.3.4; longer names exist nowhere.
constexpr std::size_t kNameBytesMax = 255;

std::string pattern_of(const std::string& name) {
  return name.starts_with('*') ? name.substr(1) : name;
}

}  // namespace

NameIndex::NameIndex(std::span<const NamedKey> certificates) {
  TANDEM_CHECK(!certificates.empty());
  std::map<std::string, Set> sets;
  for (std::uint32_t number = 0; number < certificates.size(); ++number) {
    const NamedKey& certificate = certificates[number];
    bool has_clash = false;
    for (const std::string& name : certificate.names) {
      Set& set = sets[pattern_of(name)];
      const auto same = std::ranges::find_if(
          set, [&](std::uint32_t other) { return certificates[other].type == certificate.type; });
      if (same == set.end()) {
        set.push_back(number);
      } else if (*same != number && !has_clash) {
        has_clash = true;
        clashes_.push_back({*same, number, name});
      }
    }
  }
  const std::vector<std::string>& first = certificates.front().names;
  sets_.push_back(first.empty() ? Set{0} : sets[pattern_of(first.front())]);
  std::map<Set, std::uint32_t> numbers = {{sets_.front(), 0}};
  for (const auto& [pattern, set] : sets) {
    const auto [at, is_new] = numbers.emplace(set, static_cast<std::uint32_t>(sets_.size()));
    if (is_new) sets_.push_back(set);
    by_pattern_.emplace(pattern, at->second);
  }
}

std::optional<std::uint32_t> NameIndex::look_up(std::string_view pattern) const noexcept {
  const auto found = by_pattern_.find(pattern);
  return found == by_pattern_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> NameIndex::find(std::string_view name) const noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '.') return std::nullopt;
  std::array<char, kNameBytesMax> lower;
  std::ranges::transform(name, lower.begin(), to_lower);
  const std::string_view asked(lower.data(), name.size());
  if (const auto exact = look_up(asked)) return exact;
  const std::size_t dot = asked.find('.');
  return dot == std::string_view::npos ? std::nullopt : look_up(asked.substr(dot));
}

}  // namespace tandem::lb::tls
