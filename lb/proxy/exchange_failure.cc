// What an exchange does when something goes wrong: whether it may try again, and what the client,
// the log and the figures are told.
#include "common/log.h"
#include "lb/proxy/exchange.h"
#include "lb/upstream/local_server.h"

namespace tandem::lb::proxy {

namespace {

Cause cause_of(Exchange::Failure failure) noexcept {
  switch (failure) {
    case Exchange::Failure::kConnectTimeout:
      return Cause::kServerTimeout;
    case Exchange::Failure::kOwnShortage:
      return Cause::kResource;
    default:
      return Cause::kServerAborted;
  }
}

}  // namespace

void Exchange::attempt_failed(Failure failure) {
  figures::ServerCells& cells = server().cells();
  if (failure == Failure::kClosed) {
    // A pooled connection that closed under us says nothing about the server.
    if (!reused_ || upstream_->has_answered()) {
      cells.response_errors.add();
      placement_.observe(false, true);
    }
  } else if (failure != Failure::kOwnShortage) {
    placement_.count_connect_failure();
  }
  if (may_try_again(failure)) {
    try_again(failure);
    return;
  }
  if (failure == Failure::kClosed) {
    cells.server_aborts.add();
    answer_error(502, Cause::kServerAborted, Phase::kHeaders);
  } else {
    answer_error(503, cause_of(failure), Phase::kConnect);
  }
}

bool Exchange::may_try_again(Failure failure) const {
  if (response_started_ || upstream_->has_answered()) return false;
  // A request whose beginning is gone cannot be sent again, whatever the reason.
  if (failure == Failure::kClosed && !client_->can_replay_body()) return false;
  if (failure != Failure::kClosed) return placement_.may_retry();
  // A write that failed has swallowed the error, and a RST then reads like a FIN.
  const bool surely_unread =
      upstream_->bytes_sent() == 0 || (!request_broken_ && upstream_->request_surely_unread());
  const bool idempotent = http::is_idempotent(request_.method);
  // The pool's doing, not the server's: does not count against `retries`, but happens only once,
  // because the next attempt gets a fresh connection.
  if (reused_ && (surely_unread || idempotent)) return true;
  if (!placement_.may_retry()) return false;
  return surely_unread || (idempotent && backend().config().retry_idempotent);
}

void Exchange::try_again(Failure failure) {
  const bool pool_race = failure == Failure::kClosed && reused_;
  const bool stays = pool_race && backend().view()[placement_.server_index()].usable;
  // Counted before release: releasing may hand the place to somebody who waits.
  placement_.count_retry(!pool_race);
  if (stays) {
    upstream_->release(false);
  } else {
    release_server(false);
  }
  clear();
  if (client_->can_replay_body()) client_->replay_body();
  needs_fresh_ = needs_fresh_ || pool_race;
  if (stays) {
    // The same server and place, on a new connection: most likely it is well.
    placement_.stay();
    connect();
    return;
  }
  follow(placement_.go_on_elsewhere());
}

void Exchange::bad_response(const http::ParseError& error, std::string_view bytes) {
  figures::Capture capture;
  capture.kind = figures::Capture::Kind::kResponse;
  capture.frontend_id = frontend().id;
  capture.backend_id = backend().config().id;
  capture.server_id = server().config().id;
  capture.client = client_->address();
  capture.position = error.position;
  capture.detail = error.detail;
  capture.when = std::chrono::system_clock::now();
  capture.bytes = bytes;
  context_.captures.record(std::move(capture));
  server().cells().response_errors.add();
  placement_.observe(false, true);
  answer_error(502, Cause::kProxy, Phase::kHeaders);
}

void Exchange::response_broke_off(Cause cause) {
  server().cells().server_aborts.add();
  server().cells().response_errors.add();
  placement_.observe(false, true);
  // A length that is not reached and a last chunk that is missing show by themselves, and what has
  // been sent still arrives. A body that ends with the connection needs the RST.
  end(cause, Phase::kData, frames_by_close_ ? AfterExchange::kReset : AfterExchange::kClose);
}

void Exchange::client_aborted() {
  if (placement_.has_server()) {
    server().cells().client_aborts.add();
  } else if (placement_.has_backend()) {
    backend().cells().client_aborts.add();
  }
  end(Cause::kClientAborted, phase(), AfterExchange::kReset);
}

void Exchange::on_server_shutdown() {
  if (state_ == State::kConnecting && may_try_again(Failure::kConnect)) {
    try_again(Failure::kConnect);  // nothing was sent
  } else if (state_ == State::kConnecting || state_ == State::kSent) {
    answer_error(503, Cause::kServerDown, phase());
  } else if (state_ == State::kStreaming || state_ == State::kTunnel) {
    end(Cause::kServerDown, Phase::kData, AfterExchange::kReset);
  }
}

void Exchange::cut() { end(Cause::kProxy, phase(), AfterExchange::kReset); }

void Exchange::on_client_timeout() {
  if (state_ == State::kSent && !response_started_) {
    refuse(408, Cause::kClientTimeout, Phase::kHeaders);
    return;
  }
  end(Cause::kClientTimeout, phase(), AfterExchange::kReset);
}

void Exchange::on_deadline() {
  switch (state_) {
    case State::kQueued:
      placement_.count_queue_timeout();
      answer_error(503, Cause::kServerTimeout, Phase::kQueue);
      return;
    case State::kPausing:
      follow(placement_.go_on_after_pause());
      return;
    case State::kConnecting:
      attempt_failed(Failure::kConnectTimeout);
      return;
    case State::kSent:
      // The time is the client's while its request is still coming.
      if (reading_request_) return;
      server().cells().response_errors.add();
      placement_.observe(false, true);
      answer_error(504, Cause::kServerTimeout, Phase::kHeaders);
      return;
    case State::kStreaming:
      response_broke_off(Cause::kServerTimeout);
      return;
    case State::kTunnel:
      end(Cause::kServerTimeout, Phase::kData, AfterExchange::kReset);
      return;
    default:
      return;
  }
}

}  // namespace tandem::lb::proxy
