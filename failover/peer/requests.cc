#include "failover/peer/requests.h"

#include <algorithm>
#include <utility>

namespace tandem::failover::peer {
namespace {

Outcome failed(std::string words, bool is_known) {
  return {.ok = false, .words = std::move(words), .value = {}, .is_known = is_known};
}

}  // namespace

Requests::Requests(event::Loop& loop) : patience_(loop, [this] { expire(); }) {}

std::optional<std::uint32_t> Requests::add(Duration patience, Done done) {
  if (waiting_.size() >= kRequestsMax) {
    done(failed("too many requests wait for the other node", /*is_known=*/true));
    return std::nullopt;
  }
  do {
    ++last_id_;
  } while (waiting_.contains(last_id_));
  waiting_.emplace(last_id_, Waiting{.until = Clock::now() + patience, .done = std::move(done)});
  arm();
  return last_id_;
}

void Requests::finish(Reply reply) {
  const auto found = waiting_.find(reply.id);
  if (found == waiting_.end()) return;
  Done done = std::move(found->second.done);
  waiting_.erase(found);
  done(std::move(reply.outcome));
}

void Requests::fail_all(const std::string& words) {
  for (auto& [id, waiting] : std::exchange(waiting_, {}))
    waiting.done(failed(words, /*is_known=*/false));
}

void Requests::expire() {
  const Instant now = Clock::now();
  std::map<std::uint32_t, Waiting> late;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto next = std::next(it);
    if (it->second.until <= now) late.insert(waiting_.extract(it));
    it = next;
  }
  arm();
  for (auto& [id, waiting] : late)
    waiting.done(failed("the other node did not answer in time", /*is_known=*/false));
}

void Requests::arm() {
  if (waiting_.empty()) return;
  const auto until = [](const auto& entry) { return entry.second.until; };
  const Instant first = std::ranges::min_element(waiting_, {}, until)->second.until;
  patience_.start(first - Clock::now());
}

}  // namespace tandem::failover::peer
