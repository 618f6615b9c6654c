#include "test/support/origin/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace tandem::testing {
namespace {

// A control character or a byte beyond ASCII becomes \u00XX: JSON as Latin-1, nothing is lost.
void append_json(std::string& json, std::string_view text) {
  json += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += {'\\', c};
    } else if (byte < 0x20 || byte >= 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      json += escaped;
    } else {
      json += c;
    }
  }
  json += '"';
}

}  // namespace

Connection::Connection(Shared shared, FileDescriptor socket, std::uint64_t number,
                       FileDescriptor record)
    : shared_(shared), socket_(std::move(socket)), record_(std::move(record)), number_(number) {
  ++shared_.counters.open;
  become_idle();
}

Connection::~Connection() {
  leave_flight();
  --shared_.counters.open;
}

bool Connection::on_ready(bool readable, bool writable, bool peer_closed) {
  readable_ = readable_ || readable;
  peer_closed_ = peer_closed_ || peer_closed;
  writable_ = writable_ || writable;
  // Whoever closes does not wait for an answer any more.
  if (peer_closed && (phase_ == Phase::kFrozen || phase_ == Phase::kDelay)) return false;
  return advance();
}

bool Connection::on_time() {
  waiting_ = false;
  if (phase_ == Phase::kHead) return false;  // idle for long enough
  if (phase_ == Phase::kDelay) {
    phase_ = Phase::kAnswer;
  } else if (phase_ == Phase::kAnswer) {
    allowed_ = std::min(end_, allowed_ + plan_->plan.piece);
  }
  return advance();
}

std::optional<std::chrono::milliseconds> Connection::take_wanted_wait() {
  return std::exchange(wanted_wait_, std::nullopt);
}

void Connection::wait(std::chrono::milliseconds duration) {
  wanted_wait_ = duration;
  waiting_ = true;
}

void Connection::become_idle() {
  phase_ = Phase::kHead;
  waiting_ = false;
  if (shared_.idle_close && input_.empty()) wait(*shared_.idle_close);
}

// Those who ask for the counters do not want to find themselves in them.
void Connection::enter_flight() {
  const Plan::Action action = plan_->plan.action;
  if (action == Plan::Action::kStats || action == Plan::Action::kSet) return;
  in_flight_ = true;
  Counters& counters = shared_.counters;
  counters.peak_in_flight = std::max(counters.peak_in_flight, ++counters.in_flight);
}

void Connection::leave_flight() {
  if (std::exchange(in_flight_, false)) --shared_.counters.in_flight;
}

// Goes on for as long as something can be done without waiting.
bool Connection::advance() {
  while (true) {
    switch (phase_) {
      case Phase::kHead:
      case Phase::kBody:
        if (!take_input()) return false;
        if (phase_ != Phase::kHead && phase_ != Phase::kBody) break;
        if (!readable_) return true;
        if (!receive()) return false;
        break;
      case Phase::kAnswer:
        if (!send_answer()) return false;
        if (phase_ == Phase::kAnswer) return true;
        break;
      case Phase::kTunnel:
        return tunnel();
      case Phase::kDelay:
      case Phase::kFrozen:
        return true;
    }
  }
}

// False: the peer has gone. A short read means that nothing is left: the next edge will tell, but
// there is none behind the end.
bool Connection::receive() {
  std::string& buffer = shared_.read_buffer;
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    const auto size = static_cast<std::size_t>(got);
    readable_ = size == buffer.size() || peer_closed_;
    if (record_ && ::write(record_.get(), buffer.data(), size) != got) return false;
    input_.append(buffer, 0, size);
    return true;
  }
  readable_ = false;
  ended_ = got == 0;
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

// Takes a head, a body, or both from the input. False: close.
bool Connection::take_input() {
  if (phase_ == Phase::kHead && !take_head()) return false;
  if (phase_ == Phase::kBody) take_body();
  return true;
}

bool Connection::take_head() {
  constexpr std::size_t kLargestHead = std::size_t{1} << 20;
  const std::size_t length = head_length(input_);
  if (length == 0) return input_.size() < kLargestHead;
  waiting_ = false;
  head_.assign(input_, 0, length);
  input_.erase(0, length);
  read_head(head_, request_);
  plan_ = shared_.script.plan_for(request_.target);
  ++requests_;
  ++shared_.counters.requests;
  enter_flight();

  const Plan& plan = plan_->plan;
  body_.begin(request_, plan.action == Plan::Action::kEcho, plan.action == Plan::Action::kSet);
  phase_ = Phase::kBody;
  if (plan.action == Plan::Action::kFreeze) phase_ = Phase::kFrozen;
  if (plan.early) begin_answer();
  if (request_.expects_continue && phase_ == Phase::kBody) {
    std::size_t sent = 0;
    return send_some("HTTP/1.1 100 Continue\r\n\r\n", sent);
  }
  return true;
}

void Connection::take_body() {
  input_.erase(0, body_.take(input_));
  if (body_.is_done()) begin_answer();
}

void Connection::begin_answer() {
  make_answer();
  const Plan& plan = plan_->plan;
  end_ = wire_->bytes.size();
  if (request_.method == "HEAD" && !plan.verbatim) end_ = wire_->body_at;
  if (plan.break_after) {
    // A reset of nothing comes in place of the head, not after it.
    const bool at_once = plan.break_with_reset && *plan.break_after == 0;
    end_ = at_once ? 0 : std::min(end_, wire_->body_at + *plan.break_after);
  }
  sent_ = 0;
  allowed_ = plan.drip.count() > 0 ? std::min(end_, wire_->body_at) : end_;
  phase_ = plan.delay.count() > 0 ? Phase::kDelay : Phase::kAnswer;
  if (phase_ == Phase::kDelay) wait(plan.delay);
}

void Connection::make_answer() {
  wire_ = &plan_->wire;
  Plan plan = {};
  switch (plan_->plan.action) {
    case Plan::Action::kEcho:
      return answer_with(plan_->plan, echo());
    case Plan::Action::kStats:
      return answer_with(plan, shared_.counters.json());
    case Plan::Action::kSet:
      plan.status = set(body_.kept()) ? 204 : 400;
      return answer_with(plan, "no such setting or target\n");
    case Plan::Action::kUpgrade:
      plan.status = 101;
      plan.headers = {{"Connection", " Upgrade"}, {"Upgrade", " websocket"}};
      plan.headers.insert(plan.headers.end(), plan_->plan.headers.begin(),
                          plan_->plan.headers.end());
      return answer_with(plan, "");
    case Plan::Action::kRespond:
    case Plan::Action::kFreeze:
      return;
  }
}

bool Connection::set(std::string_view line) {
  if (line != "peak") return shared_.script.set(line);
  shared_.counters.peak_in_flight = shared_.counters.in_flight;
  return true;
}

void Connection::answer_with(const Plan& plan, std::string_view body) {
  made_ = encode(plan, body, shared_.script.name());
  wire_ = &made_;
}

// False: close. Otherwise the answer waits for room or time, or has gone and the phase says so.
bool Connection::send_answer() {
  while (sent_ < allowed_) {
    const std::string_view bytes(wire_->bytes);
    if (!send_some(bytes.substr(sent_, allowed_ - sent_), sent_)) return false;
    if (!writable_) return true;
  }
  if (sent_ < end_) {
    if (!waiting_) wait(plan_->plan.drip);
    return true;
  }
  return end_answer();
}

bool Connection::end_answer() {
  const Plan& plan = plan_->plan;
  leave_flight();
  if (plan.break_with_reset) reset_peer();
  if (plan.break_after || plan.close || plan.early || plan.until_close) return false;
  if (plan.action == Plan::Action::kUpgrade) {
    phase_ = Phase::kTunnel;
    return true;
  }
  if (request_.wants_close) return false;
  become_idle();
  return true;
}

// Sends back what comes, reading no further than what could be sent.
bool Connection::tunnel() {
  while (true) {
    while (!input_.empty() && writable_) {
      std::size_t sent = 0;
      if (!send_some(input_, sent)) return false;
      input_.erase(0, sent);
    }
    if (!input_.empty() || !readable_) return true;
    if (!receive()) return false;
  }
}

bool Connection::send_some(std::string_view bytes, std::size_t& sent) {
  const ssize_t put = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (put >= 0) {
    sent += static_cast<std::size_t>(put);
    return true;
  }
  writable_ = false;
  return errno == EAGAIN || errno == EINTR;
}

void Connection::reset_peer() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::string Connection::echo() const {
  std::string json = "{\"origin\": ";
  append_json(json, shared_.script.name());
  json += ", \"connection\": " + std::to_string(number_);
  json += ", \"request\": " + std::to_string(requests_) + ", \"method\": ";
  append_json(json, request_.method);
  json += ", \"target\": ";
  append_json(json, request_.target);
  json += ", \"version\": ";
  append_json(json, request_.version);
  json += ", \"headers\": [";
  for (const auto& [name, value] : request_.headers) {
    json += json.back() == '[' ? "[" : ", [";
    append_json(json, name);
    json += ", ";
    append_json(json, value);
    json += ']';
  }
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(body_.hash()));
  json += "], \"body_length\": " + std::to_string(body_.length()) + ", \"body_hash\": \"" + hash;
  return json + "\"}\n";
}

}  // namespace tandem::testing
