#include "common/event/mailbox.h"

namespace tandem::event {

Mailbox::Mailbox(Loop& loop) : loop_(loop), wakeup_([this] { deliver(); }) {
  TANDEM_CHECK(uv_async_init(loop.native(), wakeup_.get(), Handle<uv_async_t>::fire) == 0);
}

void Mailbox::post(Message message) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(message));
  }
  uv_async_send(wakeup_.get());
}

void Mailbox::deliver() {
  loop_.update_now();
  {
    const std::lock_guard lock(mutex_);
    delivering_.swap(waiting_);
  }
  for (Message& message : delivering_) message();
  delivering_.clear();
}

}  // namespace tandem::event
