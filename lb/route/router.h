// Router: which action a request head leads to. The rules of one frontend, indexed once so that a
// lookup costs the same for ten rules and for ten thousand. Pure: no socket, clock or log.
//
// Every rule that names hosts or paths is filed under each pair (host, path) it names; a request
// looks into the few places its own host and the prefixes of its own path can lead to, and takes
// the lowest rule number it finds there. What the index cannot express (methods, suffixes, "not")
// is looked at on those candidates only. Rules that name neither host nor path are candidates for
// every request and are tried in order.
//
// Of a frontend in mode tcp the name in the client's TLS hello stands where the host does.
#pragma once

#include "lb/config/snapshot.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::route {

struct RouteRequest {
  std::string_view host;             // authority as written; case, port and trailing dot ignored
  std::string_view path_with_query;  // origin form; what follows the first "?" is ignored
  std::string_view method;           // case-sensitive (RFC 9110 section 9.1)
  bool is_encrypted = false;         // the client speaks TLS
  // Mode tcp, where the client's hello was read:
  std::string_view server_name = {};            // case and trailing dot ignored
  std::span<const std::string> protocols = {};  // offered by ALPN
};

struct Routed {
  const config::Action* action = nullptr;  // nullptr: no rule matches and there is no default
  std::size_t rules_before = 0;            // how many rules stand in front of the one it is of
};

/// Immutable after construction; any number of threads may use one. Paths are compared as they were
/// written, without decoding, as HAProxy does.
class Router {
 public:
  /// Keeps references into `frontend.rules`, which must outlive it (hold the snapshot).
  explicit Router(const config::Frontend& frontend);
  Router(Router&&) = default;
  Router& operator=(Router&&) = default;

  /// The action of the first rule that matches, else UseBackend of the default backend, else
  /// nullptr (answer 503). Valid as long as the router and its frontend. Does not allocate.
  [[nodiscard]] Routed route(const RouteRequest& request) const noexcept;

  /// Whether the conditions of `rule` hold. They are not indexed: each costs its own look.
  [[nodiscard]] static bool applies(const config::HeaderRule& rule,
                                    const RouteRequest& request) noexcept;

 private:
  using RuleNumber = std::uint32_t;
  static constexpr RuleNumber kNoRule = std::numeric_limits<RuleNumber>::max();

  /// Numbers of nodes by hash, in a power-of-two table; the caller compares what it finds.
  class HashIndex {
   public:
    struct Item {
      std::uint64_t hash;
      std::uint32_t place;
    };
    /// Once.
    void build(std::span<const Item> items);
    template <class Equal>
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, Equal equal) const noexcept;

   private:
    struct Slot {
      std::uint32_t tag = 0;    // upper half of the mixed hash
      std::uint32_t place = 0;  // 1-based; 0: free
    };
    std::vector<Slot> slots_;
  };

  /// What a rule still has to be asked once the index has led to it.
  struct Remaining {
    bool host = false;
    bool path = false;
    bool path_beg = false;
    bool anything = false;  // any of these, or a suffix, a method, a negation
  };

  /// The names of a rule that are indexed.
  [[nodiscard]] const std::vector<std::string>& names_of(
      const config::Conditions& lists) const noexcept {
    return by_server_name_ ? lists.ssl_sni : lists.host;
  }

  /// One host that rules name; the first node stands for every host.
  struct HostNode {
    std::string_view name;  // of a wildcard: what follows the "*."
    bool is_wildcard = false;
    bool has_exact = false;
    std::uint32_t exact_length_most = 0;        // longest exact path
    std::vector<std::uint32_t> prefix_lengths;  // distinct, ascending
    std::vector<RuleNumber> any_path;           // rules that name no path, ascending
  };

  /// Rules filed under one path, or prefix of a path, of one host, ascending.
  struct PathNode {
    std::string_view text;
    std::uint32_t host;
    bool is_prefix;
    std::vector<RuleNumber> rules;
  };
  struct PathName {
    std::uint32_t host;
    bool is_prefix;
    std::string_view text;
  };

  struct Builder;
  struct Query;

  void search_named_hosts(const Query& query, RuleNumber& best) const noexcept;
  void search_host(std::uint32_t host, const Query& query, RuleNumber& best) const noexcept;
  void search_path(std::uint64_t key, const PathName& name, const Query& query,
                   RuleNumber& best) const noexcept;
  void take_first(const std::vector<RuleNumber>& rules, const Query& query,
                  RuleNumber& best) const noexcept;
  [[nodiscard]] bool holds(RuleNumber rule, const Query& query) const noexcept;

  const std::vector<config::Rule>* rules_;
  std::optional<config::Action> default_action_;
  std::vector<Remaining> remaining_;  // by rule number
  std::vector<HostNode> hosts_;
  std::vector<PathNode> paths_;
  HashIndex exact_hosts_;
  HashIndex wildcard_hosts_;
  HashIndex path_index_;
  std::size_t host_length_most_ = 0;
  std::size_t wildcard_length_most_ = 0;
  bool by_server_name_;
};

}  // namespace tandem::lb::route
