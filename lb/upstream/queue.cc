#include "lb/upstream/queue.h"

#include <algorithm>

namespace tandem::lb::upstream {

Queue::Queue(BackendShared& backend, std::span<ServerShared> servers)
    : backend_(backend), servers_(servers), by_server_(servers.size()) {}

std::optional<QueuePlace> Queue::enter(std::optional<balance::ServerIndex> server, Ticket ticket,
                                       std::uint32_t limit) {
  const std::lock_guard lock(mutex_);
  Line& line = server ? by_server_[*server] : anywhere_;
  const auto ahead = static_cast<std::uint32_t>(line.size());
  if (limit != 0 && ahead >= limit) return std::nullopt;
  const QueuePlace place{.server = server, .number = next_number_++, .ahead = ahead};
  line.emplace(place.number, ticket);
  auto& queued = server ? servers_[*server].queued : backend_.queued;
  auto& most = server ? servers_[*server].queued_most : backend_.queued_most;
  raise(most, queued.fetch_add(1) + 1);
  return place;
}

bool Queue::leave(const QueuePlace& place) {
  const std::lock_guard lock(mutex_);
  Line& line = place.server ? by_server_[*place.server] : anywhere_;
  if (line.erase(place.number) == 0) return false;
  (place.server ? servers_[*place.server].queued : backend_.queued).fetch_sub(1);
  return true;
}

std::optional<Ticket> Queue::next_bound_to(balance::ServerIndex server) {
  const std::lock_guard lock(mutex_);
  Line& line = by_server_[server];
  if (line.empty()) return std::nullopt;
  const Ticket ticket = line.begin()->second;
  line.erase(line.begin());
  servers_[server].queued.fetch_sub(1);
  return ticket;
}

std::optional<Ticket> Queue::next_for(balance::ServerIndex server, const MayServe& may_serve) {
  const std::lock_guard lock(mutex_);
  const auto [line, next] = find_next(server, may_serve);
  if (line == nullptr) return std::nullopt;
  const Ticket ticket = next->second;
  line->erase(next);
  (line == &anywhere_ ? backend_.queued : servers_[server].queued).fetch_sub(1);
  return ticket;
}

bool Queue::has_next_for(balance::ServerIndex server, const MayServe& may_serve) {
  const std::lock_guard lock(mutex_);
  return find_next(server, may_serve).first != nullptr;
}

std::pair<Queue::Line*, Queue::Line::iterator> Queue::find_next(balance::ServerIndex server,
                                                                const MayServe& may_serve) {
  Line& own = by_server_[server];
  const auto common = std::ranges::find_if(
      anywhere_, [&may_serve](const auto& entry) { return may_serve(entry.second); });
  const bool has_common = common != anywhere_.end();
  if (!own.empty() && (!has_common || own.begin()->first < common->first))
    return {&own, own.begin()};
  return {has_common ? &anywhere_ : nullptr, common};
}

}  // namespace tandem::lb::upstream
