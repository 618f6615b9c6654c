// Mailbox: how one thread hands work to the loop of another.
#pragma once

#include "common/event/handle.h"
#include "common/event/loop.h"

#include <functional>
#include <mutex>
#include <vector>

namespace tandem::event {

/// Owned and destroyed by the loop's thread, while no other thread posts any more.
class Mailbox {
 public:
  using Message = std::move_only_function<void()>;

  explicit Mailbox(Loop& loop);

  /// Runs `message` on the loop's thread in a later turn, in the order of posting.
  /// Thread: any. Takes a lock for the length of a push: not for every request.
  void post(Message message);

 private:
  void deliver();

  Loop& loop_;
  std::mutex mutex_;
  std::vector<Message> waiting_;  // guarded by mutex_
  std::vector<Message> delivering_;
  Handle<uv_async_t> wakeup_;
};

}  // namespace tandem::event
