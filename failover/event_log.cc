#include "failover/event_log.h"

#include "common/log.h"

#include <fmt/chrono.h>

#include <utility>

namespace tandem::failover {

void EventLog::add(std::string router, std::string words) {
  if (router.empty())
    log::notice("{}", words);
  else
    log::notice("{}: {}", router, words);
  if (events_.size() == kEventsMax) events_.pop_front();
  events_.push_back({.at = std::chrono::system_clock::now(),
                     .router = std::move(router),
                     .words = std::move(words)});
}

std::string format_time(std::chrono::system_clock::time_point at) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(at);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(at - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), milliseconds);
}

}  // namespace tandem::failover
