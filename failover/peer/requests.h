// Requests: what one node has asked the other and waits for, and the promise to answer what it was
// asked. Thread: the loop's.
#pragma once

#include "common/event/timer.h"
#include "common/time.h"
#include "failover/peer/message.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace tandem::failover::peer {

/// Most requests that wait for an answer, in each direction.
inline constexpr std::size_t kRequestsMax = 64;

/// Answers one request, once; destroyed without an answer it says that there is none. May outlive
/// the link or its connection: then it does nothing. Move-only. Thread: the loop's.
class Answer {
 public:
  using Send = std::function<void(const Reply&)>;

  /// `way`: how a reply leaves, as long as the connection stands that the request came on.
  Answer(std::uint32_t id, std::weak_ptr<Send> way) : id_(id), way_(std::move(way)) {}
  Answer(Answer&& other) noexcept = default;
  Answer& operator=(Answer&& other) = delete;
  ~Answer() { (*this)({.ok = false, .words = "nobody answered it", .value = {}}); }

  void operator()(Outcome outcome) {
    if (const auto way = std::exchange(way_, {}).lock())
      (*way)({.id = id_, .outcome = std::move(outcome)});
  }

 private:
  std::uint32_t id_;
  std::weak_ptr<Send> way_;
};

/// The ones that wait. Every request is finished once: by its reply, its time, or fail_all();
/// destroying this finishes none.
class Requests {
 public:
  using Done = std::move_only_function<void(Outcome)>;

  explicit Requests(event::Loop& loop);

  /// The id to send it with; nullopt: too many wait, and `done` has been told.
  [[nodiscard]] std::optional<std::uint32_t> add(Duration patience, Done done);
  /// Nothing if nobody waits for it any more.
  void finish(Reply reply);
  void fail_all(const std::string& words);
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

 private:
  struct Waiting {
    Instant until;
    Done done;
  };

  void expire();
  void arm();

  std::uint32_t last_id_ = 0;
  std::map<std::uint32_t, Waiting> waiting_;
  event::Timer patience_;
};

}  // namespace tandem::failover::peer
