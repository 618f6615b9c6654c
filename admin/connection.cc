#include "admin/connection.h"

#include "common/event/background.h"
#include "http/local_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tandem::admin {
namespace {

/// The page holds no script and asks for nothing from elsewhere; browsers are told so.
constexpr std::string_view kCommonFields =
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n";

std::string write_head(const Reply& reply, bool keeps_alive, bool is_http_1_0) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n", reply.status,
                  http::reason_phrase(reply.status), reply.content_type, reply.body.size());
  head += kCommonFields;
  if (reply.status == 401)
    head += "WWW-Authenticate: Basic realm=\"tandem\", charset=\"UTF-8\"\r\n";
  if (reply.status == 405) head += "Allow: GET, HEAD\r\n";
  if (!reply.location.empty())
    fmt::format_to(std::back_inserter(head), "Location: {}\r\n", reply.location);
  if (!keeps_alive)
    head += "Connection: close\r\n";
  else if (is_http_1_0)
    head += "Connection: keep-alive\r\n";
  return head + "\r\n";
}

}  // namespace

Connection::Connection(event::Poller& poller, event::SocketSet& owner, const Endpoints& endpoints)
    : Socket(poller),
      owner_(owner),
      endpoints_(endpoints),
      timeout_(poller.loop(), [this] { end(); }),
      decoder_(http::Limits{.head_bytes_max = kHeadBytesMax, .line_bytes_max = kHeadBytesMax}) {}

Connection::~Connection() {
  if (rendering_) rendering_->owner = nullptr;
}

void Connection::begin(int fd) {
  attach(fd);
  timeout_.start(kRequestMax);
  if (!watch()) return end();
  serve();
}

void Connection::serve() {
  for (;;) {
    if (stage_ == Stage::kRequest && !read_request()) return;
    if (stage_ == Stage::kRendering) {
      if (hung_up()) end();
      return;
    }
    if (!flush() || !next_request()) return;
  }
}

/// True: there is something to send, or to render.
bool Connection::read_request() {
  for (;;) {
    switch (decoder_.decode(input_, head_)) {
      case http::DecodeResult::kDone:
        answer_request();
        return true;
      case http::DecodeResult::kError:
        refuse(decoder_.error().status);
        return true;
      case http::DecodeResult::kNeedMore:
        if (!fill()) return false;
    }
  }
}

bool Connection::fill() {
  if (!readable()) return false;
  std::array<char, 4096> bytes;
  const event::Transfer got = read(bytes);
  switch (got.status) {
    case event::Transfer::Status::kDone:
      input_.append(bytes.data(), got.bytes);
      return true;
    case event::Transfer::Status::kBlocked:
      return false;
    case event::Transfer::Status::kEnd:
    case event::Transfer::Status::kFailed:
      end();
      return false;
  }
  return false;
}

void Connection::answer_request() {
  const char* base = input_.data();
  is_head_ = head_.method == http::Method::kHead;
  // A body is not read, so what follows the head cannot be the next request.
  keeps_alive_ = head_.keep_alive && head_.framing.is_empty();
  timeout_.start(kResponseMax);
  Reply reply =
      endpoints_.answer({.is_get = is_head_ || head_.method == http::Method::kGet,
                         .path = head_.path_only(base),
                         .query = head_.query(base),
                         .authorization = head_.value_of(base, "authorization").value_or("")});
  if (reply.later)
    render(std::move(reply));
  else
    respond(std::move(reply));
}

void Connection::refuse(int status) {
  keeps_alive_ = false;
  timeout_.start(kResponseMax);
  respond({.status = status, .body = fmt::format("{}\n", http::reason_phrase(status))});
}

void Connection::render(Reply reply) {
  stage_ = Stage::kRendering;
  rendering_ = std::make_shared<Rendering>(this, std::string());
  auto work = [rendering = rendering_, later = std::move(reply.later)]() mutable {
    rendering->body = later();
  };
  auto then = [rendering = rendering_, reply = std::move(reply)]() mutable {
    Connection* connection = rendering->owner;
    if (connection == nullptr) return;
    connection->rendering_.reset();
    reply.body = std::move(rendering->body);
    connection->respond(std::move(reply));
    connection->serve();
  };
  event::background(poller().loop(), std::move(work), std::move(then));
}

void Connection::respond(Reply reply) {
  stage_ = Stage::kResponse;
  output_ = write_head(reply, keeps_alive_, head_.version == 10);
  if (!is_head_) output_ += reply.body;
  written_ = 0;
}

/// True: the whole answer has been taken.
bool Connection::flush() {
  while (written_ < output_.size() && writable()) {
    const iovec piece{.iov_base = output_.data() + written_, .iov_len = output_.size() - written_};
    const event::Transfer sent = write({&piece, 1});
    if (sent.status == event::Transfer::Status::kFailed) {
      end();
      return false;
    }
    written_ += sent.bytes;
  }
  return written_ == output_.size();
}

/// False: the connection has ended.
bool Connection::next_request() {
  if (!keeps_alive_) {
    event::discard_input(*this);
    end();
    return false;
  }
  input_.erase(0, head_.head_bytes);
  output_ = {};
  written_ = 0;
  head_.clear();
  decoder_.reset();
  stage_ = Stage::kRequest;
  timeout_.start(kRequestMax);
  return true;
}

void Connection::end() {
  if (rendering_) rendering_->owner = nullptr;
  rendering_.reset();
  timeout_.stop();
  close();
  owner_.retire(*this);
}

}  // namespace tandem::admin
