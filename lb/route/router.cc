#include "lb/route/router.h"

#include "common/text.h"
#include "lb/route/host_pattern.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

namespace tandem::lb::route {
namespace {

// FNV-1a: it can be carried on byte by byte, so that one walk over a path gives the hash of each of
// its prefixes. Keys come from the configuration alone, so nobody can choose them to collide; what
// a client sends is only looked up, and compared with what is found.
constexpr std::uint64_t kHashStart = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kHashFactor = 0x100000001b3ULL;
constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;

constexpr std::uint64_t add_byte(std::uint64_t hash, char c) noexcept {
  return (hash ^ static_cast<unsigned char>(c)) * kHashFactor;
}

constexpr std::uint64_t add_bytes(std::uint64_t hash, std::string_view text) noexcept {
  for (const char c : text) hash = add_byte(hash, c);
  return hash;
}

/// Hosts are hashed from their end, so that one walk passes by every suffix.
std::uint64_t hash_backwards(std::string_view lower_case) noexcept {
  std::uint64_t hash = kHashStart;
  for (std::size_t i = lower_case.size(); i-- > 0;) hash = add_byte(hash, lower_case[i]);
  return hash;
}

constexpr std::uint64_t path_key(std::uint64_t hash, std::uint32_t host, bool is_prefix) noexcept {
  return hash + (std::uint64_t{host} * 2 + (is_prefix ? 1 : 0)) * kSpread;
}

constexpr std::uint64_t mix(std::uint64_t hash) noexcept {
  hash = (hash ^ (hash >> 32)) * kSpread;
  return hash ^ (hash >> 29);
}

std::string_view path_of(std::string_view path_with_query) noexcept {
  const std::string_view path = path_with_query.substr(0, path_with_query.find('?'));
  return path.empty() ? std::string_view("/") : path;
}

bool has(const std::vector<std::string>& list, std::string_view text) noexcept {
  return std::ranges::find(list, text) != list.end();
}

bool has_host(const std::vector<std::string>& patterns, std::string_view host) noexcept {
  return std::ranges::any_of(
      patterns, [host](const std::string& pattern) { return host_matches(pattern, host); });
}

bool has_prefix(const std::vector<std::string>& prefixes, std::string_view path) noexcept {
  return std::ranges::any_of(
      prefixes, [path](const std::string& prefix) { return path.starts_with(prefix); });
}

bool has_suffix(const std::vector<std::string>& suffixes, std::string_view path) noexcept {
  return std::ranges::any_of(suffixes,
                             [path](const std::string& suffix) { return path.ends_with(suffix); });
}

bool has_name_suffix(const std::vector<std::string>& suffixes, std::string_view name) noexcept {
  return std::ranges::any_of(suffixes, [name](const std::string& suffix) {
    return name.size() >= suffix.size() &&
           equals_ignoring_case(name.substr(name.size() - suffix.size()), suffix);
  });
}

bool has_protocol(const std::vector<std::string>& wanted,
                  std::span<const std::string> offered) noexcept {
  return std::ranges::any_of(offered, [&](const std::string& one) { return has(wanted, one); });
}

/// As host_of() does, but for what is no authority: a port or a user has no meaning in it.
std::string_view without_root_dot(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

}  // namespace

struct Router::Query {
  std::string_view host;  // or the name in the client's hello
  std::string_view path;
  std::string_view method;
  bool is_encrypted;
  std::span<const std::string> protocols;

  [[nodiscard]] bool meets_any_of(const config::Conditions& lists) const noexcept {
    return has_host(lists.host, host) || has(lists.path, path) ||
           has_prefix(lists.path_beg, path) || has_suffix(lists.path_end, path) ||
           has(lists.method, method) || (lists.ssl_fc && *lists.ssl_fc == is_encrypted) ||
           has_host(lists.ssl_sni, host) || has_name_suffix(lists.ssl_sni_end, host) ||
           has_protocol(lists.ssl_alpn, protocols);
  }

  /// Of mode http.
  [[nodiscard]] bool meets_all_of(const config::Conditions& lists) const noexcept {
    return (lists.host.empty() || has_host(lists.host, host)) &&
           (lists.path.empty() || has(lists.path, path)) &&
           (lists.path_beg.empty() || has_prefix(lists.path_beg, path)) &&
           (lists.path_end.empty() || has_suffix(lists.path_end, path)) &&
           (lists.method.empty() || has(lists.method, method)) &&
           (!lists.ssl_fc || *lists.ssl_fc == is_encrypted);
  }
};

// ---- building ----------------------------------------------------------------------------------

struct Router::Builder {
  // A rule that names more pairs of host and path than this is filed under its hosts or its paths
  // alone, whichever are more; the other list is then looked through on its candidates.
  static constexpr std::size_t kPairsMax = 4096;
  static constexpr std::uint32_t kAnyHost = 0;

  explicit Builder(Router& owner) : router(owner) { router.hosts_.emplace_back(); }

  void add_rules() {
    for (const config::Rule& rule : *router.rules_) add(rule);
  }

  void add(const config::Rule& rule) {
    const config::Conditions& lists = rule.conditions;
    const std::vector<std::string>& names = router.names_of(lists);
    const bool is_prefix = lists.path.empty();
    const std::vector<std::string>& paths = is_prefix ? lists.path_beg : lists.path;
    const bool pairs_fit = names.size() * paths.size() <= kPairsMax;
    const bool use_hosts = pairs_fit || names.size() >= paths.size();
    const bool use_paths = pairs_fit || !use_hosts;
    const auto number = static_cast<RuleNumber>(router.remaining_.size());
    router.remaining_.push_back(remaining(rule, use_hosts, use_paths));

    const auto file_paths = [&](std::uint32_t host) {
      if (!use_paths || paths.empty()) {
        router.hosts_[host].any_path.push_back(number);
        return;
      }
      for (const std::string& path : paths) file(path, host, is_prefix, number);
    };
    if (!use_hosts || names.empty()) return file_paths(kAnyHost);
    for (const std::string& pattern : names) file_paths(host_number(pattern));
  }

  Remaining remaining(const config::Rule& rule, bool use_hosts, bool use_paths) const {
    const config::Conditions& lists = rule.conditions;
    const config::Conditions& nots = rule.negated;
    Remaining left;
    left.host = !use_hosts && !router.names_of(lists).empty();
    left.path = !use_paths && !lists.path.empty();
    left.path_beg = !lists.path_beg.empty() && (!use_paths || !lists.path.empty());
    left.anything = left.host || left.path || left.path_beg || !lists.path_end.empty() ||
                    !lists.method.empty() || lists.ssl_fc || !lists.ssl_sni_end.empty() ||
                    !lists.ssl_alpn.empty() || nots != config::Conditions{};
    return left;
  }

  std::uint32_t host_number(std::string_view pattern) {
    const auto next = static_cast<std::uint32_t>(router.hosts_.size());
    const auto [place, is_new] = host_numbers.try_emplace(pattern, next);
    if (!is_new) return place->second;
    HostNode& node = router.hosts_.emplace_back();
    node.is_wildcard = is_wildcard(pattern);
    node.name = node.is_wildcard ? pattern.substr(2) : pattern;
    return next;
  }

  void file(std::string_view path, std::uint32_t host, bool is_prefix, RuleNumber number) {
    const auto next = static_cast<std::uint32_t>(router.paths_.size());
    const auto [place, is_new] = path_numbers.try_emplace({host, is_prefix, path}, next);
    if (is_new) {
      router.paths_.push_back({.text = path, .host = host, .is_prefix = is_prefix, .rules = {}});
      note_length(router.hosts_[host], static_cast<std::uint32_t>(path.size()), is_prefix);
    }
    router.paths_[place->second].rules.push_back(number);
  }

  static void note_length(HostNode& node, std::uint32_t length, bool is_prefix) {
    if (!is_prefix) {
      node.has_exact = true;
      node.exact_length_most = std::max(node.exact_length_most, length);
      return;
    }
    const auto place = std::ranges::lower_bound(node.prefix_lengths, length);
    if (place == node.prefix_lengths.end() || *place != length) {
      node.prefix_lengths.insert(place, length);
    }
  }

  void index() {
    std::vector<HashIndex::Item> exact;
    std::vector<HashIndex::Item> wildcard;
    for (std::uint32_t i = 1; i < router.hosts_.size(); ++i) {
      const HostNode& node = router.hosts_[i];
      (node.is_wildcard ? wildcard : exact).push_back({hash_backwards(node.name), i});
      std::size_t& most =
          node.is_wildcard ? router.wildcard_length_most_ : router.host_length_most_;
      most = std::max(most, node.name.size());
    }
    std::vector<HashIndex::Item> paths;
    for (std::uint32_t i = 0; i < router.paths_.size(); ++i) {
      const PathNode& node = router.paths_[i];
      paths.push_back({path_key(add_bytes(kHashStart, node.text), node.host, node.is_prefix), i});
    }
    router.exact_hosts_.build(exact);
    router.wildcard_hosts_.build(wildcard);
    router.path_index_.build(paths);
  }

  Router& router;
  std::unordered_map<std::string_view, std::uint32_t> host_numbers;
  std::map<std::tuple<std::uint32_t, bool, std::string_view>, std::uint32_t> path_numbers;
};

void Router::HashIndex::build(std::span<const Item> items) {
  if (items.empty()) return;
  slots_.resize(std::bit_ceil(items.size() * 2));
  const std::size_t mask = slots_.size() - 1;
  for (const Item& item : items) {
    const std::uint64_t mixed = mix(item.hash);
    std::size_t at = mixed & mask;
    while (slots_[at].place != 0) at = (at + 1) & mask;
    slots_[at] = {.tag = static_cast<std::uint32_t>(mixed >> 32), .place = item.place + 1};
  }
}

Router::Router(const config::Frontend& frontend)
    : rules_(&frontend.rules), by_server_name_(frontend.mode == config::Mode::kTcp) {
  if (frontend.default_backend) default_action_ = config::UseBackend{*frontend.default_backend};
  Builder builder(*this);
  builder.add_rules();
  builder.index();
}

// ---- looking up --------------------------------------------------------------------------------

template <class Equal>
std::optional<std::uint32_t> Router::HashIndex::find(std::uint64_t hash,
                                                     Equal equal) const noexcept {
  if (slots_.empty()) return std::nullopt;
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t mixed = mix(hash);
  const auto tag = static_cast<std::uint32_t>(mixed >> 32);
  for (std::size_t at = mixed & mask; slots_[at].place != 0; at = (at + 1) & mask) {
    if (slots_[at].tag == tag && equal(slots_[at].place - 1)) return slots_[at].place - 1;
  }
  return std::nullopt;
}

bool Router::applies(const config::HeaderRule& rule, const RouteRequest& request) noexcept {
  const Query query{.host = host_of(request.host),
                    .path = path_of(request.path_with_query),
                    .method = request.method,
                    .is_encrypted = request.is_encrypted,
                    .protocols = {}};
  return query.meets_all_of(rule.conditions) && !query.meets_any_of(rule.negated);
}

Routed Router::route(const RouteRequest& request) const noexcept {
  const Routed otherwise{.action = default_action_ ? &*default_action_ : nullptr,
                         .rules_before = rules_->size()};
  if (rules_->empty()) return otherwise;
  const Query query{
      .host = by_server_name_ ? without_root_dot(request.server_name) : host_of(request.host),
      .path = path_of(request.path_with_query),
      .method = request.method,
      .is_encrypted = request.is_encrypted,
      .protocols = request.protocols};
  RuleNumber best = kNoRule;
  search_host(0, query, best);
  if (hosts_.size() > 1) search_named_hosts(query, best);
  if (best == kNoRule) return otherwise;
  return {.action = &(*rules_)[best].action, .rules_before = best};
}

void Router::search_named_hosts(const Query& query, RuleNumber& best) const noexcept {
  const std::string_view host = query.host;
  const auto look_up = [&](const HashIndex& index, std::uint64_t hash, std::string_view name) {
    const auto found = index.find(hash, [&](std::uint32_t i) {
      // Most clients write lower case, and comparing bytes is a tenth of the work.
      return hosts_[i].name == name || equals_ignoring_case(hosts_[i].name, name);
    });
    if (found) search_host(*found, query, best);
  };
  std::uint64_t hash = kHashStart;
  std::size_t left = host.size();  // host[left..] is hashed
  if (wildcard_length_most_ > 0) {
    // Something must stand before the dot for "*" to mean, and nothing longer than the longest
    // suffix needs looking up.
    const std::size_t reach = std::min(host.size(), wildcard_length_most_ + 1);
    for (const std::size_t stop = std::max<std::size_t>(host.size() - reach, 1); left > stop;) {
      --left;
      if (host[left] == '.') look_up(wildcard_hosts_, hash, host.substr(left + 1));
      hash = add_byte(hash, to_lower(host[left]));
    }
  }
  if (host.size() > host_length_most_) return;
  while (left > 0) hash = add_byte(hash, to_lower(host[--left]));
  look_up(exact_hosts_, hash, host);
}

void Router::search_host(std::uint32_t host, const Query& query, RuleNumber& best) const noexcept {
  const HostNode& node = hosts_[host];
  take_first(node.any_path, query, best);
  std::uint64_t hash = kHashStart;
  std::size_t hashed = 0;
  const auto hash_up_to = [&](std::size_t length) {
    hash = add_bytes(hash, query.path.substr(hashed, length - hashed));
    hashed = length;
  };
  for (const std::uint32_t length : node.prefix_lengths) {
    if (length > query.path.size()) break;
    hash_up_to(length);
    search_path(path_key(hash, host, true), {host, true, query.path.substr(0, length)}, query,
                best);
  }
  if (!node.has_exact || query.path.size() > node.exact_length_most) return;
  hash_up_to(query.path.size());
  search_path(path_key(hash, host, false), {host, false, query.path}, query, best);
}

void Router::search_path(std::uint64_t key, const PathName& name, const Query& query,
                         RuleNumber& best) const noexcept {
  const auto found = path_index_.find(key, [&](std::uint32_t i) {
    const PathNode& node = paths_[i];
    return node.host == name.host && node.is_prefix == name.is_prefix && node.text == name.text;
  });
  if (found) take_first(paths_[*found].rules, query, best);
}

void Router::take_first(const std::vector<RuleNumber>& rules, const Query& query,
                        RuleNumber& best) const noexcept {
  for (const RuleNumber rule : rules) {
    if (rule >= best) return;
    if (holds(rule, query)) {
      best = rule;
      return;
    }
  }
}

bool Router::holds(RuleNumber number, const Query& query) const noexcept {
  const Remaining& left = remaining_[number];
  if (!left.anything) return true;
  const config::Rule& rule = (*rules_)[number];
  const config::Conditions& lists = rule.conditions;
  return (!left.host || has_host(names_of(lists), query.host)) &&
         (!left.path || has(lists.path, query.path)) &&
         (!left.path_beg || has_prefix(lists.path_beg, query.path)) &&
         (lists.path_end.empty() || has_suffix(lists.path_end, query.path)) &&
         (lists.method.empty() || has(lists.method, query.method)) &&
         (!lists.ssl_fc || *lists.ssl_fc == query.is_encrypted) &&
         (lists.ssl_sni_end.empty() || has_name_suffix(lists.ssl_sni_end, query.host)) &&
         (lists.ssl_alpn.empty() || has_protocol(lists.ssl_alpn, query.protocols)) &&
         !query.meets_any_of(rule.negated);
}

}  // namespace tandem::lb::route
