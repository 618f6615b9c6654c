// The names "balance" knows, in the order CONFIGURATION.md lists them. One row here for each row of
// the policy table in lb/balance; a test there compares the two.
#pragma once

#include <array>
#include <string_view>

namespace tandem::config {

struct BalancePolicy {
  std::string_view name;
  std::string_view meaning;  // the row's text in CONFIGURATION.md
};

inline constexpr std::array kBalancePolicies = {
    BalancePolicy{"roundrobin",
                  "Each server in turn, as often as its weight says, smoothly interleaved; weights "
                  "may change at run time. The default."},
    BalancePolicy{"static-rr",
                  "Each server in turn by the weight it had when it first came up; later weights "
                  "only take it out (0) or in, and there is no slow start."},
    BalancePolicy{"leastconn",
                  "The server with the fewest running requests for its weight; equals take turns."},
    BalancePolicy{"first",
                  "The first server in file order that is not at its `maxconn`: the others stay "
                  "idle until they are needed."},
    BalancePolicy{"random",
                  "The less loaded of two servers drawn at random by weight; `random(N)` draws N."},
    BalancePolicy{"source", "By a hash of the client's address: a client keeps its server."},
    BalancePolicy{"uri",
                  "By a hash of the path, for caches; `uri whole` counts the query string too."},
    BalancePolicy{"hash",
                  "By a consistent hash of what the key `hash` names: when a server comes or goes, "
                  "only its share of the requests moves."},
    BalancePolicy{"ewma",
                  "The server with the lowest recent time to the first byte, weighed with its "
                  "running requests."},
};

}  // namespace tandem::config
