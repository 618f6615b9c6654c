// EventLog: what has happened to this node's addresses, for the log, the control socket and the
// other node: the last few hundred, each with its time. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>

namespace tandem::failover {

struct Event {
  std::chrono::system_clock::time_point at;
  std::string router;  // empty: the whole node
  std::string words;   // one line
};

class EventLog {
 public:
  static constexpr std::size_t kEventsMax = 512;

  /// Also writes it to the log of the process, as a notice.
  void add(std::string router, std::string words);

  [[nodiscard]] const std::deque<Event>& events() const noexcept { return events_; }

 private:
  std::deque<Event> events_;
};

/// "2026-11-21T17:42:03.123Z"
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point at);

}  // namespace tandem::failover
