#include "failover/system/lease.h"

#include "common/log.h"
#include "failover/system/nf_tables.h"

#include <fmt/format.h>
#include <linux/netfilter.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace tandem::failover::system {
namespace {

// Sets of one family, each in two kinds. Elements of the first never expire, of the others always.
constexpr std::string_view kGuarded = "guarded";
constexpr std::string_view kAnswering = "answering";  // ARP and neighbour discovery
constexpr std::string_view kReceiving = "receiving";  // packets
constexpr std::uint32_t kSequencesMax = 16;  // of one refresh: begin, four sets twice, commit

std::string set_name(std::string_view kind, bool v6) {
  return fmt::format("{}{}", kind, v6 ? '6' : '4');
}

// As nft writes an element of the sets below: IPv6 as a number, because the language compares a
// target of neighbour discovery with nothing else.
std::string element_text(const IpAddress& address) {
  if (!address.is_v6()) return address.text();
  std::string text = "0x";
  for (const std::uint8_t byte : address.bytes()) text += fmt::format("{:02x}", byte);
  return text;
}

// Of an address that is silent: questions for it, but not the announcements of whoever has it,
// which this node must learn from like any other.
constexpr std::string_view kRules4 = R"(
    ip daddr @guarded4 ip daddr != @receiving4 counter drop
    arp operation request arp daddr ip @guarded4 arp saddr ip != @guarded4 \
      arp daddr ip != @answering4 counter drop
)";
// A solicitation from one neighbour that checks whether we are still there is a packet to the
// address and a question for it: both rules must let it in.
constexpr std::string_view kRules6 = R"(
    meta protocol ip6 @nh,192,128 @guarded6 @nh,192,128 != @receiving6 counter drop
    icmpv6 type nd-neighbor-solicit @th,64,128 @guarded6 \
      @th,64,128 != @answering6 counter drop
)";

}  // namespace

Gate::Gate(Settings settings) : settings_(std::move(settings)) {}

Result<void> Gate::set_up(Milliseconds hold_for) {
  if (!is_supported_) return fail("no nf_tables here");
  if (!is_table_name(settings_.table)) {
    return fail(fmt::format("\"{}\" cannot be the name of a table", settings_.table));
  }
  // Kernels from 6.16 on would wait for it to come, others refuse with words for nobody.
  if (::if_nametoindex(settings_.interface.c_str()) == 0) {
    return fail(fmt::format("nf_tables: there is no interface {}", settings_.interface));
  }
  if (auto probed = probe(); !probed) return probed;
  auto done = run_nft(rules(hold_for));
  if (!done) ++counts_.failures;
  is_up_ = done.has_value();
  return done;
}

Result<void> Gate::probe() {
  if (socket_) return {};
  auto opened = open_nf_tables();
  if (opened) {
    socket_ = *std::move(opened);
    return {};
  }
  if (opened.error().number != EPERM) {
    is_supported_ = false;
    log::warning(
        "this kernel has no nf_tables ({}): a dead daemon's addresses stay for their "
        "lifetime in whole seconds",
        opened.error().words);
  }
  return fail(fmt::format("nf_tables: {}", opened.error().words));
}

Result<void> Gate::hold(Milliseconds for_time, Open open) {
  if (!is_up_) return fail(fmt::format("the gate {} is not up", settings_.table));
  const Answer answer = refresh(for_time, open);
  ++counts_.refreshes;
  if (answer) return {};
  ++counts_.failures;
  if (answer.error().number != ENOENT) {
    return fail(
        fmt::format("cannot refresh the gate {}: {}", settings_.table, answer.error().words));
  }
  ++counts_.rebuilt;
  log::warning("the nf_tables table {} had vanished and is put up again", settings_.table);
  if (auto done = set_up(for_time); !done || open == Open::kFully) return done;
  return hold(for_time, open);
}

// By hand, as libnftables first reads every table of the machine: 0.1 ms of processor time with
// none, 3.4 ms with 10,000 rules of others (measured), a few times in each lease.
Answer Gate::refresh(Milliseconds for_time, Open open) {
  SetBatch batch(*socket_, kSequencesMax);
  const Milliseconds answering = open == Open::kFully ? for_time : Milliseconds::zero();
  const auto put = [&](std::string_view kind, bool v6, Milliseconds time) {
    batch.put({.family = NFPROTO_NETDEV, .table = settings_.table, .name = set_name(kind, v6)}, v6,
              settings_.addresses, time);
  };
  for (const bool v6 : {false, true}) {
    if (!has_family(v6)) continue;
    put(kReceiving, v6, for_time);
    put(kAnswering, v6, answering);
  }
  return batch.commit();
}

Result<void> Gate::remove() {
  is_up_ = false;
  if (!is_supported_) return {};
  if (auto probed = probe(); !probed) return probed;
  const std::string& table = settings_.table;
  return run_nft(fmt::format("add table netdev {0}\ndelete table netdev {0}\n", table));
}

bool Gate::has_family(bool v6) const noexcept {
  return std::ranges::any_of(settings_.addresses,
                             [=](const IpAddress& address) { return address.is_v6() == v6; });
}

std::string Gate::rules(Milliseconds hold_for) const {
  std::string sets;
  std::string rules;
  for (const bool v6 : {false, true}) {
    if (!has_family(v6)) continue;
    std::string guarded;
    std::string held;
    for (const IpAddress& address : settings_.addresses) {
      if (address.is_v6() != v6) continue;
      guarded += element_text(address) + ", ";
      held += fmt::format("{} timeout {}ms, ", element_text(address), hold_for.count());
    }
    const std::string_view type = v6 ? "typeof @nh,192,128" : "type ipv4_addr";
    sets += fmt::format("  set {} {{ {}; elements = {{ {} }}; }}\n", set_name(kGuarded, v6), type,
                        guarded);
    const std::string elements =
        hold_for > Milliseconds::zero() ? fmt::format("elements = {{ {} }};", held) : "";
    for (const std::string_view kind : {kAnswering, kReceiving}) {
      sets +=
          fmt::format("  set {} {{ {}; flags timeout; {} }}\n", set_name(kind, v6), type, elements);
    }
    rules += v6 ? kRules6 : kRules4;
  }
  return fmt::format(
      "add table netdev {0}\ndelete table netdev {0}\n"
      "table netdev {0} {{\n"
      "  comment \"tandem-failover: silent unless refreshed\"\n{1}"
      "  chain entering {{\n"
      "    type filter hook ingress device \"{2}\" priority -500; policy accept;{3}  }}\n"
      "}}\n",
      settings_.table, sets, settings_.interface, rules);
}

}  // namespace tandem::failover::system
