// Settings: what tandem-failover was told, after it has been checked. Plain values that cannot be
// wrong any more: the node knows which one it is, priorities are given out, defaults filled in.
// Immutable once built.
#pragma once

#include "common/address.h"
#include "common/ip_address.h"
#include "common/log.h"
#include "common/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover::config {

struct Node {
  std::string name;
  IpAddress address;
  std::optional<IpAddress> address6;  // none: IPv6 adverts by multicast only
  std::uint8_t priority = 100;        // base; a group's "prefer" may say otherwise
  friend bool operator==(const Node&, const Node&) = default;

  /// Its address of that family; nullopt: none was given.
  [[nodiscard]] std::optional<IpAddress> of_family(bool v6) const {
    if (address.is_v6() == v6) return address;
    return address6 && v6 ? address6 : std::nullopt;
  }
};

/// One virtual router of one family (RFC 9568 section 1: IPv4 and IPv6 run apart).
struct Router {
  std::string name;  // the group, with "/6" behind it for IPv6: "main", "main/6"
  std::uint8_t vrid = 1;
  bool is_v6 = false;
  std::uint8_t priority = 100;  // base, of this node
  /// The greatest base of the other nodes; 254 if nothing is known of them.
  std::uint8_t priority_of_others = 254;
  std::vector<IpPrefix> vips;  // IPv6: the first one is link-local (section 5.2.9)
  friend bool operator==(const Router&, const Router&) = default;
};

struct TrackScript {
  std::string name;
  std::vector<std::string> exec;  // never empty
  Milliseconds interval{2'000};
  Milliseconds timeout{1'000};
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  int weight = 0;
  friend bool operator==(const TrackScript&, const TrackScript&) = default;
};

struct TrackFile {
  std::string name;
  std::string path;  // whole
  int weight = 0;
  friend bool operator==(const TrackFile&, const TrackFile&) = default;
};

struct TrackLb {
  SocketAddress bind;  // where tandem-lb listens; a Unix socket
  Milliseconds hang{200};
  bool ready = true;
  friend bool operator==(const TrackLb&, const TrackLb&) = default;
};

struct Track {
  std::optional<TrackLb> lb;
  std::vector<std::string> interfaces;
  std::vector<TrackScript> scripts;
  std::vector<TrackFile> files;
  friend bool operator==(const Track&, const Track&) = default;
};

struct Peer {
  std::uint16_t port = 7510;
  std::string secret;       // at least kPeerSecretMin characters; empty: certificates
  std::string certificate;  // text of a PEM file: the node's, what leads to the CA, and the key
  std::string authorities;  // text of a PEM file
  friend bool operator==(const Peer&, const Peer&) = default;
};
inline constexpr std::size_t kPeerSecretMin = 16;

/// Seals on adverts (failover/wire/seal.h).
struct AuthKey {
  std::uint8_t id = 0;
  std::string secret;  // kAuthSecretMin to kAuthSecretMax bytes
  friend bool operator==(const AuthKey&, const AuthKey&) = default;
};
inline constexpr std::size_t kAuthSecretMin = 32;
inline constexpr std::size_t kAuthSecretMax = 64;

enum class AuthMode : std::uint8_t {
  kAccept,  // plain adverts are sent, both taken
  kSeal,    // sealed ones are sent, both taken
  kDemand,  // sealed ones are sent, and no others taken
};

struct Auth {
  std::vector<AuthKey> keys;  // the first one is sent with; never empty
  AuthMode mode = AuthMode::kDemand;
  std::chrono::seconds window{30};
  friend bool operator==(const Auth&, const Auth&) = default;
};

struct Notify {
  std::vector<std::string> exec;  // empty: none
  Milliseconds timeout{10'000};
  friend bool operator==(const Notify&, const Notify&) = default;
};

/// What makes a network without ARP send the addresses here (failover/actuator.h).
struct Actuator {
  std::vector<std::string> exec;       // never empty
  std::vector<std::string> read_back;  // empty: what `exec` says is believed
  Milliseconds timeout{10'000};
  Milliseconds retry{2'000};
  Milliseconds interval{10'000};
  bool local = true;     // the addresses are put on this node too
  bool release = false;  // a node that lets go says so
  friend bool operator==(const Actuator&, const Actuator&) = default;
};

struct RuntimeSocket {
  SocketAddress address;
  std::uint32_t mode = 0600;  // Unix sockets only
  friend bool operator==(const RuntimeSocket&, const RuntimeSocket&) = default;
};

struct Settings {
  std::uint8_t version = 3;
  std::string interface;
  Milliseconds advert_interval{100};  // whole hundredths of a second; version 2: whole seconds
  bool unicast = false;
  std::string password;  // version 2; empty: none
  bool preempt = true;
  Milliseconds preempt_delay{0};
  bool lease = true;
  bool second_chance = true;      // older connections go on when an operator moves an address
  Milliseconds grace{30'000};     // of global: what older connections have when a node stops
  Milliseconds drain{3'600'000};  // how long they may
  Node self;
  std::vector<Node> peers;   // the other nodes
  std::optional<Peer> peer;  // the link to each of them; none: adverts alone
  std::optional<Auth> auth;  // none: plain adverts
  std::vector<Router> routers;
  Track track;
  Notify notify;
  std::optional<Actuator> actuator;
  RuntimeSocket runtime;
  SocketAddress admin;
  log::Level log_level = log::Level::kInfo;
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace tandem::failover::config
