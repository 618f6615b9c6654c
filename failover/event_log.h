// EventLog: what has happened to this node's addresses, for the log, the control socket and the
// other nodes, and what those say has happened at theirs: the last few hundred of each, each with
// its time. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tandem::failover {

struct Event {
  std::chrono::system_clock::time_point at;
  std::string node;    // empty: this one
  std::string router;  // empty: the whole node
  std::string words;   // one line
};

class EventLog {
 public:
  /// Of each node.
  static constexpr std::size_t kEventsMax = 512;

  /// Also writes it to the log of the process, as a notice.
  void add(std::string router, std::string words);

  /// As the node `event.node` tells it; it may tell it again. Not written to the log here.
  void take(Event event);
  /// Called with each event that is added.
  void set_on_add(std::function<void(const Event&)> callback) { on_add_ = std::move(callback); }

  /// Of this node.
  [[nodiscard]] const std::deque<Event>& events() const noexcept { return events_; }
  /// Of all nodes, in the order of their times, each by the clock of its node.
  [[nodiscard]] std::vector<Event> of_all_nodes() const;
  /// When the process began, of which it is kept.
  [[nodiscard]] std::chrono::system_clock::time_point begun_at() const noexcept {
    return begun_at_;
  }

 private:
  std::deque<Event> events_;
  std::map<std::string, std::deque<Event>> others_;  // by node
  std::function<void(const Event&)> on_add_;
  std::chrono::system_clock::time_point begun_at_ = std::chrono::system_clock::now();
};

/// "2026-11-21T17:42:03.123Z"
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point at);

}  // namespace tandem::failover
