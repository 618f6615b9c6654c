// The "http" check: one request, and an answer whose status and body are as expected.
#include "http/chunked.h"
#include "http/h1_decoder.h"
#include "lb/health/probe_connection.h"
#include "lb/health/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <system_error>

namespace tandem::lb::health {
namespace {

/// Bytes of the body that `expect_body` is looked for in (CONFIGURATION.md).
constexpr std::size_t kBodyBytesMax = 16 * 1024;
constexpr std::size_t kReadBytes = 4096;
/// Interim answers (1xx) a server may send before the one that counts.
constexpr int kInterimMax = 8;

std::string request_for(const ProbeTarget& target) {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tandem-check\r\nConnection: close\r\n\r\n",
      target.check->method, target.check->uri, host_of(target));
}

bool is_expected(const config::Check& check, int status) noexcept {
  return std::ranges::any_of(check.expect_status, [status](const std::pair<int, int>& range) {
    return range.first <= status && status <= range.second;
  });
}

class HttpProbe final : public ProbeConnection {
 public:
  HttpProbe(event::Poller& poller, const ProbeTarget& target, ProbeDone done)
      : ProbeConnection(poller, target, std::move(done)), request_(request_for(target)) {
    reset_decoder();
  }

 private:
  void on_connected() override { on_progress(); }

  void on_progress() override {
    if (!write_request()) return;
    while (!is_finished() && readable()) read_some();
  }

  [[nodiscard]] Status late_status() const noexcept override { return Status::kL7Tout; }

  /// True when the answer may be looked at; false: finished. A request that the server does not
  /// take whole at once goes on at the next readiness, while an early answer is read already.
  bool write_request() {
    while (written_ < request_.size() && writable()) {
      const iovec piece{.iov_base = request_.data() + written_,
                        .iov_len = request_.size() - written_};
      const event::Transfer sent = write({&piece, 1});
      if (sent.status == event::Transfer::Status::kFailed) {
        finish_with_error(Status::kL7Rsp, sent.error);
        return false;
      }
      written_ += sent.bytes;
    }
    return true;
  }

  void read_some() {
    std::array<char, kReadBytes> bytes;
    const event::Transfer got = read(bytes);
    switch (got.status) {
      case event::Transfer::Status::kDone:
        input_.append(bytes.data(), got.bytes);
        return body_ ? read_body() : read_head();
      case event::Transfer::Status::kBlocked:
        return;
      case event::Transfer::Status::kEnd:
        return on_close();
      case event::Transfer::Status::kFailed:
        return finish_with_error(Status::kL7Rsp, got.error);
    }
  }

  void read_head() {
    for (;;) {
      switch (decoder_.decode(input_, head_)) {
        case http::DecodeResult::kNeedMore:
          return;  // bounded: the decoder refuses a head over its limits
        case http::DecodeResult::kError:
          return finish(Status::kL7Rsp, 0, decoder_.error().detail);
        case http::DecodeResult::kDone:
          break;
      }
      if (!head_.interim) return judge_head();
      if (++interims_ > kInterimMax) return finish(Status::kL7Rsp, 0, "too many interim answers");
      input_.erase(0, head_.head_bytes);
      reset_decoder();
    }
  }

  void judge_head() {
    const config::Check& check = *target().check;
    reason_ = head_.reason.in(input_.data());
    if (!is_expected(check, head_.status)) return finish(Status::kL7Sts, head_.status, reason_);
    if (check.expect_body.empty()) return finish(Status::kL7Okd, head_.status, reason_);
    input_.erase(0, head_.head_bytes);
    body_.emplace(http::FieldSection::Role::kResponse, http::Limits{}, head_.framing);
    read_body();
  }

  void read_body() {
    std::string_view rest = input_;
    for (;;) {
      const http::BodyStep step = body_->step(rest);
      rest.remove_prefix(step.consumed);
      switch (step.kind) {
        case http::BodyStep::Kind::kNeedMore:
          input_.clear();
          return;
        case http::BodyStep::Kind::kError:
          return finish(Status::kL7Rsp, head_.status, body_->error().detail);
        case http::BodyStep::Kind::kEnd:
          return finish_without_match();
        case http::BodyStep::Kind::kData:
          if (take(step.data)) return finish(Status::kL7Okd, head_.status, reason_);
          if (text_.size() == kBodyBytesMax) return finish_without_match();
      }
    }
  }

  /// True once the expected text has been seen.
  bool take(std::string_view data) {
    const std::string& wanted = target().check->expect_body;
    // What was looked through before can only hold the beginning of the text at its end.
    const std::size_t from = text_.size() - std::min(text_.size(), wanted.size());
    text_.append(data.substr(0, kBodyBytesMax - text_.size()));
    return text_.find(wanted, from) != std::string::npos;
  }

  void on_close() {
    if (!body_) {
      return finish(Status::kL7Rsp, 0,
                    input_.empty() ? "connection closed without an answer"
                                   : "connection closed within the answer");
    }
    if (!body_->ends_with_close()) {
      return finish(Status::kL7Rsp, head_.status, "connection closed within the answer");
    }
    finish_without_match();
  }

  void finish_without_match() {
    finish(Status::kL7Rsp, head_.status, "HTTP content check did not match");
  }

  void reset_decoder() {
    head_.clear();
    decoder_.reset({.request_method = http::method_from(target().check->method)});
  }

  std::string request_;
  std::size_t written_ = 0;
  std::string input_;  // not yet decoded; from the head's first byte until it is complete
  http::ResponseDecoder decoder_{http::Limits{}};
  http::ResponseHead head_;
  int interims_ = 0;
  std::string reason_;
  std::optional<http::BodyDecoder> body_;
  std::string text_;  // the decoded body so far
};

}  // namespace

std::unique_ptr<Probe> start_http_probe(event::Poller& poller, const ProbeTarget& target,
                                        ProbeDone done) {
  return std::make_unique<SocketProbe>(
      poller, std::make_unique<HttpProbe>(poller, target, std::move(done)));
}

}  // namespace tandem::lb::health
