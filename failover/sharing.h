// Sharing: keeps what is known of servers (ServerSettings) the same at the data plane here and on
// the other nodes, and tells them what has happened on this one. Each receiver is told what has
// changed since it was told last, and everything when it comes anew; nothing waits in queues.
// Decides nothing. Thread: the loop's.
#pragma once

#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/pulse.h"
#include "common/time.h"
#include "failover/event_log.h"
#include "failover/peer/message.h"
#include "failover/server_settings.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover {

class Sharing {
 public:
  /// Ways out. Those to a node do nothing while it is not there.
  struct Ways {
    /// False: not now; feed_data_plane() or begin_data_plane() follows.
    std::function<bool(const pulse::ServerSetting&)> to_data_plane;
    std::function<void(const std::string& node, const peer::SettingsPart&)> settings;
    std::function<void(const std::string& node, const peer::SettingsTaken&)> taken;
    std::function<void(const std::string& node, const peer::EventsPart&)> events;
  };
  /// How many settings the data plane is sent in one turn.
  static constexpr std::size_t kAtOnce = 256;
  /// What operators set within so long is one event.
  static constexpr Milliseconds kGather{100};
  /// Bytes of an event's words that others are told.
  static constexpr std::size_t kWordsBytesMax = 400;

  /// `settings` and `events` outlive it.
  Sharing(event::Loop& loop, ServerSettings& settings, EventLog& events, Ways ways);
  ~Sharing();
  Sharing(const Sharing&) = delete;
  Sharing& operator=(const Sharing&) = delete;

  /// The data plane is there, perhaps another than before: it is told everything.
  void begin_data_plane();
  /// It has room again.
  void feed_data_plane();
  void hear(const pulse::ServerSetting& setting);

  /// The link to the node is up: it is told everything.
  void begin(const std::string& node);
  void end(const std::string& node);
  void hear(const std::string& node, const peer::SettingsPart& part);
  void hear(const std::string& node, const peer::SettingsTaken& taken);
  void hear(const std::string& node, const peer::EventsPart& part);

  /// The node is there and has taken everything.
  [[nodiscard]] bool is_in_step(const std::string& node) const;
  /// How long the node has been waited for to take something; zero: for nothing.
  [[nodiscard]] Duration lag(const std::string& node) const;
  /// How often the node was told everything.
  [[nodiscard]] std::uint64_t resyncs(const std::string& node) const;
  [[nodiscard]] const ServerSettings& settings() const noexcept { return settings_; }

 private:
  struct Partner {
    bool is_up = false;
    std::uint64_t told = 0;   // up to this version of the settings
    std::uint64_t part = 0;   // the last that was sent on this connection
    bool is_awaited = false;  // it has not been taken yet
    std::optional<Instant> behind_since;
    std::uint64_t resyncs = 0;
  };

  void spread();
  void feed(const std::string& node, Partner& partner);
  void tell_events(const Event& event);
  void tell_history(const std::string& node);
  void note(const pulse::ServerSetting& setting);
  void write_note();
  [[nodiscard]] const Partner* find(const std::string& node) const;

  ServerSettings& settings_;
  EventLog& events_;
  Ways ways_;
  std::uint64_t data_plane_told_ = 0;
  std::map<std::string, Partner> partners_;
  std::vector<std::string> noted_;  // in words; the first few
  std::size_t noted_more_ = 0;
  event::Timer feed_more_;
  event::Timer note_;
};

}  // namespace tandem::failover
