#include "lb/proxy/exchange.h"

#include "common/check.h"
#include "common/daemon.h"
#include "http/local_response.h"
#include "lb/balance/key.h"
#include "lb/balance/registry.h"
#include "lb/proxy/record.h"
#include "lb/route/redirect.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::proxy {

Exchange::Exchange(Context& context)
    : context_(context),
      placement_(context, *this),
      h1_(context),
      h2_(context.limits),
      request_pump_(context.pipes),
      response_pump_(context.pipes) {}

void Exchange::begin(ClientSide& client, config::FrontendIndex frontend) {
  TANDEM_DCHECK(state_ == State::kFinished);
  client_ = &client;
  frontend_ = frontend;
  state_ = State::kReadingHead;
  head_complete_ = false;
  placement_.reset();
  interims_ = 0;
  needs_fresh_ = false;
  request_given_ = request_broken_ = reading_request_ = false;
  response_started_ = closes_client_ = frames_by_close_ = bypasses_compression_ = false;
  end_cause_ = Cause::kNone;
  end_phase_ = Phase::kNone;
  tunnel_up_done_ = tunnel_down_done_ = false;
  unique_id_.clear();
  header_edits_.clear();
  if (is_logged()) accepted_at_ = std::chrono::system_clock::now();
  began_ = now();
  head_at_ = sent_at_ = response_at_ = std::nullopt;
  status_ = 0;
  reused_ = false;
}

void Exchange::start() {
  head_complete_ = true;
  head_at_ = now();
  context_.figures.frontend(frontend_).requests.add();
  context_.figures.worker().requests.add();
  if (!frontend().unique_id_header.empty()) {
    unique_id_ = fmt::format("{:016x}{:016x}", context_.random.next(), context_.random.next());
    header_edits_.add(frontend().unique_id_header, unique_id_);
  }
  const char* base = client_->request_base();
  if (!frontend().monitor_uri.empty() && request_.path_only(base) == frontend().monitor_uri) {
    answer({.status = 200,
            .content_type = "text/html",
            .body = "<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n"},
           Cause::kLocal, Phase::kRequest);
    return;
  }
  route();
}

void Exchange::route() {
  const char* base = client_->request_base();
  const route::RouteRequest request{.host = text(request_.authority),
                                    .path_with_query = request_.path_and_query(base),
                                    .method = text(request_.method_name),
                                    .is_encrypted = client_->encryption() != nullptr};
  const route::Routed routed = context_.routers[frontend_].route(request);
  if (routed.action == nullptr) {
    answer_error(503, Cause::kServerAborted, Phase::kConnect);
    return;
  }
  if (!frontend().header_rules.empty()) edit_headers(request, routed.rules_before);
  std::visit([this](const auto& what) { apply(what); }, *routed.action);
}

void Exchange::edit_headers(const route::RouteRequest& request, std::size_t rules_before) {
  for (const config::HeaderRule& rule : frontend().header_rules) {
    if (rule.rules_before > rules_before) return;  // behind the one that has decided
    if (!route::Router::applies(rule, request)) continue;
    for (const config::HeaderEdit& edit : rule.edits) header_edits_.apply(edit, *client_);
  }
}

void Exchange::apply(const config::UseBackend& use) { enter_backend(use.backend); }

void Exchange::apply(const config::Redirect& redirect) {
  const auto location = route::redirect_location(
      redirect, {.authority = text(request_.authority),
                 .path_with_query = request_.path_and_query(client_->request_base())});
  if (!location) {
    answer_error(400, Cause::kProxy, Phase::kRequest);
    return;
  }
  answer({.status = redirect.code, .location = *location}, Cause::kLocal, Phase::kRequest);
}

void Exchange::apply(const config::Return& answer_rule) {
  std::vector<http::AddedField> added;
  added.reserve(answer_rule.headers.size());
  for (const auto& [name, value] : answer_rule.headers) added.push_back({name, value});
  answer({.status = answer_rule.status,
          .content_type = answer_rule.content_type,
          .body = answer_rule.body,
          .added = added},
         Cause::kLocal, Phase::kRequest);
}

void Exchange::enter_backend(config::BackendIndex backend) {
  upstream::LocalBackend& local = *context_.backends[backend];
  const Placement::Step step = placement_.enter(local, balance_key(local.config().balance));
  if (const config::Compression* coding = compression(); coding != nullptr && coding->offload)
    header_edits_.remove("accept-encoding");
  follow(step);
}

std::optional<std::uint64_t> Exchange::balance_key(const config::Balance& balance) const {
  const char* base = client_->request_base();
  const auto hashed = [](std::optional<std::string_view> value) -> std::optional<std::uint64_t> {
    if (!value) return std::nullopt;
    return balance::text_key(*value);
  };
  switch (balance.key) {
    case config::Balance::Key::kNone:
      return std::nullopt;
    case config::Balance::Key::kSource:
      return balance::source_key(client_->address());
    case config::Balance::Key::kUri:
      return balance::uri_key(request_.path_and_query(base), balance.uri_whole);
    case config::Balance::Key::kHeader:
      return hashed(
          header_edits_.seen(balance.key_name, request_.value_of(base, balance.key_name)));
    case config::Balance::Key::kCookie:
      return hashed(request_.cookie(base, balance.key_name));
    case config::Balance::Key::kQuery:
      return hashed(request_.query_parameter(base, balance.key_name));
  }
  return std::nullopt;
}

void Exchange::follow(Placement::Step step) {
  switch (step) {
    case Placement::Step::kPlaced:
      connect();
      return;
    case Placement::Step::kQueued:
      state_ = State::kQueued;
      set_server_deadline(backend().config().timeouts.queue);
      client_->watch_for_departure();
      return;
    case Placement::Step::kPause:
      state_ = State::kPausing;
      set_server_deadline(placement_.pause());
      return;
    case Placement::Step::kQueueFull:
      answer_error(503, Cause::kServerAborted, Phase::kQueue);
      return;
    case Placement::Step::kNone:
      answer_error(503, Cause::kServerAborted, Phase::kConnect);
      return;
  }
}

void Exchange::on_place(balance::ServerIndex server) {
  clear();
  follow(placement_.granted(server));
}

upstream::ReuseNeed Exchange::reuse_need() const {
  const config::HttpReuse reuse = backend().config().http_reuse;
  if (reuse == config::HttpReuse::kNever || needs_fresh_) return upstream::ReuseNeed::kFresh;
  // What is idempotent is sent again by itself if the server had just closed; that needs a body
  // that can be had again.
  if (http::is_idempotent(request_.method) && request_.framing.is_empty())
    return upstream::ReuseNeed::kAny;
  if (reuse == config::HttpReuse::kSafe && client_->is_first_request())
    return upstream::ReuseNeed::kFresh;
  return upstream::ReuseNeed::kCertain;
}

void Exchange::connect_h2() {
  upstream_ = &h2_;
  int error = 0;
  const bool fresh = backend().config().http_reuse == config::HttpReuse::kNever || needs_fresh_;
  H2ServerConnection* connection = H2ServerConnection::take(context_, server(), fresh, error);
  if (connection == nullptr) {
    attempt_failed(daemon::is_own_shortage(error) ? Failure::kOwnShortage : Failure::kConnect);
    return;
  }
  reused_ = connection->is_used();
  h2_.attach(*connection, *this);
  if (connection->is_open()) {
    if (reused_) server().cells().reuses.add();
    placement_.note_connected();
    send_request();
    return;
  }
  state_ = State::kConnecting;
  set_server_deadline(backend().config().timeouts.connect);
}

void Exchange::connect() {
  if (server().config().proto == config::Proto::kH2) return connect_h2();
  upstream_ = &h1_;
  if (upstream::Connection* pooled = server().take_idle(reuse_need(), now())) {
    reused_ = true;
    h1_.attach(*pooled, *this);
    placement_.note_connected();
    send_request();
    return;
  }
  reused_ = false;
  int error = 0;
  upstream::Connection* fresh = server().open(error);
  if (fresh == nullptr) {
    attempt_failed(daemon::is_own_shortage(error) ? Failure::kOwnShortage : Failure::kConnect);
    return;
  }
  h1_.attach(*fresh, *this);
  state_ = State::kConnecting;
  set_server_deadline(backend().config().timeouts.connect);
}

// ---- ending
// --------------------------------------------------------------------------------------

Phase Exchange::phase() const noexcept {
  switch (state_) {
    case State::kReadingHead:
      return Phase::kRequest;
    case State::kQueued:
      return Phase::kQueue;
    case State::kPausing:
    case State::kConnecting:
      return Phase::kConnect;
    case State::kSent:
      return Phase::kHeaders;
    case State::kStreaming:
    case State::kTunnel:
      return Phase::kData;
    case State::kDraining:
      return Phase::kLast;
    case State::kFinished:
      break;
  }
  return Phase::kNone;
}

const std::string* Exchange::error_file(int status) const {
  if (placement_.has_backend()) {
    const auto& files = backend().config().errorfiles;
    if (const auto found = files.find(status); found != files.end()) return &found->second;
  }
  const auto& files = frontend().errorfiles;
  const auto found = files.find(status);
  return found == files.end() ? nullptr : &found->second;
}

void Exchange::answer_error(int status, Cause cause, Phase phase) {
  if (const std::string* file = error_file(status)) {
    release_server(false);
    status_ = status;
    const bool sent = client_->send_local(*file);
    end(cause, phase, sent ? AfterExchange::kClose : AfterExchange::kReset);
    return;
  }
  answer({.status = status}, cause, phase);
}

void Exchange::answer(const http::LocalResponse& response, Cause cause, Phase phase) {
  release_server(false);
  if (cause == Cause::kLocal) context_.figures.frontend(frontend_).intercepted.add();
  http::LocalResponse whole = response;
  // A body that was announced and not read would be taken for the next request.
  const bool keeps = request_.framing.is_empty() && keeps_client();
  whole.close = !keeps;
  whole.keep_alive = keeps && request_.version == 10;
  whole.head_only = head_complete_ && request_.method == http::Method::kHead;
  status_ = whole.status;
  std::string bytes(http::local_response_bytes_bound(whole), '\0');
  const auto size = http::write_local_response(bytes, whole);
  TANDEM_CHECK(size.has_value());
  const bool sent = client_->send_local(std::string_view(bytes).substr(0, *size));
  if (sent && keeps && !client_->response_body().is_drained()) {
    // The next request may come only when this answer has gone.
    end_cause_ = cause;
    end_phase_ = phase;
    if (state_ == State::kQueued) placement_.leave_queue();
    state_ = State::kDraining;
    clear();
    client_->wait_for_client(ClientWait::kToRead);
    return;
  }
  const AfterExchange after = keeps ? AfterExchange::kKeep : AfterExchange::kClose;
  end(cause, phase, sent ? after : AfterExchange::kReset);
}

bool Exchange::keeps_client() {
  if (!head_complete_ || !request_.keep_alive || context_.stopping) return false;
  if (!context_.leaving || !client_->is_on_leaving_address()) return true;
  context_.figures.worker().leaving_closed.add();
  return false;
}

void Exchange::refuse(int status, Cause cause, Phase phase) {
  auto& errors = context_.figures.frontend(frontend_).request_errors;
  const auto reason =
      status == 408 ? figures::RequestError::kTimeout : figures::RequestError::kBadRequest;
  errors[static_cast<std::size_t>(reason)].add();
  answer_error(status, cause, phase);
}

void Exchange::client_left_in_head() {
  auto& errors = context_.figures.frontend(frontend_).request_errors;
  errors[static_cast<std::size_t>(figures::RequestError::kAborted)].add();
  end(Cause::kClientAborted, Phase::kRequest, AfterExchange::kReset);
}

void Exchange::release_server(bool reusable) {
  upstream_->release(reusable);
  placement_.give_back();
}

void Exchange::end(Cause cause, Phase phase, AfterExchange after) {
  if (state_ == State::kQueued) placement_.leave_queue();
  release_server(false);
  clear();
  Outcome outcome;
  fill(outcome);
  outcome.cause = cause;
  outcome.phase = phase;
  record(context_, outcome);
  // A slot may lie unused for long: its pipes are wanted elsewhere.
  request_pump_.reset();
  response_pump_.reset();
  compressor_.reset();
  state_ = State::kFinished;
  client_->exchange_finished(after);
}

namespace {

std::optional<Duration> between(const std::optional<Instant>& from,
                                const std::optional<Instant>& to) {
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

}  // namespace

void Exchange::fill(Outcome& outcome) const {
  outcome.frontend = frontend_;
  outcome.client = &client_->address();
  placement_.fill(outcome);
  if (head_complete_) {
    const char* base = client_->request_base();
    outcome.method = request_.method_name.in(base);
    outcome.target = request_.target.in(base);
    outcome.version = request_.version;
    outcome.bytes_in = request_.head_bytes + request_pump_.bytes();
  }
  if (is_logged()) fill_for_log(outcome);
  outcome.unique_id = unique_id_;
  outcome.status = status_;
  outcome.bytes_out = client_->bytes_sent();
  outcome.bytes_spliced = response_pump_.bytes_spliced();
  fill_compression(outcome);
  outcome.accepted_at = accepted_at_;
  outcome.request_time = between(began_, head_at_);
  outcome.response_time = between(sent_at_, response_at_);
  outcome.total_time = now() - began_;
  outcome.connection_reused = reused_;
}

void Exchange::fill_for_log(Outcome& outcome) const {
  const auto relaxed = [](const std::atomic<std::uint32_t>& value) {
    return value.load(std::memory_order_relaxed);
  };
  if (head_complete_) {
    const char* base = client_->request_base();
    outcome.host = request_.authority.in(base);
    outcome.user_agent = request_.value_of(base, "user-agent").value_or("");
    outcome.referer = request_.value_of(base, "referer").value_or("");
  }
  if (context_.snapshot.access_log.format == config::AccessLog::Format::kJson)
    outcome.local = &client_->local_address();
  if (const tls::Stream* encryption = client_->encryption()) {
    outcome.tls_version = encryption->version();
    outcome.tls_cipher = encryption->cipher();
    outcome.sni = encryption->server_name();
  }
  outcome.process_connections = relaxed(context_.shared.process.connections);
  outcome.frontend_connections = relaxed(context_.shared.frontends[frontend_].connections);
  placement_.fill_loads(outcome);
}

}  // namespace tandem::lb::proxy
