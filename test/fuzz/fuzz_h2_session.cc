// Any bytes as what a client says on an HTTP/2 connection, or a server: no crash, no more output
// than may wait, and each request or answer is either refused or becomes one head that the decoder
// of HTTP/1 reads whole. The first three bytes choose the side and how the session is used; behind
// them comes what is on the wire, with the peer's first bytes put before it unless the choice is to
// have none. Seeds: test/corpus/h2.
#include "http/chunked.h"
#include "http/h1_decoder.h"
#include "lb/http2/session.h"
#include "test/fuzz/oracle.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::http2 {
namespace {

constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
constexpr std::size_t kSteeringBytes = 3;
/// Bits of the first of these.
constexpr unsigned kRaw = 1;
constexpr unsigned kAsClient = 2;
/// Frames that are not DATA, of one turn, come on top of what waits.
constexpr std::size_t kOutputSlack = 256 * 1024;

/// Small numbers that an input determines.
class Choices {
 public:
  explicit Choices(std::string_view steering) {
    for (const char c : steering) state_ = (state_ ^ static_cast<unsigned char>(c)) * 16'777'619U;
  }
  /// Below `count`.
  unsigned draw(unsigned count) {
    state_ = state_ * 1'664'525U + 1'013'904'223U;
    return (state_ >> 10U) % count;
  }
  bool one_in(unsigned count) { return draw(count) == 0; }

 private:
  std::uint32_t state_ = 2'166'136'261U;
};

/// Marks a stream that is being served.
class Server final : public StreamUser {
 public:
  void on_stream() override {}
};

class Driver {
 public:
  Driver(Session::Role role, Choices choices)
      : role_(role), session_(role, {}, workspace_), choices_(choices) {}

  void run(std::string_view wire) {
    if (role_ == Session::Role::kClient) ask();
    bool goes_on = true;
    while (goes_on && !wire.empty()) {
      const std::size_t part = std::min<std::size_t>(wire.size(), 1 + choices_.draw(2'000));
      now_ += std::chrono::milliseconds(choices_.draw(20));
      goes_on = session_.receive(wire.substr(0, part), now_);
      wire.remove_prefix(part);
      serve_news();
      take_output();
      if (choices_.one_in(200)) session_.go_away(choices_.one_in(2));
    }
    fuzz::expect("an end that has a reason", goes_on || session_.has_output() ||
                                                 !session_.trouble().empty() || session_.is_over());
    for (int i = 0; i < 3; ++i) {
      serve_news();
      take_output();
    }
    session_.break_off();
    session_.for_each_stream([](const Stream& stream) {
      fuzz::expect("a stream of a connection that is gone", stream.is_broken());
    });
    serve_news();
  }

 private:
  void take_output() {
    const std::string_view out = session_.output();
    // As any other session of the thread would leave it.
    workspace_.frame.fill('x');
    fuzz::expect("bounded output", out.size() <= Session::kOutputBytesMax + kOutputSlack);
    session_.output_sent(choices_.one_in(4) ? choices_.draw(static_cast<unsigned>(out.size() + 1))
                                            : out.size());
  }

  void serve_news() {
    while (Stream* stream = session_.next_news()) serve(*stream);
  }

  void serve(Stream& stream) {
    if (role_ == Session::Role::kServer) {
      serve_client(stream);
    } else {
      hear_server(stream);
    }
  }

  // ---- as a client

  void ask() {
    for (const std::string_view method : {"GET", "HEAD", "POST", "GET"}) {
      session_.block.clear();
      session_.block.add(":method", method);
      session_.block.add(":scheme", "https");
      session_.block.add(":authority", "a");
      session_.block.add(":path", "/");
      session_.send_request(session_.open(), session_.block, method != "POST", method == "HEAD");
    }
  }

  void hear_server(Stream& stream) {
    while (const std::string* text = stream.next_response()) {
      http::ResponseDecoder decoder{http::Limits{}};
      decoder.reset({});
      http::ResponseHead head;
      const http::DecodeResult result = decoder.decode(*text, head);
      if (text->empty() || result == http::DecodeResult::kError) continue;
      fuzz::expect("a head that is whole", result == http::DecodeResult::kDone);
      fuzz::expect("a head and nothing else", head.head_bytes == text->size());
    }
    take_body(stream);
    if (!stream.has_finished()) finish(stream);
    if (choices_.one_in(32)) session_.reset(stream, NGHTTP2_CANCEL);
    const bool is_done = stream.is_exhausted() && stream.has_finished() && stream.is_drained();
    if (stream.is_broken() || is_done || choices_.one_in(64)) let_go(stream);
  }

  // ---- as a server

  void serve_client(Stream& stream) {
    if (stream.user == nullptr) {
      if (!stream.has_head()) {
        if (stream.is_closed()) session_.release(stream);
        return;
      }
      stream.user = &server_;
      take_head(stream);
    }
    if (stream.is_broken()) return session_.release(stream);
    take_body(stream);
    if (!stream.has_finished() && (stream.is_exhausted() || choices_.one_in(8))) finish(stream);
    if (choices_.one_in(32)) session_.reset(stream, NGHTTP2_CANCEL);
    const bool is_done = stream.has_finished() && stream.is_drained();
    if (is_done || choices_.one_in(32)) let_go(stream);
  }

  void let_go(Stream& stream) {
    if (!stream.is_closed() && !(stream.has_finished() && stream.has_ended()))
      session_.reset(stream, stream.has_finished() ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
    session_.release(stream);
  }

  void take_head(Stream& stream) {
    const bool has_body =
        !stream.has_ended() || !stream.unread().empty() || !stream.trailers().empty();
    const bool is_tunnel = stream.request.asks_for_tunnel();
    const bool is_whole = !stream.request.is_too_large();
    const std::string_view text = stream.request.finish(has_body, is_tunnel ? "a2V5" : "");
    fuzz::expect("either a head or a reason",
                 text.empty() == (stream.request.trouble() != nullptr));
    http::RequestHead head;
    const bool is_good = !text.empty() && decode(text, head);
    if (is_good) {
      const bool has_length = head.framing.kind == http::BodyFraming::Kind::kLength;
      fuzz::expect("a body where one comes", has_body || !is_whole || head.framing.is_empty());
      fuzz::expect("a body of its length", !stream.has_ended() || !has_length || !is_whole ||
                                               head.framing.length == stream.unread().size());
      fuzz::expect("a tunnel without a length",
                   !is_tunnel || !head.upgrade || head.framing.is_empty());
    }
    if (choices_.one_in(8)) {
      session_.block.clear();
      session_.block.add(":status", "103");
      session_.send_interim(stream, session_.block);
    }
    session_.block.clear();
    session_.block.add(":status", is_good ? "200" : "400");
    session_.block.add("Server", "fuzz");
    session_.send_head(stream, session_.block, choices_.one_in(4));
  }

  /// True: one head and nothing else; false: refused.
  static bool decode(std::string_view text, http::RequestHead& head) {
    http::RequestDecoder decoder{http::Limits{}};
    const http::DecodeResult result = decoder.decode(text, head);
    if (result == http::DecodeResult::kError) return false;
    fuzz::expect("a head that is whole", result == http::DecodeResult::kDone);
    fuzz::expect("a head and nothing else", head.head_bytes == text.size());
    return true;
  }

  void take_body(Stream& stream) {
    const std::size_t there = stream.unread().size();
    const std::size_t part =
        choices_.one_in(4) ? choices_.draw(static_cast<unsigned>(there + 1)) : there;
    session_.consume(stream, part);
    fuzz::expect("what was not taken", stream.unread().size() == there - part);
    if (stream.can_rewind() && choices_.one_in(16)) stream.rewind();
    if (stream.has_ended()) check_trailers(stream.trailers());
  }

  /// What a server of HTTP/1 gets behind the last chunk.
  static void check_trailers(std::string_view lines) {
    std::string end = "0\r\n";
    end.append(lines).append("\r\n");
    http::Limits limits;
    // Two bytes more for each line than HTTP/2 counted.
    limits.trailer_bytes_max = static_cast<std::uint32_t>(end.size());
    http::ChunkedDecoder decoder(http::FieldSection::Role::kRequest, limits);
    const http::BodyStep step = decoder.step(end);
    fuzz::expect("trailers of chunks", step.kind == http::BodyStep::Kind::kEnd);
    fuzz::expect("trailers and nothing else", step.consumed == end.size());
  }

  void finish(Stream& stream) {
    if (!stream.is_drained()) return;
    static const std::string kLarge(100'000, 'x');
    std::string_view body = "hello";
    if (choices_.one_in(8)) body = kLarge;
    const std::array pieces = {
        iovec{.iov_base = const_cast<char*>(body.data()), .iov_len = body.size() / 2},
        iovec{.iov_base = const_cast<char*>(body.data()) + body.size() / 2,
              .iov_len = body.size() - body.size() / 2}};
    session_.send(stream, pieces, !choices_.one_in(4),
                  choices_.one_in(4) ? "X-Sum: 1\r\n" : std::string_view());
  }

  Session::Role role_;
  Workspace workspace_;
  Session session_;
  Server server_;
  Choices choices_;
  Instant now_{std::chrono::hours(1)};
};

void run(std::string_view input) {
  if (input.size() < kSteeringBytes) return;
  const std::string_view steering = input.substr(0, kSteeringBytes);
  const std::string_view rest = input.substr(kSteeringBytes);
  const auto first = static_cast<unsigned char>(steering.front());
  const auto role = (first & kAsClient) != 0 ? Session::Role::kClient : Session::Role::kServer;
  std::string wire;
  if ((first & kRaw) == 0) {
    if (role == Session::Role::kServer) wire.append(kPreface);
    wire.append(kSettings);
  }
  wire.append(rest);
  Driver(role, Choices(steering)).run(wire);
}

}  // namespace
}  // namespace tandem::lb::http2

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tandem::lb::http2::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
