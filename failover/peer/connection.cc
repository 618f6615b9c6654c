#include "failover/peer/connection.h"

#include "common/event/socket_set.h"
#include "failover/peer/tcp.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::failover::peer {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
// The rest waits for the next turn, so that a flood does not keep the timers of others.
constexpr int kReadsPerTurn = 16;

}  // namespace

Connection::Connection(event::Poller& poller, Owner& owner,
                       std::shared_ptr<const Credentials> credentials, TlsStream::Side side,
                       const std::string& peer_node, Session session)
    : Socket(poller),
      owner_(owner),
      tls_(std::move(credentials), side, peer_node),
      session_(std::move(session)),
      patience_(poller.loop(), [this] {
        end({.cause = is_connecting_ ? Ending::Cause::kUnreachable : Ending::Cause::kHandshake,
             .words = is_connecting_ ? "it does not answer" : "it did not say who it is in time"});
      }) {}

bool Connection::begin(FileDescriptor fd) {
  tune(fd.get(), session_.silence());
  attach(fd.release());
  patience_.start(kHandshakeTime);
  return watch();
}

void Connection::settle() {
  patience_.stop();
  tune(fd(), session_.silence());
}

void Connection::on_ready() {
  if (is_connecting_ && !is_connected()) return;
  flush();
  look();
}

bool Connection::is_connected() {
  const int error = connect_result(fd());
  if (error == EINPROGRESS) return false;
  if (error != 0) {
    end({.cause = Ending::Cause::kUnreachable, .words = std::strerror(error)});
    return false;
  }
  is_connecting_ = false;
  receive({});
  return is_open();
}

void Connection::look() {
  if (doom_) return end(Ending(std::move(*doom_)));
  if (is_connecting_) return;
  std::array<char, kReadBytes> bytes;
  set_readable(true);
  for (int i = 0; i < kReadsPerTurn && is_open() && readable(); ++i) {
    const event::Transfer got = read(bytes);
    switch (got.status) {
      case event::Transfer::Status::kBlocked:
        return;
      case event::Transfer::Status::kDone:
        receive({bytes.data(), got.bytes});
        break;
      case event::Transfer::Status::kEnd:
        return end({.cause = is_secure() ? Ending::Cause::kLost : Ending::Cause::kHandshake,
                    .words = "it closed the connection without a word"});
      case event::Transfer::Status::kFailed:
        return end({.cause = is_secure() ? Ending::Cause::kLost : Ending::Cause::kHandshake,
                    .words = std::strerror(got.error)});
    }
  }
  if (is_open() && readable()) poller().again(*this);
}

void Connection::receive(std::string_view bytes) {
  plain_.clear();
  tls_.receive(bytes, plain_);
  flush();
  if (is_secure() && !std::exchange(was_secure_, is_secure())) owner_.on_secure(*this);
  if (is_open()) hand_over(plain_);
  if (is_open() && !doom_) end_with_stream();
}

void Connection::hand_over(std::string_view plain) {
  decoder_.feed(plain);
  while (is_open() && !doom_) {
    auto message = decoder_.next();
    if (!message)
      return end({.cause = Ending::Cause::kMalformed, .words = message.error().message});
    if (!*message) return;
    if (const auto last = owner_.on_message(*this, **message)) return end(*last);
  }
}

void Connection::end_with_stream() {
  if (tls_.state() == TlsStream::State::kEnded)
    return end({.cause = Ending::Cause::kLost, .words = "it ended TLS without a word"});
  if (tls_.state() == TlsStream::State::kFailed)
    // Who dials is done before the other has looked at its certificate, and hears of it later.
    end({.cause = session_.is_up() ? Ending::Cause::kMalformed : Ending::Cause::kHandshake,
         .words = tls_.trouble()});
}

bool Connection::send(std::string_view frames) {
  if (!is_open() || !is_secure() || doom_) return false;
  tls_.send(frames);
  flush();
  return !doom_ && out_.empty();
}

void Connection::flush() {
  tls_.take_output(out_);
  while (written_ < out_.size() && writable()) {
    const iovec rest{.iov_base = out_.data() + written_, .iov_len = out_.size() - written_};
    const event::Transfer went = write({&rest, 1});
    if (went.status == event::Transfer::Status::kFailed)
      return end_soon({.cause = Ending::Cause::kLost, .words = std::strerror(went.error)});
    written_ += went.bytes;
  }
  if (written_ == out_.size() || written_ > kQueuedBytesMax) {
    out_.erase(0, written_);
    written_ = 0;
  }
  if (out_.size() - written_ > kQueuedBytesMax)
    end_soon({.cause = Ending::Cause::kOverflow,
              .words = fmt::format("it left {} bytes unread", out_.size() - written_)});
}

void Connection::end_soon(Ending ending) {
  if (doom_) return;
  doom_ = std::move(ending);
  poller().again(*this);
}

void Connection::end(const Ending& ending) {
  patience_.stop();
  // Bytes left unread would turn the end into a reset, and the peer might lose what was said last.
  event::discard_input(*this);
  close();
  owner_.on_end(*this, ending);
}

void Connection::leave(std::string_view frames) {
  if (!is_open()) return;
  send(frames);
  patience_.stop();
  event::discard_input(*this);
  close();
}

}  // namespace tandem::failover::peer
