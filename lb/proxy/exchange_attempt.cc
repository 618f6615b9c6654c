// One attempt of an exchange: from the connection to the last byte of the answer, when all goes
// well. What happens otherwise is in exchange_failure.cc.
#include "http/local_response.h"
#include "lb/proxy/exchange.h"
#include "lb/upstream/local_server.h"

namespace tandem::lb::proxy {

void Exchange::on_connection_ready() {
  if (state_ == State::kConnecting) {
    on_connect_ready();
  } else {
    progress();
  }
}

void Exchange::on_connect_ready() {
  switch (upstream_->connect(*client_)) {
    case ServerSide::Connect::kWaits:
      return;
    case ServerSide::Connect::kReady:
      break;
    case ServerSide::Connect::kFailed:
      attempt_failed(Failure::kConnect);
      return;
  }
  placement_.note_connected();
  send_request();
}

void Exchange::send_request() {
  state_ = State::kSent;
  request_pump_.reset();
  request_given_ = request_broken_ = false;
  sent_at_ = now();
  const std::string client_host = frontend().forwardfor ? client_->address().host() : std::string();
  http::RequestEdits edits{.forwarded_for = client_host, .keep_upgrade = request_.upgrade};
  header_edits_.fill(edits);
  upstream_->send_head(client_->request_base(), request_, edits);
  set_server_deadline(backend().config().timeouts.server);
  if (request_.framing.is_empty()) {
    // The head is all of it: nothing to pump, except what the socket does not take.
    request_given_ = true;
    request_broken_ = !upstream_->request_body().flush();
    client_->wait_for_client(ClientWait::kNothing);
  }
  progress();
}

void Exchange::on_client_ready() {
  switch (state_) {
    case State::kQueued:
      // A client that leaves takes its place with it.
      if (client_->has_left() || client_->has_finished_sending()) client_aborted();
      return;
    case State::kDraining:
      if (client_->has_left() || !client_->response_body().flush()) {
        client_aborted();
      } else if (client_->response_body().is_drained()) {
        response_complete();
      } else {
        client_->wait_for_client(ClientWait::kToRead);
      }
      return;
    case State::kSent:
    case State::kStreaming:
      if (client_->has_left()) {
        client_aborted();
      } else {
        progress();
      }
      return;
    case State::kTunnel:
      progress();
      return;
    case State::kConnecting:
    case State::kPausing:
      if (client_->has_left()) client_aborted();
      return;
    default:
      return;
  }
}

void Exchange::progress() {
  // Ending an exchange may start the client's next one in the same call: whoever is below on the
  // stack must look at the state again, and does nothing but return.
  if (state_ == State::kTunnel) {
    move_tunnel();
    return;
  }
  // Also a request that has been given whole may still lie in front of the server's socket.
  if (!request_broken_ && (!request_given_ || !upstream_->request_body().is_drained())) {
    move_request();
    if (state_ != State::kSent && state_ != State::kStreaming) return;
  }
  if (state_ == State::kSent) {
    if (request_broken_ && upstream_->bytes_sent() == 0) {
      attempt_failed(Failure::kClosed);  // whatever it may have said was no answer to this
    } else {
      read_response();
    }
  } else if (state_ == State::kStreaming) {
    move_response();
  }
}

void Exchange::move_request() {
  BodySource& body = client_->request_body();
  reading_request_ = false;
  switch (request_pump_.run(body, upstream_->request_body())) {
    case Pump::State::kDone:
      request_given_ = true;
      sent_at_ = now();
      set_server_deadline(backend().config().timeouts.server);
      client_->wait_for_client(ClientWait::kNothing);
      return;
    case Pump::State::kWaitsForSource:
      reading_request_ = true;
      client_->wait_for_client(ClientWait::kToSend);
      return;
    case Pump::State::kWaitsForSink:
      client_->wait_for_client(ClientWait::kNothing);
      set_server_deadline(backend().config().timeouts.server);
      return;
    case Pump::State::kYields:
      set_server_deadline(backend().config().timeouts.server);
      body.go_on_later();
      return;
    case Pump::State::kSourceBroken:
      client_aborted();
      return;
    case Pump::State::kSourceMalformed:
      if (response_started_) {
        response_broke_off(Cause::kProxy);
      } else {
        refuse(400, Cause::kProxy);
      }
      return;
    case Pump::State::kSinkBroken:
      // The server may have answered before it closed (413 and the like): read that first.
      request_broken_ = true;
      return;
  }
}

void Exchange::read_response() {
  for (;;) {
    switch (upstream_->read_head(response_)) {
      case ServerSide::Read::kBlocked:
        return;
      case ServerSide::Read::kClosed:
        attempt_failed(Failure::kClosed);
        return;
      case ServerSide::Read::kMalformed:
        bad_response(upstream_->error(), upstream_->unread());
        return;
      case ServerSide::Read::kHead:
        break;
    }
    if (!response_.interim) {
      start_response();
      return;
    }
    // HTTP/1.0 knows no interim responses (RFC 9110 section 15.2).
    if (++interims_ > kInterimsMax) {
      bad_response({.status = 502, .detail = "too many interim responses"}, {});
      return;
    }
    if (request_.version >= 11 && !client_->send_interim(upstream_->response_base(), response_)) {
      client_aborted();
      return;
    }
    response_.clear();
  }
}

void Exchange::start_response() {
  response_at_ = now();
  status_ = response_.status;
  response_started_ = true;
  if (backend().policy().wants_latency())
    backend().policy().completed(placement_.server_index(), *response_at_ - *sent_at_, now());
  placement_.observe(response_.status < 500 || response_.status == 501, true);
  if (response_.upgrade) {
    start_tunnel();
    return;
  }
  http::BodyFraming framing = http::framing_for_client(response_, request_.version);
  const compression::HeadEdits changes = plan_compression(framing);
  using Say = http::ResponseEdits::Connection;
  // An answer that comes before the request's end leaves the rest of it unread.
  const bool keeps =
      request_given_ && framing.kind != http::BodyFraming::Kind::kUntilClose && keeps_client();
  Say say = keeps ? Say::kSilent : Say::kClose;
  if (keeps && request_.version == 10) say = Say::kKeepAlive;
  closes_client_ = !keeps;
  frames_by_close_ = framing.kind == http::BodyFraming::Kind::kUntilClose;
  state_ = State::kStreaming;
  if (!client_->send_head(upstream_->response_base(), response_,
                          {.connection = say,
                           .framing = framing,
                           .added = changes.added(),
                           .removed = changes.removed()})) {
    client_aborted();
    return;
  }
  compressor_.attach(client_->response_body());
  upstream_->begin_body(response_);
  move_response();
}

void Exchange::move_response() {
  BodySource& body = upstream_->response_body();
  switch (response_pump_.run(body, response_sink())) {
    case Pump::State::kDone:
      server().note_answer(response_pump_.bytes(), response_pump_.bytes_spliced() > 0);
      release_server(request_given_ && !request_broken_ && response_.keep_alive);
      if (client_->response_body().is_drained()) {
        response_complete();
        return;
      }
      state_ = State::kDraining;
      clear();
      client_->wait_for_client(ClientWait::kToRead);
      return;
    case Pump::State::kWaitsForSource:
      if (!reading_request_) client_->wait_for_client(ClientWait::kNothing);
      set_server_deadline(backend().config().timeouts.server);
      return;
    case Pump::State::kWaitsForSink:
      clear();
      client_->wait_for_client(ClientWait::kToRead);
      return;
    case Pump::State::kYields:
      if (!reading_request_) client_->wait_for_client(ClientWait::kNothing);
      set_server_deadline(backend().config().timeouts.server);
      body.go_on_later();
      return;
    case Pump::State::kSourceBroken:
      response_broke_off(Cause::kServerAborted);
      return;
    case Pump::State::kSourceMalformed:
      response_broke_off(Cause::kProxy);
      return;
    case Pump::State::kSinkBroken:
      client_aborted();
      return;
  }
}

void Exchange::response_complete() {
  end(end_cause_, end_phase_, closes_client_ ? AfterExchange::kClose : AfterExchange::kKeep);
}

void Exchange::start_tunnel() {
  state_ = State::kTunnel;
  if (!client_->send_head(upstream_->response_base(), response_, {.keep_upgrade = true})) {
    client_aborted();
    return;
  }
  upstream_->begin_tunnel();
  client_->begin_tunnel();
  request_pump_.reset();
  move_tunnel();
}

void Exchange::move_tunnel() {
  const auto failed = [this](Pump::State state, bool upwards) {
    const bool client_broke =
        upwards ? state == Pump::State::kSourceBroken : state == Pump::State::kSinkBroken;
    end(client_broke ? Cause::kClientAborted : Cause::kServerAborted, Phase::kData,
        AfterExchange::kReset);
  };
  // The answer's head must have left before the request pump may use the scratch it lies in.
  if (!tunnel_down_done_) {
    BodySource& body = upstream_->response_body();
    const Pump::State state = response_pump_.run(body, client_->response_body());
    if (state == Pump::State::kYields) body.go_on_later();
    if (state >= Pump::State::kSourceBroken) return failed(state, false);
    if (state == Pump::State::kDone && client_->response_body().is_drained()) {
      tunnel_down_done_ = true;
      client_->finish_sending();
    }
  }
  if (!tunnel_up_done_) {
    BodySource& body = client_->request_body();
    const Pump::State state = request_pump_.run(body, upstream_->request_body());
    if (state == Pump::State::kYields) body.go_on_later();
    if (state >= Pump::State::kSourceBroken) return failed(state, true);
    if (state == Pump::State::kDone && upstream_->request_body().is_drained()) {
      tunnel_up_done_ = true;
      upstream_->finish_sending();
    }
  }
  if (tunnel_up_done_ && tunnel_down_done_) {
    end(Cause::kNone, Phase::kNone, AfterExchange::kClose);
    return;
  }
  // Half a tunnel is not worth an hour.
  const config::Timeouts& timeouts = backend().config().timeouts;
  set_server_deadline(tunnel_up_done_ || tunnel_down_done_ ? timeouts.server : timeouts.tunnel);
}

}  // namespace tandem::lb::proxy
