// H2Upstream: one request and its answer in HTTP/2, on a connection that others share.
#pragma once

#include "http/h1_decoder.h"
#include "lb/proxy/h2_body.h"
#include "lb/proxy/h2_server_connection.h"
#include "lb/proxy/server_side.h"

#include <optional>
#include <string>

namespace tandem::lb::proxy {

/// Owner: an exchange. Thread: the worker's.
class H2Upstream final : public ServerSide, private H2ServerUser {
 public:
  explicit H2Upstream(const http::Limits& limits) noexcept : decoder_(limits) {}

  /// Takes a stream on `connection`; `user` is told of what happens.
  void attach(H2ServerConnection& connection, upstream::ConnectionUser& user);

  [[nodiscard]] Connect connect(ClientSide& client) override;
  void send_head(const char* base, const http::RequestHead& head,
                 const http::RequestEdits& edits) override;
  [[nodiscard]] BodySink& request_body() override { return *sink_; }
  [[nodiscard]] Read read_head(http::ResponseHead& head) override;
  [[nodiscard]] const char* response_base() const override { return response_.data(); }
  [[nodiscard]] bool has_answered() const override { return answered_; }
  /// The server has said so (RFC 9113 section 8.7), or its GOAWAY has.
  [[nodiscard]] bool request_surely_unread() const override;
  [[nodiscard]] http::ParseError error() const override;
  [[nodiscard]] std::string_view unread() const override { return response_; }
  void begin_body(const http::ResponseHead&) override {}
  [[nodiscard]] BodySource& response_body() override { return *source_; }
  void begin_tunnel() override {}
  void finish_sending() override;
  void release(bool reusable) override;
  [[nodiscard]] std::uint64_t bytes_sent() const override { return stream_->bytes_sent(); }

 private:
  void on_stream() override { user_->on_connection_ready(); }
  void on_shutdown() override { user_->on_server_shutdown(); }
  [[nodiscard]] std::string as_switch(const std::string& text) const;

  H2ServerConnection* connection_ = nullptr;
  http2::Stream* stream_ = nullptr;
  upstream::ConnectionUser* user_ = nullptr;
  std::optional<H2Source> source_;
  std::optional<H2Sink> sink_;
  http::ResponseDecoder decoder_;
  http::ResponseContext answer_to_;
  std::string response_;       // the head that was read last, as text
  std::string websocket_key_;  // of a request that asks for a tunnel
  std::string protocol_;       // of that tunnel
  bool is_malformed_ = false;
  bool answered_ = false;
};

}  // namespace tandem::lb::proxy
