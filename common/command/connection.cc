#include "common/command/connection.h"

#include "common/log.h"
#include "common/time.h"

#include <array>
#include <utility>

namespace tandem::command {

Connection::Connection(event::Poller& poller, event::SocketSet& owner, const CommandTable& table,
                       const Settle& settle, Level level)
    : Socket(poller),
      owner_(owner),
      settle_(settle),
      conversation_(table, level),
      settle_timer_(poller.loop(),
                    [this] {
                      log::warning(
                          "a command is answered before all of the process has heard of it: a "
                          "thread has not turned for {}",
                          format_duration(CommandServer::kSettleTime));
                      settled();
                    }),
      timeout_(poller.loop(), [this] { end(); }) {}

void Connection::begin(int fd) {
  attach(fd);
  timeout_.start(conversation_.session().timeout);
  if (!watch()) return end();
  serve();
}

void Connection::on_ready() { serve(); }

/// Runs what has been received, as far as the peer takes the answers. They are sent when there is
/// nothing more to run, or a lot of them: many commands that came together settle together.
void Connection::serve() {
  for (;;) {
    if (output_.size() >= CommandServer::kOutputBytesMax && !answer()) return;
    switch (conversation_.step(output_)) {
      case Conversation::Step::kAnswered:
        has_run_ = true;
        timeout_.start(conversation_.session().timeout);
        break;
      case Conversation::Step::kFinished:
        if (!answer()) return;
        event::discard_input(*this);
        return end();
      case Conversation::Step::kNeedInput:
        if (!answer() || !fill()) return;
        break;
    }
  }
}

bool Connection::answer() {
  if (!is_settled()) return false;
  flush();
  return is_open() && output_.empty();
}

bool Connection::is_settled() {
  if (settling_) return false;
  if (!std::exchange(has_run_, false) || !settle_) return true;
  settling_ = std::make_shared<const bool>(true);
  const std::weak_ptr<const bool> waiting = settling_;
  const bool is_so = settle_([this, waiting] {
    if (!waiting.expired()) settled();
  });
  if (is_so) {
    settling_.reset();
  } else {
    settle_timer_.start(CommandServer::kSettleTime);
  }
  return is_so;
}

void Connection::settled() {
  settling_.reset();
  settle_timer_.stop();
  serve();
}

bool Connection::fill() {
  if (!readable()) return false;
  std::array<char, 4096> bytes;
  const event::Transfer got = read(bytes);
  switch (got.status) {
    case event::Transfer::Status::kDone:
      timeout_.start(conversation_.session().timeout);
      conversation_.receive({bytes.data(), got.bytes});
      return true;
    case event::Transfer::Status::kEnd:
      conversation_.end_of_input();
      return true;
    case event::Transfer::Status::kBlocked:
      return false;
    case event::Transfer::Status::kFailed:
      end();
      return false;
  }
  return false;
}

/// Writes what the kernel takes. May end the connection.
void Connection::flush() {
  while (written_ < output_.size() && writable()) {
    const iovec piece{.iov_base = output_.data() + written_, .iov_len = output_.size() - written_};
    const event::Transfer sent = write({&piece, 1});
    if (sent.status == event::Transfer::Status::kFailed) return end();
    written_ += sent.bytes;
    timeout_.start(conversation_.session().timeout);  // a peer that reads is not silent
  }
  if (written_ == output_.size()) {
    output_.clear();
    if (output_.capacity() > CommandServer::kOutputBytesMax) output_.shrink_to_fit();
    written_ = 0;
  }
}

void Connection::end() {
  settling_.reset();
  settle_timer_.stop();
  timeout_.stop();
  close();
  owner_.retire(*this);
}

}  // namespace tandem::command
