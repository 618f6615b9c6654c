#include "config/schema_rows.h"

#include <array>

namespace tandem::config {
namespace {

constexpr Text kSocketDefault = "unix:/run/tandem/failover.sock";

constexpr std::array kNodeKeys = {
    required(row("address", Kind::kIp, "",
                 "The node's own address on the interface: what adverts come from, and what a node "
                 "knows itself by.")),
    row("address6", Kind::kIp, "",
        "Its own IPv6 address, where IPv6 adverts go by unicast; multicast needs none."),
    required(integer("priority", {1, 254}, "",
                     "The higher one has the addresses, as long as it is fit to serve.")),
};

// What may stand in `failover` itself or in each of its `groups`.
constexpr std::array kRouterKeys = {
    integer("vrid", {1, 255}, "",
            "Virtual router of the adverts: the same on both nodes, and no "
            "other pair's on this network."),
    shaped(row("vips", Kind::kIpPrefix, "",
               "The addresses that move: `\"192.0.2.10/24\"`, IPv4 and IPv6."),
           Shape::kList),
};

constexpr std::array kGroupKeys =
    join(kRouterKeys,
         std::array{shaped(row("prefer", Kind::kString, "the node with the highest `priority`",
                               "Names of nodes, the one that should have this group first."),
                           Shape::kList)});

constexpr std::array kTrackLbKeys = {
    row("bind", Kind::kAddress, "unix:/run/tandem/pulse.sock",
        "Where `tandem-lb` listens for `tandem-failover` and shows that its workers turn."),
    duration("hang", "200ms",
             "A worker that has not turned for so long hangs, and with it the data plane."),
    boolean("ready", "true",
            "A data plane in which a backend that is used has no live server is not fit either."),
};

constexpr std::array kTrackScriptKeys = {
    required(shaped(row("exec", Kind::kString, "",
                        "Program and arguments, run without a shell; exit status 0 is good."),
                    Shape::kList)),
    duration("interval", "2s", "From the end of one run to the start of the next."),
    duration("timeout", "1s", "A run that takes longer is ended and has failed."),
    integer("rise", {1, 1000}, "2", "Good runs in a row until it counts as good."),
    integer("fall", {1, 1000}, "3", "Failed runs in a row until it counts as failed."),
    integer("weight", {-253, 253}, "0",
            "Added to the priority while good (above 0) or while failed (below 0); 0: while it "
            "has failed the node has no right to the addresses."),
};

constexpr std::array kTrackFileKeys = {
    required(row("path", Kind::kString, "",
                 "The whole path of a small file on a local file system. It may not be there, "
                 "which is 0; an empty one says 1.")),
    integer("weight", {-253, 253}, "0",
            "Times the number in the file it is added to the priority; 0: while the file says "
            "anything but 0 the node has no right to the addresses."),
};

constexpr std::array kTrackKeys = {
    or_boolean(section("lb", kTrackLbSection,
                       "The data plane: dead, hung or unfit gives the addresses away; `false`: "
                       "they stay whatever becomes of it.")),
    shaped(row("interface", Kind::kString, "the `interface`",
               "Interfaces that must be up for the node to have a right to the addresses."),
           Shape::kList),
    shaped(section("script", kTrackScriptSection, "Programs that are asked, by name."),
           Shape::kNamed),
    shaped(section("file", kTrackFileSection, "Files with a number in them, by name."),
           Shape::kNamed),
};

constexpr std::array kPeerKeys = {
    integer("port", {1, 65'535}, "7510", "TCP port on the node's own `address`."),
    row("secret", Kind::kSecret, "",
        "The same on both nodes, at least 16 characters; 32 random bytes written as text, "
        "`\"${file:peer.key}\"`."),
    row("crt", Kind::kFile, "",
        "In place of `secret`: a file (PEM) with the certificate of this node, what leads from it "
        "to the CA, and its private key. It must be for the node's name: an alternative name "
        "(DNS), or where there is none the common name."),
    row("ca", Kind::kFile, "",
        "Beside `crt`: a file (PEM) with the certificate of the CA, or of several, that the other "
        "nodes' certificates must come from."),
};

constexpr std::array kAuthKeyKeys = {
    required(integer("id", {0, 255}, "", "The key's number, which each advert names.")),
    required(row("secret", Kind::kSecret, "",
                 "The same on both nodes, 32 to 64 characters; 32 random bytes written as text, "
                 "`\"${file:advert.key}\"`.")),
};

constexpr std::array kAuthKeys = {
    required(shaped(section("keys", kAuthKeySection,
                            "Adverts are sealed with the first of them, and taken with any."),
                    Shape::kList)),
    ranged(row("window", Kind::kDuration, "30s",
               "By how much the nodes' clocks may differ: adverts that are older, or from the "
               "future, are taken for recorded ones. Whole seconds."),
           {5'000, 3'600'000}),
    word("mode", "demand seal accept", "demand",
         "`demand`: sealed adverts are sent, and no others taken. On the way there, each on all "
         "nodes before the next: `accept` (plain ones are sent, both taken), `seal` (sealed ones "
         "are sent, both taken)."),
};

constexpr std::array kNotifyKeys = {
    required(shaped(row("exec", Kind::kString, "",
                        "Program and arguments, run without a shell, with the router, the state it "
                        "left, the state it is in, the reason and the priority behind them."),
                    Shape::kList)),
    duration("timeout", "10s", "A run that takes longer is ended."),
};

constexpr std::array kActuatorKeys = {
    required(shaped(row("exec", Kind::kString, "",
                        "Program and arguments, run without a shell, with `acquire` (or "
                        "`release`), the address, the router and this node's name behind them; "
                        "exit status 0 is done."),
                    Shape::kList)),
    shaped(row("read_back", Kind::kString, "",
               "Program and arguments, run with `read_back` and the same words behind them; it "
               "prints who has the address: a node's name or address, or nothing for nobody."),
           Shape::kList),
    duration("timeout", "10s", "A run that takes longer is ended and has failed."),
    duration("retry", "2s", "From a failure to the next run; doubled each time, up to a minute."),
    duration("interval", "10s", "Between two read-backs while the node is active."),
    boolean("local", "true",
            "Put the address on the interface too; `false`: something else does, on both nodes."),
    boolean("release", "false",
            "Run `exec` with `release` when the node lets go of the addresses."),
};

constexpr std::array kFailoverRuntimeKeys = {
    row("bind", Kind::kAddress, kSocketDefault, "Where `tandemctl` asks."),
    row("mode", Kind::kFileMode, "600", "Permissions of a Unix socket, in octal."),
};

constexpr std::array kFailoverAdminKeys = {
    row("bind", Kind::kAddress, "127.0.0.1:8405",
        "Where `/metrics`, `/live` and `/ready` of the failover daemon are served."),
};

constexpr std::array kSwitchoverKeys = {
    boolean("second_chance", "true",
            "When an operator moves the addresses, older connections go on at the node that has "
            "them, which gets their packets back from the other one."),
    duration("drain", "1h", "How long they may at most; then they are cut."),
};

constexpr std::array kFailoverKeys = join(
    join(std::array{code("version", "2 3", "3",
                         "Of VRRP; 2 only for a peer that knows no better (IPv4, whole seconds)."),
                    required(row("interface", Kind::kString, "",
                                 "Where the addresses are put and the adverts go.")),
                    ranged(row("advert_int", Kind::kDuration, "100ms",
                               "Between two adverts; hundredths of a second. Silence of three of "
                               "them and a bit makes the other node take over."),
                           {10, 40'950}),
                    word("transport", "multicast unicast", "multicast",
                         "How adverts travel; `unicast` to the address of each other node."),
                    row("password", Kind::kSecret, "",
                        "Plain text in each advert of VRRPv2, for peers that ask for it.")},
         kRouterKeys),
    join(std::array{shaped(section("groups", kGroupSection,
                                   "More than one set of addresses, in place of `vrid` and `vips`: "
                                   "each node may be active for one."),
                           Shape::kNamed),
                    boolean("nopreempt", "false",
                            "A node that returns leaves the addresses where they are."),
                    duration_or_zero("preempt_delay", "0s",
                                     "How long a node that returns leaves them before it takes "
                                     "them back."),
                    boolean("lease", "true",
                            "Hold the addresses on a lease of the kernel, so that a node whose "
                            "daemon is dead or frozen falls silent."),
                    required(shaped(section("nodes", kNodeSection, "The nodes, by name."),
                                    Shape::kNamed))},
         std::array{
             section("track", kTrackSection, "What the right to the addresses hangs on."),
             section("runtime", kFailoverRuntimeSection, "The daemon's control socket."),
             section("admin", kFailoverAdminSection, "Metrics and probes of the daemon."),
             section("peer", kPeerSection, "The authenticated link between the nodes."),
             section("auth", kAuthSection,
                     "Seals on the adverts of VRRPv3, between tandems; without it they are "
                     "plain."),
             section("switchover", kSwitchoverSection,
                     "How `tandemctl switchover` moves the addresses."),
             section("notify", kNotifySection, "A program that is told of each change of state."),
             section("actuator", kActuatorSection,
                     "A program that makes the network send the addresses here, where "
                     "there is no ARP.")}));

}  // namespace

const Section kNodeSection{"node", kNodeKeys};
const Section kGroupSection{"group", kGroupKeys};
const Section kTrackLbSection{"track-lb", kTrackLbKeys};
const Section kTrackScriptSection{"track-script", kTrackScriptKeys};
const Section kTrackFileSection{"track-file", kTrackFileKeys};
const Section kTrackSection{"track", kTrackKeys};
const Section kNotifySection{"notify", kNotifyKeys};
const Section kSwitchoverSection{"switchover", kSwitchoverKeys};
const Section kActuatorSection{"actuator", kActuatorKeys};
const Section kPeerSection{"peer", kPeerKeys, "secret crt"};
const Section kAuthKeySection{"auth-key", kAuthKeyKeys};
const Section kAuthSection{"auth", kAuthKeys};
const Section kFailoverRuntimeSection{"failover-runtime", kFailoverRuntimeKeys};
const Section kFailoverAdminSection{"failover-admin", kFailoverAdminKeys};
const Section kFailoverSection{"failover", kFailoverKeys};

}  // namespace tandem::config
