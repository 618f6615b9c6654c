#include "lb/proxy/pump.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace tandem::lb::proxy {

void Pump::reset() noexcept {
  pipe_.reset();
  splice_left_ = 0;
  bytes_ = 0;
  bytes_spliced_ = 0;
  no_pipe_ = false;
  source_ended_ = false;
  filled_whole_ = false;
  done_ = false;
}

Pump::State Pump::run(BodySource& source, BodySink& sink) {
  run_bytes_ = 0;
  State state = State::kYields;
  const std::uint64_t most = sink.turn_bytes_max();
  while (run_bytes_ < most) {
    if (!sink.is_drained()) {
      if (!sink.flush()) return State::kSinkBroken;
      if (!sink.is_drained()) {
        source.park();
        return State::kWaitsForSink;
      }
    }
    if (done_) return State::kDone;
    const bool splicing = splice_left_ > 0 || (pipe_ && pipe_->bytes > 0);
    state = splicing ? splice(source, sink) : send_buffered(source, sink);
    if (state != State::kYields) break;
  }
  done_ = state == State::kDone;
  source.park();
  // What was announced to the sink has to come through this pipe.
  if (splice_left_ == 0 && pipe_ && pipe_->bytes == 0) pipe_.reset();
  return state;
}

Pump::State Pump::send_buffered(BodySource& source, BodySink& sink) {
  std::array<iovec, BodySink::kPiecesMax> pieces;  // unset on purpose
  std::size_t count = 0;
  bool last = false;
  bool malformed = false;
  std::uint64_t bytes = 0;
  while (count < pieces.size()) {
    const http::BodyStep step = source.next();
    if (step.kind == http::BodyStep::Kind::kData) {
      pieces[count++] = {.iov_base = const_cast<char*>(step.data.data()),
                         .iov_len = step.data.size()};
      bytes += step.data.size();
      continue;
    }
    last = step.kind == http::BodyStep::Kind::kEnd;
    malformed = step.kind == http::BodyStep::Kind::kError;
    break;
  }
  if (malformed) return State::kSourceMalformed;
  if (count > 0 || last) {
    bytes_ += bytes;
    run_bytes_ += std::max(bytes, kRoundBytesMin);
    if (!sink.send({pieces.data(), count}, last, last ? source.trailers() : std::string_view()))
      return State::kSinkBroken;
    return last ? State::kDone : State::kYields;
  }
  if (source_ended_) return sink.send({}, true, {}) ? State::kDone : State::kSinkBroken;
  if (!no_pipe_ && source.spliceable() > 0) {
    if (!pipe_ && sink.can_splice()) pipe_ = pipes_.take();
    no_pipe_ = !pipe_;
    if (pipe_) return start_splice(source, sink);
  }
  switch (source.fill()) {
    case BodySource::Fill::kDone:
      return State::kYields;
    case BodySource::Fill::kBlocked:
      // A head that is held goes out now: its body may take its time.
      return sink.flush() ? State::kWaitsForSource : State::kSinkBroken;
    case BodySource::Fill::kEnd:
      if (!source.ends_with_close()) return State::kSourceBroken;
      return sink.send({}, true, {}) ? State::kDone : State::kSinkBroken;
    case BodySource::Fill::kFailed:
      break;
  }
  return State::kSourceBroken;
}

Pump::State Pump::start_splice(BodySource& source, BodySink& sink) {
  const std::uint64_t left = source.spliceable();
  State state = State::kYields;
  // The pipe is filled before anything is announced: the head goes out with MSG_MORE, and must not
  // wait in the kernel for a body that is slow to come.
  if (!fill_pipe(source, left, state)) {
    if (state == State::kWaitsForSource && !sink.flush()) return State::kSinkBroken;
    return state;
  }
  const bool endless = left == std::numeric_limits<std::uint64_t>::max();
  splice_left_ = endless ? 0 : left - pipe_->bytes;
  if (!sink.begin_splice(pipe_->bytes + splice_left_)) return State::kSinkBroken;
  return State::kYields;
}

Pump::State Pump::splice(BodySource& source, BodySink& sink) {
  State state = State::kYields;
  if (pipe_->bytes == 0) {
    if (!fill_pipe(source, splice_left_, state)) return state;
    splice_left_ -= pipe_->bytes;
  }
  if (!drain_pipe(sink, state)) return state;
  return State::kYields;
}

bool Pump::fill_pipe(BodySource& source, std::uint64_t wanted, State& state) {
  event::Socket& socket = source.socket();
  state = State::kWaitsForSource;
  if (!socket.readable()) return false;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, pipe_->capacity));
  ssize_t count = 0;
  do {
    count = ::splice(socket.fd(), nullptr, pipe_->write_end.get(), nullptr, most,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto bytes = static_cast<std::uint64_t>(count);
    pipe_->bytes = bytes;
    filled_whole_ = bytes == most;
    source.spliced(bytes);
    bytes_ += bytes;
    bytes_spliced_ += bytes;
    run_bytes_ += bytes;
    return true;
  }
  if (count < 0 && errno == EAGAIN) {
    // The pipe was empty, so it is the socket that has nothing.
    socket.set_readable(false);
    return false;
  }
  // A body that ends with the connection ends here; one that was announced is short.
  source_ended_ = count == 0 && source.ends_with_close();
  state = source_ended_ ? State::kYields : State::kSourceBroken;
  return false;
}

bool Pump::drain_pipe(BodySink& sink, State& state) {
  event::Socket& socket = sink.socket();
  while (pipe_->bytes > 0) {
    if (!socket.writable()) {
      state = socket.watch() ? State::kWaitsForSink : State::kSinkBroken;
      return false;
    }
    // MORE holds back a short last segment; only when what follows is there already.
    const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK |
                           (splice_left_ > 0 && filled_whole_ ? SPLICE_F_MORE : 0U);
    const ssize_t count =
        ::splice(pipe_->read_end.get(), nullptr, socket.fd(), nullptr, pipe_->bytes, flags);
    if (count > 0) {
      pipe_->bytes -= static_cast<std::size_t>(count);
      sink.spliced(static_cast<std::uint64_t>(count));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      socket.set_writable(false);
      continue;
    }
    state = State::kSinkBroken;
    return false;
  }
  return true;
}

}  // namespace tandem::lb::proxy
