// What the nodes of a pair tell each other, as values and as bytes. Pure; knows neither sockets nor
// TLS, and trusts nothing: what is not understood is an error in words. Any thread.
//
//   frame     = length (4 bytes, big endian: of what follows) version (1) type (1) body
//   heartbeat = sent (8) echo (8) held (8) is_fit (1) count (1) count * router; more is passed over
//   router    = vrid (1) family and role (1: 0x80 IPv6, low bits the role) priority (1)
//
// Every other body is a JSON object, whose unknown members are passed over.
#pragma once

#include "common/pulse.h"
#include "common/result.h"
#include "failover/machine/machine.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::failover::peer {

using Json = nlohmann::json;

inline constexpr std::uint8_t kVersion = 1;
/// Longest body of a message, in bytes. Reading it stops the loop, so it is kept to what a parser
/// does in a few milliseconds; longer lists go in parts.
inline constexpr std::size_t kBodyBytesMax = 256 * 1024;
inline constexpr std::size_t kFrameHeaderBytes = 6;
/// As many as VRIDs, for both families.
inline constexpr std::size_t kRoutersMax = 255;
/// Of one part: as many as fit with the longest names.
inline constexpr std::size_t kSettingsMax = 100;
inline constexpr std::size_t kEventsMax = 100;
/// Deeper JSON is refused: what recurses over it later must not exhaust the stack.
inline constexpr int kJsonDepthMax = 32;

/// The first message of each side; nothing is believed before it.
struct Hello {
  std::string node;
  std::string version;      // of the program, for a person
  std::string config_hash;  // unlike ours: the nodes run different configurations
  std::chrono::sys_time<std::chrono::milliseconds> started_at{};
  std::chrono::milliseconds heartbeat{0};  // how often it will be heard
  friend bool operator==(const Hello&, const Hello&) = default;
};

struct RouterStatus {
  std::string name;  // "main", "main/6"
  std::uint8_t vrid = 0;
  bool is_v6 = false;
  machine::Role role = machine::Role::kInitialize;
  std::uint8_t priority = 0;  // effective; 0: the node must not have the address
  std::string reason;         // of that priority or role, in words
  /// Since when it is in that role, and when it last took the addresses over, by its own clock; 0:
  /// it does not say, or never did.
  std::chrono::sys_time<std::chrono::milliseconds> since{};
  std::chrono::sys_time<std::chrono::milliseconds> taken_at{};
  std::chrono::microseconds takeover{0};  // what that took, from the decision to the announcement
  friend bool operator==(const RouterStatus&, const RouterStatus&) = default;
};

struct Status {
  std::vector<RouterStatus> routers;  // at most kRoutersMax
  bool is_fit = false;                // the node could serve if the address came
  std::string fitness;                // why it could not
  friend bool operator==(const Status&, const Status&) = default;
};

/// What may change of a Status without a new one, and the proof that the node still turns.
struct Heartbeat {
  struct Router {
    std::uint8_t vrid = 0;
    bool is_v6 = false;
    machine::Role role = machine::Role::kInitialize;
    std::uint8_t priority = 0;
    friend bool operator==(const Router&, const Router&) = default;
  };

  std::uint64_t sent = 0;  // nanoseconds of the sender's clock
  std::uint64_t echo = 0;  // `sent` of the last heartbeat the sender has heard; 0: none yet
  std::uint64_t held = 0;  // nanoseconds between hearing that one and sending this
  bool is_fit = false;
  std::vector<Router> routers;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

/// "Take it now": the sender has released the addresses of this virtual router, or is about to do
/// nothing else.
struct LetGo {
  std::string router;
  friend bool operator==(const LetGo&, const LetGo&) = default;
};

/// Asks for something that is done once and answered. Names are the daemon's.
struct Request {
  std::uint32_t id = 0;
  std::string name;
  Json argument;
  friend bool operator==(const Request&, const Request&) = default;
};

struct Outcome {
  bool ok = false;
  std::string words;  // for a person
  Json value;
  bool is_known = true;  // false: it was asked for and no answer came, it may have been done
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct Reply {
  std::uint32_t id = 0;
  Outcome outcome;
  friend bool operator==(const Reply&, const Reply&) = default;
};

/// An orderly end, so that the other side does not take it for a failure.
struct Bye {
  std::string words;
  friend bool operator==(const Bye&, const Bye&) = default;
};

/// Some of what operators have set on servers, and of how the sender's checks find them. The next
/// part follows when this one was taken.
struct SettingsPart {
  std::uint64_t number = 0;                    // of the part, counted from 1 on each connection
  std::vector<pulse::ServerSetting> settings;  // at most kSettingsMax
  friend bool operator==(const SettingsPart&, const SettingsPart&) = default;
};

struct SettingsTaken {
  std::uint64_t number = 0;  // of the part
  friend bool operator==(const SettingsTaken&, const SettingsTaken&) = default;
};

/// What has happened at the sender, oldest first. It may have been told before.
struct EventsPart {
  struct Event {
    std::chrono::sys_time<std::chrono::milliseconds> at{};
    std::string router;  // empty: the whole node
    std::string words;
    friend bool operator==(const Event&, const Event&) = default;
  };
  std::vector<Event> events;  // at most kEventsMax
  friend bool operator==(const EventsPart&, const EventsPart&) = default;
};

/// Of a newer version of this program.
struct Unknown {
  std::uint8_t type = 0;
  friend bool operator==(const Unknown&, const Unknown&) = default;
};

using Message = std::variant<Hello, Status, Heartbeat, LetGo, Request, Reply, Bye, SettingsPart,
                             SettingsTaken, EventsPart, Unknown>;

/// One whole frame. Errors: the body would be longer than kBodyBytesMax. Text that is not UTF-8 is
/// mended. An Unknown has an empty body.
[[nodiscard]] Result<std::string> encode(const Message& message);

/// Cuts the stream of one connection into messages.
class Decoder {
 public:
  void feed(std::string_view bytes) { bytes_.append(bytes); }
  /// nullopt: more bytes are needed. After an error nothing that follows can be trusted: the
  /// connection must end.
  [[nodiscard]] Result<std::optional<Message>> next();

 private:
  std::string bytes_;  // at most a frame and what came with it
  std::size_t at_ = 0;
};

}  // namespace tandem::failover::peer
