#include "lb/proxy/downstream.h"

#include "common/check.h"
#include "http/local_response.h"
#include "lb/proxy/acceptor.h"
#include "lb/proxy/h2_downstream.h"
#include "lb/proxy/request_slot.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::lb::proxy {

Downstream::Downstream(Context& context, Acceptor& acceptor, int fd, const SocketAddress& peer)
    : ClientConnection(context.poller), context_(context), acceptor_(acceptor), peer_(peer) {
  attach(fd);
}

Downstream::~Downstream() = default;

const config::Timeouts& Downstream::timeouts() const noexcept {
  return acceptor_.frontend().timeouts;
}

void Downstream::start() {
  set_deadline(timeouts().http_request);
  read_requests();
}

// ---- reading requests
// ----------------------------------------------------------------------------

void Downstream::on_ready() {
  switch (state_) {
    case State::kIdle:
    case State::kHead:
      read_requests();
      return;
    case State::kExchange:
      // Gone in both directions: nobody is left to answer to. A mere FIN may be a client that has
      // finished sending and still reads.
      slot_->exchange.on_client_ready();
      return;
    case State::kFlushing:
      close_after_sending();
      return;
    case State::kLingering:
      linger();
      return;
    case State::kClosed:
      return;
  }
}

void Downstream::read_requests() {
  if (reading_) return;  // an exchange that ended in start(): the loop below goes on by itself
  reading_ = true;
  const std::uint32_t most = requests_ + kRequestsPerTurn;
  while (state_ == State::kIdle || state_ == State::kHead) {
    if (requests_ == most) {
      context_.poller.again(*this);
      break;
    }
    if (input_.unread().empty() || state_ == State::kHead) {
      if (!read_more()) break;
    }
    decode();
  }
  reading_ = false;
}

bool Downstream::read_more() {
  if (!readable()) {
    wait_for_bytes();
    return false;
  }
  const event::Transfer transfer = input_.append(*this, context_.buffers);
  switch (transfer.status) {
    case event::Transfer::Status::kDone:
      if (transfer.bytes > 0) return true;
      // A block is larger than the largest head, so the decoder has refused before this.
      close_now();
      return false;
    case event::Transfer::Status::kBlocked:
      wait_for_bytes();
      return false;
    case event::Transfer::Status::kEnd:
    case event::Transfer::Status::kFailed:
      peer_finished();
      return false;
  }
  return false;
}

void Downstream::peer_finished() {
  if (state_ == State::kHead && slot_->decoder.started()) {
    slot_->exchange.client_left_in_head();
    return;
  }
  close_now();
}

void Downstream::wait_for_bytes() {
  if (!watch()) close_now();
}

void Downstream::decode() {
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    slot_ = RequestSlot::take(context_);
    TANDEM_DCHECK(output_.is_empty());
    output_.reset();
    slot_->exchange.begin(*this, acceptor_.frontend_index());
    if (requests_ > 0) set_deadline(timeouts().http_request);
  }
  const std::string_view message = input_.unread();
  if (requests_ == 0) {
    bool is_sure = false;
    if (speaks_h2(message, is_sure)) {
      if (is_sure) hand_over_to_h2();
      return;
    }
  }
  switch (slot_->decoder.decode(message, slot_->exchange.request())) {
    case http::DecodeResult::kNeedMore:
      return;
    case http::DecodeResult::kError:
      refuse_head();
      return;
    case http::DecodeResult::kDone:
      break;
  }
  ++requests_;
  request_base_ = input_.pin();
  const http::RequestHead& head = slot_->exchange.request();
  input_.consume(head.head_bytes);
  slot_->source.emplace(*this, input_, context_.buffers, context_.read_scratch,
                        http::FieldSection::Role::kRequest, context_.limits, head.framing);
  state_ = State::kExchange;
  if (!watched()) set_deadline(kWatchAfter);
  limit_.reset();
  slot_->exchange.start();
}

/// RFC 9113 section 3: agreed on by ALPN, or known beforehand by the client, who then begins with
/// the preface. `is_sure`: all of it is there.
bool Downstream::speaks_h2(std::string_view message, bool& is_sure) const {
  if (const tls::Stream* encryption = stream()) {
    is_sure = true;
    return encryption->protocol() == "h2";
  }
  if (message.front() != http2::kPreface.front()) return false;
  const std::size_t common = std::min(message.size(), http2::kPreface.size());
  is_sure = common == http2::kPreface.size();
  return message.substr(0, common) == http2::kPreface.substr(0, common);
}

void Downstream::hand_over_to_h2() {
  slot_->exchange.abandon();
  release_slot();
  state_ = State::kClosed;
  clear();
  ListLink<InWorkerList>::unlink();
  acceptor_.go_on(*new H2Downstream(context_, acceptor_, *this, peer_, input_.unread()));
  input_.reset();
  context_.poller.retire(std::unique_ptr<event::Socket>(this));
}

void Downstream::refuse_head() {
  const http::ParseError error = slot_->decoder.error();
  figures::Capture capture;
  capture.frontend_id = acceptor_.frontend().id;
  capture.client = peer_;
  capture.position = error.position;
  capture.detail = error.detail;
  capture.when = std::chrono::system_clock::now();
  capture.bytes = input_.unread();
  context_.captures.record(std::move(capture));
  slot_->exchange.refuse(error.status, Cause::kProxy);
}

void Downstream::on_deadline() {
  switch (state_) {
    case State::kIdle:
      close_now();
      return;
    case State::kHead:
      slot_->exchange.refuse(408, Cause::kClientTimeout);
      return;
    case State::kExchange:
      if (limit_.waits_for() == ClientWait::kNothing) {
        static_cast<void>(watch());
      } else if (limit_.is_broken(slot_->exchange.request_body_bytes(), timeouts().client)) {
        slot_->exchange.on_client_timeout();
      } else {
        set_deadline(timeouts().client);
      }
      return;
    case State::kFlushing:
    case State::kLingering:
      close_now();
      return;
    case State::kClosed:
      return;
  }
}

// ---- ClientSide
// ----------------------------------------------------------------------------------

BodySource& Downstream::request_body() { return *slot_->source; }

BodySink& Downstream::response_body() { return *slot_->sink; }

bool Downstream::can_replay_body() const { return input_.untouched_since_pin(); }

void Downstream::replay_body() {
  const http::RequestHead& head = slot_->exchange.request();
  input_.rewind(head.head_bytes);
  slot_->source.emplace(*this, input_, context_.buffers, context_.read_scratch,
                        http::FieldSection::Role::kRequest, context_.limits, head.framing);
}

bool Downstream::send_head(const char* base, const http::ResponseHead& head,
                           const http::ResponseEdits& edits) {
  const auto size = http::encode_response(context_.encode_scratch, base, head, edits);
  TANDEM_CHECK(size.has_value());  // the scratch is larger than any head that was accepted
  slot_->sink.emplace(*this, output_, edits.framing.kind == http::BodyFraming::Kind::kChunked);
  output_.hold({context_.encode_scratch.data(), *size});
  return true;
}

bool Downstream::send_interim(const char* base, const http::ResponseHead& head) {
  const auto size = http::encode_response(context_.encode_scratch, base, head, {});
  TANDEM_CHECK(size.has_value());
  return send_local({context_.encode_scratch.data(), *size});
}

bool Downstream::send_local(std::string_view response) {
  if (!slot_->sink) slot_->sink.emplace(*this, output_, false);
  return output_.send_behind(*this, response);
}

void Downstream::begin_tunnel() {
  slot_->source.emplace(*this, input_, context_.buffers, context_.read_scratch,
                        http::FieldSection::Role::kRequest, context_.limits,
                        http::BodyFraming{.kind = http::BodyFraming::Kind::kUntilClose});
  wait_for_client(ClientWait::kNothing);
  static_cast<void>(watch());
}

void Downstream::finish_sending() { Socket::finish_sending(); }

void Downstream::wait_for_client(ClientWait wait) {
  const bool anew = limit_.begin(wait, output_.bytes_sent(), slot_->exchange.request_body_bytes());
  if (wait == ClientWait::kNothing) {
    if (watched()) {
      clear();
    } else {
      set_deadline(kWatchAfter);
    }
  } else if (!watch()) {
    set_deadline(Duration::zero());
  } else if (anew) {
    set_deadline(timeouts().client);
  }
}

void Downstream::watch_for_departure() {
  // Without a watch a client that leaves the queue keeps its place there; no worse than that.
  static_cast<void>(watch());
}

void Downstream::exchange_finished(AfterExchange after) {
  // The exchange is on the stack below us: its slot may be used again, not destroyed.
  // A client that meant to keep its connection may have sent its next request already.
  request_read_ =
      slot_->source && slot_->source->finished() && !slot_->exchange.request().keep_alive;
  release_slot();
  switch (after) {
    case AfterExchange::kKeep:
      state_ = State::kIdle;
      input_.unpin();
      if (context_.stopping) {
        close_after_sending();
        return;
      }
      set_deadline(timeouts().http_keep_alive);
      if (!input_.unread().empty() || readable() || !watched()) read_requests();
      return;
    case AfterExchange::kClose:
      close_after_sending();
      return;
    case AfterExchange::kReset:
      close_now(true);
      return;
  }
}

void Downstream::release_slot() {
  if (slot_) RequestSlot::give_back(context_, std::move(slot_));
}

// ---- closing
// -------------------------------------------------------------------------------------

void Downstream::stop_soon() {
  if (state_ == State::kIdle) set_deadline(kStopIdle);
}

void Downstream::stop_now() {
  // Whatever runs for this client must let go of its server and its place first.
  if (state_ == State::kHead || state_ == State::kExchange) {
    slot_->exchange.cut();
  } else {
    close_now(true);
  }
}

void Downstream::close_after_sending() {
  if (!output_.flush(*this)) {
    close_now(true);
    return;
  }
  if (!output_.is_empty()) {
    const bool has_read = limit_.take_progress(output_.bytes_sent());
    if (std::exchange(state_, State::kFlushing) != State::kFlushing || has_read)
      set_deadline(timeouts().client);
    return;
  }
  if (request_read_ && input_.unread().empty() && !readable()) {
    close_now();
    return;
  }
  // Closing with bytes unread sends RST, which may overtake the answer.
  Socket::finish_sending();
  state_ = State::kLingering;
  set_deadline(kLingerMax);
  linger();
}

void Downstream::linger() {
  input_.reset();
  while (readable() && lingered_bytes_ < kLingerBytesMax) {
    const event::Transfer transfer = read(context_.read_scratch);
    if (transfer.status == event::Transfer::Status::kBlocked) break;
    if (transfer.status != event::Transfer::Status::kDone) {
      close_now();
      return;
    }
    lingered_bytes_ += static_cast<std::uint32_t>(transfer.bytes);
  }
  if (lingered_bytes_ >= kLingerBytesMax || !watch()) close_now();
}

void Downstream::close_now(bool with_reset) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  clear();
  if (with_reset) close_with_reset();
  close();
  input_.reset();
  output_.reset();
  ListLink<InWorkerList>::unlink();
  acceptor_.connection_closed();
  context_.poller.retire(std::unique_ptr<event::Socket>(this));
}

}  // namespace tandem::lb::proxy
