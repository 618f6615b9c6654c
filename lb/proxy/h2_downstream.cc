#include "lb/proxy/h2_downstream.h"

#include "common/check.h"
#include "common/log.h"
#include "lb/proxy/acceptor.h"
#include "lb/proxy/h2_transfer.h"

#include <chrono>
#include <utility>

namespace tandem::lb::proxy {
namespace {

http2::Session::Limits limits_of(const Context& context) noexcept {
  http2::Session::Limits limits;
  limits.head_bytes_max = context.limits.head_bytes_max;
  return limits;
}

}  // namespace

H2Downstream::H2Downstream(Context& context, Acceptor& acceptor, ClientConnection& former,
                           const SocketAddress& peer, std::string_view greeting)
    : ClientConnection(context.poller),
      context_(context),
      acceptor_(acceptor),
      session_(http2::Session::Role::kServer, limits_of(context), context.http2),
      peer_(peer),
      greeting_(greeting) {
  take_over(former);
  figures::FrontendCells& cells = context_.figures.frontend(acceptor_.frontend_index());
  cells.http2_connections.add();
  cells.http2_connections_now.add(1);
}

H2Downstream::~H2Downstream() = default;

config::FrontendIndex H2Downstream::frontend_index() const noexcept {
  return acceptor_.frontend_index();
}

const config::Timeouts& H2Downstream::timeouts() const noexcept {
  return acceptor_.frontend().timeouts;
}

void H2Downstream::start() {
  keep_time();
  if (!watch()) return close_now();
  send_soon();
  const std::string greeting = std::exchange(greeting_, {});
  take(greeting);
  if (state_ == State::kOpen) read();
  if (context_.stopping && state_ == State::kOpen) stop_soon();
}

// ---- reading
// -------------------------------------------------------------------------------------

void H2Downstream::on_ready() {
  switch (state_) {
    case State::kOpen:
      if (writable() && session_.has_output()) send_soon();
      serve_news();
      if (state_ == State::kOpen) read();
      return;
    case State::kEnding:
      write();
      return;
    case State::kLingering:
      linger();
      return;
    case State::kClosed:
      return;
  }
}

void H2Downstream::read() {
  const H2Transfer result =
      read_frames(*this, session_, context_.read_scratch, [this](std::span<char> bytes) {
        take(bytes);
        return state_ == State::kOpen;
      });
  if (result == H2Transfer::kYields) context_.poller.again(*this);
  if (result == H2Transfer::kGone) over();
}

void H2Downstream::take(std::span<const char> bytes) {
  const bool was_in_head = session_.is_in_head();
  const bool goes_on = session_.receive(bytes, now());
  send_soon();
  if (const std::uint32_t resets = session_.take_resets(); resets > 0)
    context_.figures.frontend(acceptor_.frontend_index()).http2_resets.add(resets);
  if (!goes_on) return say_goodbye();
  serve_news();
  if (session_.is_in_head() != was_in_head) keep_time();
}

void H2Downstream::serve_news() {
  // An exchange that ends may come by here again.
  if (std::exchange(serving_, true)) return;
  while (http2::Stream* stream = session_.next_news()) {
    serve(*stream);
    if (state_ == State::kClosed) break;
  }
  serving_ = false;
}

void H2Downstream::serve(http2::Stream& stream) {
  if (stream.user != nullptr) return stream.user->on_stream();
  if (stream.has_finished()) {
    if (!stream.is_drained() && !stream.is_broken()) return;
    --draining_;
    return let_go(stream);
  }
  // Reset before anything was made of it.
  if (stream.is_closed()) return session_.release(stream);
  if (!stream.has_head()) return;
  auto* request = new H2ClientStream(context_, *this, stream);
  ++running_;
  has_served_ = true;
  keep_time();
  request->start();
}

void H2Downstream::call_later(http2::Stream& stream) {
  session_.note_news(stream);
  context_.poller.again(*this);
}

void H2Downstream::note_refused(const http2::Stream&, const char* words) {
  figures::Capture capture;
  capture.frontend_id = acceptor_.frontend().id;
  capture.client = peer_;
  capture.detail = words;
  capture.when = std::chrono::system_clock::now();
  context_.captures.record(std::move(capture));
}

void H2Downstream::stream_finished(H2ClientStream& request, http2::Stream& stream) {
  finished_.emplace_back(&request);
  --running_;
  send_soon();
  if (stream.has_finished() && !stream.is_drained() && !stream.is_broken()) {
    ++draining_;
  } else {
    let_go(stream);
  }
  const bool leaves =
      context_.stopping || (context_.leaving && context_.leaving->holds_local_address_of(fd()));
  if (leaves && state_ == State::kOpen) stop_soon();
  keep_time();
}

void H2Downstream::let_go(http2::Stream& stream) {
  if (!stream.is_closed()) {
    // An answer that broke off must not look whole (RFC 9113 section 8.1.1); one that is whole
    // needs no more of its request (section 8.1).
    if (!stream.has_finished()) {
      session_.reset(stream, NGHTTP2_INTERNAL_ERROR);
    } else if (!stream.has_ended()) {
      session_.reset(stream, NGHTTP2_NO_ERROR);
    }
  }
  session_.release(stream);
  send_soon();
}

// ---- writing
// -------------------------------------------------------------------------------------

void H2Downstream::send_soon() {
  if (state_ != State::kClosed) context_.poller.at_turn_end(*this);
}

void H2Downstream::on_turn_end() {
  finished_.clear();
  if (state_ == State::kOpen || state_ == State::kEnding) write();
  finished_.clear();
}

void H2Downstream::write() {
  const H2Transfer result = write_frames(*this, session_, [this](std::size_t bytes) {
    written_ += bytes;
    // What had to wait may have gone now, and more may come of it.
    if (state_ == State::kOpen) serve_news();
    return state_ != State::kClosed;
  });
  if (result == H2Transfer::kStops) return;
  if (result == H2Transfer::kGone) return over();
  if (result == H2Transfer::kYields) return context_.poller.again(*this);
  if (session_.has_output()) return;
  // GOAWAY with an error has gone: whatever still runs is for nobody.
  if (state_ == State::kOpen && session_.is_over()) say_goodbye();
  if (state_ == State::kEnding) {
    Socket::finish_sending();
    state_ = State::kLingering;
    context_.wheel.set(*this, now() + kLingerMax);
    linger();
  }
}

// ---- time
// ----------------------------------------------------------------------------------------

void H2Downstream::keep_time() {
  if (state_ != State::kOpen) return;
  Duration limit = timeouts().http_keep_alive;
  rests_next_ = false;
  if (session_.is_in_head() || !has_served_) {
    // For the whole of a head, or of the first.
    if (is_set() && has_head_limit_) return;
    limit = timeouts().http_request;
  } else if (is_leaving_ && !has_said_bye_) {
    limit = kGoodbye;
  } else if (draining_ > 0) {
    limit = timeouts().client;
    written_before_ = written_;
  } else if (running_ > 0) {
    return clear();  // each keeps its own
  } else if (limit > kRestAfter) {
    rests_next_ = true;
    limit = kRestAfter;
  }
  has_head_limit_ = session_.is_in_head() || !has_served_;
  context_.wheel.set(*this, now() + limit);
}

void H2Downstream::on_deadline() {
  switch (state_) {
    case State::kOpen:
      if (std::exchange(rests_next_, false)) {
        session_.rest();
        context_.wheel.set(*this, now() + (timeouts().http_keep_alive - kRestAfter));
      } else if (is_leaving_ && !has_said_bye_ && !has_head_limit_) {
        has_said_bye_ = true;
        session_.go_away(false);
        send_soon();
        keep_time();
      } else if (draining_ > 0 && written_ != written_before_) {
        keep_time();
      } else {
        say_goodbye();
      }
      return;
    case State::kEnding:
    case State::kLingering:
      close_now();
      return;
    case State::kClosed:
      return;
  }
}

void H2Downstream::stop_soon() {
  if (state_ != State::kOpen || std::exchange(is_leaving_, true)) return;
  session_.go_away(true);
  send_soon();
  keep_time();
}

void H2Downstream::stop_now() {
  if (state_ != State::kOpen) return close_now();
  // Whatever runs for this client must let go of its server and its place first.
  std::vector<H2ClientStream*> running;
  session_.for_each_stream([&running](http2::Stream& stream) {
    if (stream.user != nullptr) running.push_back(static_cast<H2ClientStream*>(stream.user));
  });
  for (H2ClientStream* request : running) request->cut();
  over();
}

// ---- closing
// -------------------------------------------------------------------------------------

void H2Downstream::say_goodbye() {
  if (session_.trouble().empty() && !std::exchange(has_said_bye_, true)) session_.go_away(false);
  static_cast<void>(session_.output());  // before the streams are broken off: what they are told
  if (const std::string_view trouble = session_.trouble(); !trouble.empty()) {
    figures::FrontendCells& cells = context_.figures.frontend(acceptor_.frontend_index());
    (session_.was_flooded() ? cells.http2_floods : cells.http2_errors).add();
    log::debug("Proxy {}: HTTP/2 connection from {} is ended: {}", acceptor_.frontend().name,
               peer_.text(), trouble);
  }
  state_ = State::kEnding;
  context_.wheel.set(*this, now() + kLingerMax);
  session_.break_off();
  serve_news();
  send_soon();
}

void H2Downstream::over() {
  state_ = State::kEnding;
  session_.break_off();
  serve_news();
  close_now();
}

void H2Downstream::linger() {
  while (readable() && lingered_bytes_ < kLingerBytesMax) {
    const event::Transfer transfer = Socket::read(context_.read_scratch);
    if (transfer.status == event::Transfer::Status::kBlocked) break;
    if (transfer.status != event::Transfer::Status::kDone) return close_now();
    lingered_bytes_ += static_cast<std::uint32_t>(transfer.bytes);
  }
  if (lingered_bytes_ >= kLingerBytesMax) close_now();
}

void H2Downstream::close_now() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  clear();
  close();
  TurnEnd::unlink();
  ListLink<InWorkerList>::unlink();
  context_.figures.frontend(acceptor_.frontend_index()).http2_connections_now.add(-1);
  acceptor_.connection_closed();
  context_.poller.retire(std::unique_ptr<event::Socket>(this));
}

}  // namespace tandem::lb::proxy
