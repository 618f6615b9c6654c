#include "failover/event_log.h"

#include "common/log.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace tandem::failover {
namespace {

void append(std::deque<Event>& events, Event event) {
  if (events.size() == EventLog::kEventsMax) events.pop_front();
  events.push_back(std::move(event));
}

/// One line each, whatever another node says.
std::string as_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return text;
}

}  // namespace

void EventLog::add(std::string router, std::string words) {
  if (router.empty())
    log::notice("{}", words);
  else
    log::notice("{}: {}", router, words);
  append(events_, {.at = std::chrono::system_clock::now(),
                   .node = {},
                   .router = std::move(router),
                   .words = std::move(words)});
  if (on_add_) on_add_(Event(events_.back()));
}

void EventLog::take(Event event) {
  event.router = as_one_line(std::move(event.router));
  event.words = as_one_line(std::move(event.words));
  std::deque<Event>& known = others_[event.node];
  const auto is_it = [&event](const Event& other) {
    return std::tie(other.at, other.router, other.words) ==
           std::tie(event.at, event.router, event.words);
  };
  if (std::ranges::none_of(known, is_it)) append(known, std::move(event));
}

std::vector<Event> EventLog::of_all_nodes() const {
  std::vector<Event> all(events_.begin(), events_.end());
  for (const auto& [node, events] : others_) all.insert(all.end(), events.begin(), events.end());
  std::ranges::stable_sort(all, {}, &Event::at);
  return all;
}

std::string format_time(std::chrono::system_clock::time_point at) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(at);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(at - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), milliseconds);
}

}  // namespace tandem::failover
