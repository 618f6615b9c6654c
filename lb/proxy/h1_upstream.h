// H1Upstream: one request and its answer in HTTP/1.1 on a server connection.
#pragma once

#include "http/h1_decoder.h"
#include "http/h1_encoder.h"
#include "http/message.h"
#include "lb/proxy/context.h"
#include "lb/proxy/h1_body.h"
#include "lb/proxy/input.h"
#include "lb/proxy/output.h"
#include "lb/upstream/connection.h"

#include <optional>

namespace tandem::lb::proxy {

/// Owner: an exchange. Thread: the worker's.
class H1Upstream {
 public:
  explicit H1Upstream(Context& context) noexcept : context_(context), decoder_(context.limits) {}

  /// Takes over a connection that is connected or connecting.
  void attach(upstream::Connection& connection, upstream::ConnectionUser& user);
  [[nodiscard]] upstream::Connection* connection() const noexcept { return connection_; }

  /// Writes the head of a request; it goes out with the first bytes of the body.
  void send_head(const char* base, const http::RequestHead& head, const http::RequestEdits& edits);
  /// Valid after send_head().
  [[nodiscard]] BodySink& request_body() { return *sink_; }

  enum class Read : std::uint8_t { kBlocked, kHead, kMalformed, kClosed };
  /// Reads on to the end of the next head, interim ones included.
  [[nodiscard]] Read read_head(http::ResponseHead& head);
  /// The bytes that the decoded head refers to; until the next call.
  [[nodiscard]] const char* response_base() const noexcept { return response_base_; }
  /// Something of an answer has arrived.
  [[nodiscard]] bool has_answered() const noexcept { return answered_; }
  /// After kClosed, if no write has failed: nothing of the request can have been read. Only a FIN
  /// proves that, because it says how much the server had received when it closed; what a RST
  /// acknowledges is not looked at by Linux, and a server may read before its kernel acknowledges.
  [[nodiscard]] bool request_surely_unread() const noexcept {
    return ended_with_fin_ && connection_->request_surely_unread();
  }
  /// Why read_head() said kMalformed, and the bytes it was said of.
  [[nodiscard]] const http::ParseError& error() const noexcept { return decoder_.error(); }
  [[nodiscard]] std::string_view unread() const noexcept { return input_.unread(); }
  /// Starts the body of the response whose head was read last.
  [[nodiscard]] BodySource& begin_body(const http::ResponseHead& head);
  [[nodiscard]] BodySource& response_body() { return *source_; }

  /// Both directions become plain bytes.
  void begin_tunnel();
  void finish_sending() noexcept;

  /// Gives the connection back for others to use (`reusable`), or closes it.
  void release(bool reusable);
  /// Bytes written to this connection for this request.
  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return output_.bytes_sent(); }

 private:
  Context& context_;
  upstream::Connection* connection_ = nullptr;
  Input input_;
  Output output_;
  http::ResponseDecoder decoder_;
  http::ResponseContext answer_to_;
  std::optional<H1Source> source_;
  std::optional<H1Sink> sink_;
  const char* response_base_ = nullptr;
  bool answered_ = false;
  bool ended_with_fin_ = false;
};

}  // namespace tandem::lb::proxy
