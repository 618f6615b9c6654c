// A client of HTTP/2 in memory, on nghttp2's other side, and a session that it talks to.
#pragma once

#include "lb/http2/session.h"

#include <nghttp2/nghttp2.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::http2::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// The value of the first field of that name; "<none>" without one.
[[nodiscard]] std::string value_of(const Fields& fields, std::string_view name);
/// One frame as it is on the wire.
[[nodiscard]] std::string frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream,
                                std::string_view payload);
/// One field of a header block, literal and never indexed.
[[nodiscard]] std::string literal(std::string_view name, std::string_view value);
/// The pseudo-fields of a request as a header block of literals.
[[nodiscard]] std::string request_block(std::string_view method = "GET");

/// What a client has got on one stream.
struct Answer {
  std::vector<std::string> interim;  // statuses
  Fields head;
  std::string body;
  Fields trailers;
  bool is_past_head = false;
  bool has_ended = false;
  std::optional<std::uint32_t> closed;  // with this error

  [[nodiscard]] std::string status() const { return value_of(head, ":status"); }
};

class Client {
 public:
  struct Options {
    std::uint32_t window = 65'535;  // of each stream
    bool opens_windows = true;      // of streams, as bytes come; else open() does
    std::int32_t connection_window = 1 << 30;
  };

  explicit Client(const Options& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Opens a stream. `ends`: there is no body; else upload() gives it. @return its id.
  std::int32_t ask(const Fields& fields, bool ends = true);
  void upload(std::int32_t id, std::string_view bytes, bool ends, const Fields& trailers = {});
  void reset(std::int32_t id, std::uint32_t error = NGHTTP2_CANCEL);
  void open(std::int32_t id, std::size_t bytes);
  void ping();
  /// Sent behind all that was asked for so far, as they are.
  void raw(std::string_view bytes);

  /// Forgets the answers so far.
  void forget();

  /// Bytes for the server.
  [[nodiscard]] std::string take();
  void receive(std::string_view bytes);

  [[nodiscard]] const Answer& answer(std::int32_t id) { return answers_[id]; }
  /// What the server still lets through on that stream.
  [[nodiscard]] std::int32_t window_left(std::int32_t id) const;
  [[nodiscard]] std::int32_t connection_window_left() const;

  std::map<std::int32_t, std::uint32_t> settings;               // of the server
  std::vector<std::pair<std::int32_t, std::uint32_t>> goaways;  // last stream and error

 private:
  struct Callbacks;
  struct Upload {
    std::string bytes;
    std::size_t sent = 0;
    bool ends = false;
    Fields trailers;
  };

  Options options_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Answer> answers_;
  std::map<std::int32_t, Upload> uploads_;
  std::string raw_;
};

/// A client and the session it talks to.
struct Pair {
  explicit Pair(const Client::Options& options = {}, const Session::Limits& limits = {})
      : session(Session::Role::kServer, limits, workspace), client(options) {
    run();
  }

  /// Until neither has anything to say.
  void run();
  /// From the client to the session only.
  void upload();
  /// The one stream with news.
  [[nodiscard]] Stream& one();
  /// All of them.
  [[nodiscard]] std::vector<Stream*> news();
  /// Opens a stream for that request and lets it arrive.
  [[nodiscard]] Stream& ask(const Fields& fields, bool ends = true);
  void send_head(Stream& stream, const Fields& fields, bool last = false);
  void send(Stream& stream, std::string_view bytes, bool last = false,
            std::string_view trailers = {});

  Workspace workspace;
  Session session;
  Client client;
  Instant now{std::chrono::hours(1)};
  bool goes_on = true;  // what the session has said last
};

[[nodiscard]] Fields get(std::string_view path = "/");
[[nodiscard]] Fields post(std::string_view path = "/");

}  // namespace tandem::lb::http2::test
