#include "failover/config/build.h"

#include "common/text.h"
#include "config/files.h"
#include "config/shape.h"
#include "config/values.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace tandem::failover::config {
namespace {

using tandem::config::Builder;
using tandem::config::one_or_list;
using tandem::config::Place;
using tandem::config::quoted;
using tandem::config::read;
using tandem::config::Word;

constexpr std::size_t kNodesMax = 16;
constexpr std::size_t kVipsMax = 64;
constexpr Milliseconds kCentisecond{10};
constexpr std::size_t kAuthKeysMax = 8;
constexpr Word<AuthMode> kAuthModes[] = {
    {"demand", AuthMode::kDemand}, {"seal", AuthMode::kSeal}, {"accept", AuthMode::kAccept}};
constexpr std::size_t kAuthoritiesBytesMax = std::size_t{1} << 20;

constexpr Word<bool> kTransports[] = {{"multicast", false}, {"unicast", true}};
constexpr Word<log::Level> kLogLevels[] = {{"debug", log::Level::kDebug},
                                           {"info", log::Level::kInfo},
                                           {"notice", log::Level::kNotice},
                                           {"warning", log::Level::kWarning},
                                           {"error", log::Level::kError}};

std::optional<IpAddress> ip(const Place& at) {
  if (!at || at.value->type != jsonc::Type::kString) return std::nullopt;
  const auto address = IpAddress::parse(at.value->text);
  return address ? std::optional(*address) : std::nullopt;
}

/// Whether `known` did not have it yet; it has now.
template <class T>
bool is_new(std::vector<T>& known, const T& one) {
  if (std::ranges::find(known, one) != known.end()) return false;
  known.push_back(one);
  return true;
}

/// The parts of one configuration's failover, built in order.
class SettingsBuilder {
 public:
  SettingsBuilder(const Builder& builder, const Identity& identity, Settings& settings)
      : builder_(builder),
        identity_(identity),
        out_(settings),
        failover_(builder.root.child("failover")) {}

  void build() {
    if (!failover_ || failover_.value->type != jsonc::Type::kObject) {
      builder_.error(builder_.root,
                     "\"failover\" is missing: there is nothing for tandem-failover to do");
      return;
    }
    read(builder_.root.child("log").child("level"), kLogLevels, out_.log_level);
    protocol();
    nodes();
    routers();
    peer();
    auth();
    track();
    notify();
    actuator();
    sockets();
  }

 private:
  void protocol() {
    read(failover_.child("version"), out_.version);
    read(failover_.child("interface"), out_.interface);
    if (out_.interface.size() >= IFNAMSIZ)
      builder_.error(failover_.child("interface"),
                     fmt::format("the name of an interface has at most {} letters", IFNAMSIZ - 1));
    if (out_.version == 2) out_.advert_interval = std::chrono::seconds(1);
    read(failover_.child("advert_int"), out_.advert_interval);
    check_interval();
    read(failover_.child("transport"), kTransports, out_.unicast);
    read(failover_.child("password"), out_.password);
    if (const Place at = failover_.child("password"); at) check_password(at);
    bool nopreempt = false;
    read(failover_.child("nopreempt"), nopreempt);
    out_.preempt = !nopreempt;
    read(failover_.child("preempt_delay"), out_.preempt_delay);
    if (nopreempt && out_.preempt_delay.count() > 0)
      builder_.warning(failover_.child("preempt_delay"),
                       "means nothing beside \"nopreempt\": nothing is taken back");
    read(failover_.child("lease"), out_.lease);
    const Place switchover = failover_.child("switchover");
    read(switchover.child("second_chance"), out_.second_chance);
    read(switchover.child("drain"), out_.drain);
    read(builder_.root.child("global").child("grace"), out_.grace);
  }

  void check_interval() {
    const Place at = failover_.child("advert_int");
    if (!at) return;
    if (out_.version == 2 && (out_.advert_interval % std::chrono::seconds(1)).count() != 0)
      builder_.error(at, "VRRPv2 knows whole seconds only: \"1s\" to \"40s\", or \"version\": 3");
    else if ((out_.advert_interval % kCentisecond).count() != 0)
      builder_.error(at, "VRRP counts hundredths of a second: a multiple of \"10ms\" is expected");
  }

  void check_password(const Place& at) {
    if (out_.version != 2)
      builder_.error(at, "VRRPv3 has no password: leave it out, or say \"version\": 2");
    else if (out_.password.size() > 8)
      builder_.error(at, "VRRPv2 carries at most 8 characters");
  }

  // ---- nodes -----------------------------------------------------------------------------------

  void nodes() {
    const Place list = failover_.child("nodes");
    if (!list || list.value->type != jsonc::Type::kObject) return;
    for (const jsonc::Member& member : list.value->members)
      if (member.value.type == jsonc::Type::kObject) node(member.key, list.child(member.key));
    if (nodes_.size() < 2)
      builder_.error(list, "at least two nodes are expected: one alone has nobody to fail over to");
    if (nodes_.size() > kNodesMax)
      builder_.error(list, fmt::format("at most {} nodes are expected", kNodesMax));
    same_priority(list);
    who_am_i(list);
  }

  void node(const std::string& name, const Place& at) {
    Node node;
    node.name = name;
    const auto address = ip(at.child("address"));
    if (!address) return;
    node.address = *address;
    node.address6 = ip(at.child("address6"));
    if (node.address6 && !node.address6->is_v6())
      builder_.error(at.child("address6"), "an IPv6 address is expected");
    read(at.child("priority"), node.priority);
    for (const Node& other : nodes_)
      if (other.address == node.address)
        builder_.error(at.child("address"),
                       fmt::format("node \"{}\" has this address already", other.name));
    nodes_.push_back(std::move(node));
  }

  void same_priority(const Place& list) {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (nodes_[i].priority == nodes_[j].priority && !failover_.child("groups"))
          builder_.warning(list.child(nodes_[i].name),
                           fmt::format("has the same priority as \"{}\": the higher address wins",
                                       nodes_[j].name));
  }

  void who_am_i(const Place& list) {
    const auto self = find_self(list);
    if (!self) return;
    out_.self = nodes_[*self];
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (i != *self) out_.peers.push_back(nodes_[i]);
  }

  std::optional<std::size_t> find_self(const Place& list) {
    if (!identity_.node.empty()) return named_self(list);
    if (const auto found = find_node(builder_.environment.host_name)) return found;
    std::vector<std::size_t> mine;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (identity_.owns && identity_.owns(nodes_[i].address)) mine.push_back(i);
    if (mine.size() == 1) return mine.front();
    if (!nodes_.empty())
      builder_.error(list, fmt::format("which node is this? None is called \"{}\", and {} of their "
                                       "addresses are on this machine: say --node NAME",
                                       builder_.environment.host_name, mine.size()));
    return std::nullopt;
  }

  std::optional<std::size_t> named_self(const Place& list) {
    if (const auto found = find_node(identity_.node)) return found;
    std::vector<std::string_view> names;
    for (const Node& node : nodes_) names.push_back(node.name);
    const auto near = nearest(identity_.node, names);
    builder_.error(list, fmt::format("there is no node \"{}\" (--node){}", identity_.node,
                                     near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
    return std::nullopt;
  }

  std::optional<std::size_t> find_node(std::string_view name) const {
    const auto found = std::ranges::find(nodes_, name, &Node::name);
    if (found == nodes_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - nodes_.begin());
  }

  // ---- virtual routers -------------------------------------------------------------------------

  void routers() {
    const Place groups = failover_.child("groups");
    const bool is_plain = failover_.child("vrid") || failover_.child("vips");
    if (groups && is_plain)
      builder_.error(groups, "either \"vrid\" and \"vips\", or \"groups\"; not both");
    else if (groups && groups.value->type == jsonc::Type::kObject)
      for (const jsonc::Member& member : groups.value->members)
        group(member.key, groups.child(member.key));
    else
      group("main", failover_);
  }

  void group(const std::string& name, const Place& at) {
    if (at.value->type != jsonc::Type::kObject) return;
    for (const std::string_view key : {"vrid", "vips"})
      if (!at.child(key))
        builder_.error(at, fmt::format("\"{}\" is missing{}", key,
                                       at.pointer == failover_.pointer ? " (or \"groups\")" : ""));
    Router router{.name = name};
    read(at.child("vrid"), router.vrid);
    if (at.child("vrid") && !is_new(vrids_, router.vrid))
      builder_.error(at.child("vrid"), "another group has this number already");
    give_out_priorities(at.child("prefer"), router);
    families(at.child("vips"), router);
  }

  /// In a group with "prefer" the nodes' priorities are given out in its order.
  void give_out_priorities(const Place& prefer, Router& router) {
    std::vector<Node> nodes = nodes_;
    if (prefer && prefer.value->type == jsonc::Type::kArray) reorder(nodes, preferred(prefer));
    router.priority = out_.self.priority;
    std::uint8_t others = 0;
    for (const Node& node : nodes) {
      if (node.name == out_.self.name)
        router.priority = node.priority;
      else
        others = std::max(others, node.priority);
    }
    if (others != 0) router.priority_of_others = others;
  }

  /// Named nodes first, the others behind them as they were; the greatest priority to the first.
  static void reorder(std::vector<Node>& nodes, const std::vector<std::string>& order) {
    std::vector<std::uint8_t> priorities;
    for (const Node& node : nodes) priorities.push_back(node.priority);
    std::ranges::sort(priorities, std::greater());
    std::ranges::stable_sort(nodes, {}, [&](const Node& node) {
      return std::ranges::find(order, node.name) - order.begin();
    });
    for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i].priority = priorities[i];
  }

  std::vector<std::string> preferred(const Place& prefer) {
    std::vector<std::string> order;
    for (const Place& entry : one_or_list(prefer)) {
      if (entry.value->type != jsonc::Type::kString) continue;
      if (!find_node(entry.value->text))
        builder_.error(entry, fmt::format("there is no node {}", quoted(*entry.value)));
      else if (std::ranges::find(order, entry.value->text) != order.end())
        builder_.error(entry, fmt::format("{} stands here twice", quoted(*entry.value)));
      else
        order.push_back(entry.value->text);
    }
    return order;
  }

  void families(const Place& vips, const Router& common) {
    if (!vips || vips.value->type != jsonc::Type::kArray) return;
    Router v4 = common;
    Router v6 = common;
    v6.is_v6 = true;
    v6.name += "/6";
    for (const Place& entry : one_or_list(vips)) {
      const auto vip = this->vip(entry);
      if (vip) (vip->address.is_v6() ? v6 : v4).vips.push_back(*vip);
    }
    if (vips.value->items.empty()) builder_.error(vips, "at least one address is expected");
    if (!v6.vips.empty()) check_v6(vips, v6);
    for (Router* router : {&v4, &v6}) {
      if (router->vips.empty()) continue;
      check_unicast(vips, *router);
      out_.routers.push_back(std::move(*router));
    }
  }

  std::optional<IpPrefix> vip(const Place& entry) {
    if (entry.value->type != jsonc::Type::kString) return std::nullopt;
    const auto vip = IpPrefix::parse(entry.value->text);
    if (!vip) return std::nullopt;
    const IpAddress& address = vip->address;
    if (address.is_multicast() || address.is_unspecified())
      builder_.error(entry, "no node can have this address");
    if (!is_new(vips_, address)) builder_.error(entry, "this address stands here twice");
    if (vips_.size() == kVipsMax + 1)
      builder_.error(entry, fmt::format("at most {} addresses are expected", kVipsMax));
    for (const Node& node : nodes_)
      if (node.address == address || node.address6 == address)
        builder_.error(entry,
                       fmt::format("is node \"{}\"'s own address: it cannot move", node.name));
    return *vip;
  }

  void check_v6(const Place& vips, Router& router) {
    if (out_.version == 2)
      builder_.error(vips,
                     "VRRPv2 knows IPv4 only: leave the IPv6 addresses out, or \"version\": 3");
    // The RFC wants the virtual router's link-local address first (section 5.2.9). Unless one was
    // given it is made of the virtual MAC 00-00-5e-00-02-VRID, as hosts make theirs.
    auto local = std::ranges::find_if(
        router.vips, [](const IpPrefix& vip) { return vip.address.is_link_local(); });
    if (local == router.vips.end()) {
      const std::array<std::uint8_t, 16> bytes{0xfe, 0x80, 0,    0,    0,    0, 0, 0,
                                               2,    0,    0x5e, 0xff, 0xfe, 0, 2, router.vrid};
      router.vips.push_back({.address = IpAddress(bytes), .length = 64});
      local = router.vips.end() - 1;
    }
    std::rotate(router.vips.begin(), local, local + 1);
  }

  void check_unicast(const Place& vips, const Router& router) {
    if (!out_.unicast) return;
    for (const Node& node : nodes_)
      if (!node.of_family(router.is_v6))
        builder_.error(vips, fmt::format("unicast adverts for {} need node \"{}\" to have {}",
                                         router.is_v6 ? "IPv6" : "IPv4", node.name,
                                         router.is_v6 ? "\"address6\"" : "an IPv4 \"address\""));
  }

  void peer() {
    const Place at = failover_.child("peer");
    if (!at || at.value->type != jsonc::Type::kObject) return;
    Peer peer;
    read(at.child("port"), peer.port);
    read(at.child("secret"), peer.secret);
    if (const Place secret = at.child("secret"); secret && peer.secret.size() < kPeerSecretMin)
      builder_.error(secret, fmt::format("at least {} characters are expected", kPeerSecretMin));
    certificates(at, peer);
    for (const Node& node : nodes_)
      if (node.address.is_v6() != out_.self.address.is_v6())
        builder_.error(at, fmt::format("node \"{}\" has an \"address\" of another family than this "
                                       "one: the link cannot reach it",
                                       node.name));
    out_.peer = std::move(peer);
  }

  void certificates(const Place& at, Peer& peer) {
    const Place crt = at.child("crt");
    const Place ca = at.child("ca");
    if (ca && !crt) builder_.error(ca, "means nothing without \"crt\"");
    if (at.child("secret")) return;  // one of them too many: said already
    if (crt && !ca)
      builder_.error(crt, "\"ca\" is missing beside it: whose certificates are to be believed?");
    if (!crt || !ca) return;
    const auto certificate = builder_.secret_file(crt, tandem::config::kSecretBytesMax);
    if (!certificate) return;
    const auto authorities = builder_.file(ca, kAuthoritiesBytesMax);
    if (!authorities) return;
    peer.certificate = *certificate;
    peer.authorities = *authorities;
    if (!identity_.find_flaw || out_.self.name.empty()) return;
    if (const auto flaw = identity_.find_flaw(peer, out_.self.name))
      builder_.error(at.child(flaw->key), flaw->words);
  }

  // ---- seals on adverts ------------------------------------------------------------------------

  void auth() {
    const Place at = failover_.child("auth");
    if (!at || at.value->type != jsonc::Type::kObject) return;
    if (out_.version == 2)
      builder_.error(at, "VRRPv2 adverts cannot be sealed: leave it out, or \"version\": 3");
    Auth auth;
    const Place keys = at.child("keys");
    if (keys && keys.value->type == jsonc::Type::kArray)
      for (const Place& entry : one_or_list(keys)) auth_key(entry, auth);
    if (keys && keys.value->type == jsonc::Type::kArray && keys.value->items.empty())
      builder_.error(keys, "at least one key is expected");
    if (auth.keys.size() > kAuthKeysMax)
      builder_.error(keys, fmt::format("at most {} keys are expected", kAuthKeysMax));
    Milliseconds window = auth.window;
    read(at.child("window"), window);
    auth.window = std::chrono::floor<std::chrono::seconds>(window);
    if (auth.window != window) builder_.error(at.child("window"), "whole seconds are expected");
    read(at.child("mode"), kAuthModes, auth.mode);
    if (auth.mode != AuthMode::kDemand)
      builder_.warning(at.child("mode"),
                       "plain adverts are taken too: whoever forges needs no key");
    if (!failover_.child("peer"))
      builder_.warning(at,
                       "without \"peer\" two nodes whose keys or clocks differ are both active: "
                       "neither hears the other");
    out_.auth = std::move(auth);
  }

  void auth_key(const Place& at, Auth& auth) {
    if (at.value->type != jsonc::Type::kObject) return;
    AuthKey key;
    read(at.child("id"), key.id);
    read(at.child("secret"), key.secret);
    const Place secret = at.child("secret");
    if (secret && (key.secret.size() < kAuthSecretMin || key.secret.size() > kAuthSecretMax))
      builder_.error(secret, fmt::format("{} to {} characters are expected, not {}", kAuthSecretMin,
                                         kAuthSecretMax, key.secret.size()));
    if (at.child("id") && std::ranges::find(auth.keys, key.id, &AuthKey::id) != auth.keys.end())
      builder_.error(at.child("id"), "another key has this number already");
    auth.keys.push_back(std::move(key));
  }

  // ---- tracking --------------------------------------------------------------------------------

  void track() {
    const Place track = failover_.child("track");
    track_lb(track.child("lb"));
    for (const Place& entry : one_or_list(track.child("interface")))
      if (entry.value->type == jsonc::Type::kString)
        out_.track.interfaces.push_back(entry.value->text);
    if (!track.child("interface")) out_.track.interfaces.push_back(out_.interface);
    const Place scripts = track.child("script");
    if (scripts && scripts.value->type == jsonc::Type::kObject)
      for (const jsonc::Member& member : scripts.value->members)
        track_script(member.key, scripts.child(member.key));
    const Place files = track.child("file");
    if (files && files.value->type == jsonc::Type::kObject)
      for (const jsonc::Member& member : files.value->members)
        track_file(member.key, files.child(member.key));
  }

  void track_lb(const Place& at) {
    bool wanted = true;
    read(at, wanted);
    if (!wanted) return;
    TrackLb lb;
    lb.bind = SocketAddress::parse("unix:/run/tandem/pulse.sock").value();
    if (const auto address = builder_.address(at.child("bind"))) lb.bind = *address;
    if (!lb.bind.is_unix())
      builder_.error(at.child("bind"), "a Unix socket is expected: \"unix:/path\"");
    read(at.child("hang"), lb.hang);
    read(at.child("ready"), lb.ready);
    out_.track.lb = std::move(lb);
  }

  void track_script(const std::string& name, const Place& at) {
    TrackScript script;
    script.name = name;
    script.exec = program(at.child("exec"));
    read(at.child("interval"), script.interval);
    read(at.child("timeout"), script.timeout);
    read(at.child("rise"), script.rise);
    read(at.child("fall"), script.fall);
    read(at.child("weight"), script.weight);
    out_.track.scripts.push_back(std::move(script));
  }

  void track_file(const std::string& name, const Place& at) {
    TrackFile file;
    file.name = name;
    read(at.child("path"), file.path);
    if (!file.path.empty() && !file.path.starts_with('/'))
      builder_.error(at.child("path"), "the whole path of the file is expected");
    read(at.child("weight"), file.weight);
    out_.track.files.push_back(std::move(file));
  }

  void notify() {
    const Place at = failover_.child("notify");
    if (!at || at.value->type != jsonc::Type::kObject) return;
    out_.notify.exec = program(at.child("exec"));
    read(at.child("timeout"), out_.notify.timeout);
  }

  void actuator() {
    const Place at = failover_.child("actuator");
    if (!at || at.value->type != jsonc::Type::kObject) return;
    Actuator actuator;
    actuator.exec = program(at.child("exec"));
    actuator.read_back = program(at.child("read_back"));
    read(at.child("timeout"), actuator.timeout);
    read(at.child("retry"), actuator.retry);
    read(at.child("interval"), actuator.interval);
    read(at.child("local"), actuator.local);
    read(at.child("release"), actuator.release);
    if (at.child("interval") && !at.child("read_back"))
      builder_.warning(at.child("interval"), "means nothing without \"read_back\"");
    if (!failover_.child("transport"))
      builder_.warning(at,
                       "networks that need an actuator rarely carry multicast: say "
                       "\"transport\": \"unicast\" (or \"multicast\") as well");
    out_.actuator = std::move(actuator);
  }

  /// A program and its arguments.
  std::vector<std::string> program(const Place& exec) {
    std::vector<std::string> words;
    for (const Place& word : one_or_list(exec))
      if (word.value->type == jsonc::Type::kString) words.push_back(word.value->text);
    if (exec && words.empty())
      builder_.error(exec, "a program is expected: [\"/path\", \"argument\", …]");
    else if (exec && !words.front().starts_with('/'))
      builder_.error(exec.element(0),
                     "the whole path of the program is expected: it is run without a shell");
    return words;
  }

  // ---- sockets ---------------------------------------------------------------------------------

  void sockets() {
    out_.runtime.address = SocketAddress::parse("unix:/run/tandem/failover.sock").value();
    out_.admin = SocketAddress::parse("127.0.0.1:8405").value();
    const Place runtime = failover_.child("runtime");
    if (const auto address = builder_.address(runtime.child("bind")))
      out_.runtime.address = *address;
    if (const Place mode = runtime.child("mode"); mode) {
      out_.runtime.mode = tandem::config::read_file_mode(mode.value->text).value_or(0600);
      if (!out_.runtime.address.is_unix())
        builder_.error(mode, "only a Unix socket has a mode: leave it out");
    }
    if (const auto address = builder_.address(failover_.child("admin").child("bind")))
      out_.admin = *address;
    if (!tandem::config::is_loopback(out_.admin))
      builder_.warning(failover_.child("admin").child("bind"),
                       "everybody who reaches this address can use it: listen on 127.0.0.1");
  }

  const Builder& builder_;
  const Identity& identity_;
  Settings& out_;
  Place failover_;
  std::vector<Node> nodes_;
  std::vector<std::uint8_t> vrids_;
  std::vector<IpAddress> vips_;
};

}  // namespace

void build(const Builder& builder, const Identity& identity, Settings& settings) {
  SettingsBuilder(builder, identity, settings).build();
}

}  // namespace tandem::failover::config
