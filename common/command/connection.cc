#include "common/command/connection.h"

#include "common/command/server.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::command {

Connection::Connection(event::Poller& poller, event::SocketSet& owner, const CommandTable& table,
                       Level level)
    : Socket(poller),
      owner_(owner),
      conversation_(table, level),
      timeout_(poller.loop(), [this] { end(); }) {}

void Connection::begin(int fd) {
  attach(fd);
  timeout_.start(conversation_.session().timeout);
  if (!watch()) return end();
  serve();
}

void Connection::on_ready() { serve(); }

/// Runs what has been received, as far as the peer takes the answers.
void Connection::serve() {
  for (;;) {
    if (!flush()) return;
    if (written_ < output_.size() && output_.size() >= CommandServer::kOutputBytesMax) return;
    if (is_finishing_) {
      if (!output_.empty()) return;
      event::discard_input(*this);
      return end();
    }
    switch (conversation_.step(output_)) {
      case Conversation::Step::kAnswered:
        timeout_.start(conversation_.session().timeout);
        break;
      case Conversation::Step::kFinished:
        is_finishing_ = true;
        break;
      case Conversation::Step::kNeedInput:
        if (!fill()) return;
        break;
    }
  }
}

bool Connection::fill() {
  if (!readable()) {
    static_cast<void>(flush());
    return false;
  }
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
      static_cast<void>(flush());
      return false;
    case event::Transfer::Status::kFailed:
      end();
      return false;
  }
  return false;
}

/// Writes what the kernel takes. False: the connection has ended.
bool Connection::flush() {
  while (written_ < output_.size() && writable()) {
    const iovec piece{.iov_base = output_.data() + written_, .iov_len = output_.size() - written_};
    const event::Transfer sent = write({&piece, 1});
    if (sent.status == event::Transfer::Status::kFailed) {
      end();
      return false;
    }
    written_ += sent.bytes;
    timeout_.start(conversation_.session().timeout);  // a peer that reads is not silent
  }
  if (written_ == output_.size()) {
    output_.clear();
    if (output_.capacity() > CommandServer::kOutputBytesMax) output_.shrink_to_fit();
    written_ = 0;
  }
  return true;
}

void Connection::end() {
  timeout_.stop();
  close();
  owner_.retire(*this);
}

}  // namespace tandem::command
