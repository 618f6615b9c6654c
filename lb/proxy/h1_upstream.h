// H1Upstream: one request and its answer in HTTP/1.1 on a server connection.
#pragma once

#include "http/h1_decoder.h"
#include "http/h1_encoder.h"
#include "http/message.h"
#include "lb/proxy/context.h"
#include "lb/proxy/h1_body.h"
#include "lb/proxy/input.h"
#include "lb/proxy/output.h"
#include "lb/proxy/server_side.h"
#include "lb/upstream/connection.h"

#include <optional>

namespace tandem::lb::proxy {

/// Owner: an exchange. Thread: the worker's.
class H1Upstream final : public ServerSide {
 public:
  explicit H1Upstream(Context& context) noexcept : context_(context), decoder_(context.limits) {}

  /// Takes over a connection that is connected or connecting.
  void attach(upstream::Connection& connection, upstream::ConnectionUser& user);

  [[nodiscard]] Connect connect(ClientSide& client) override;
  void send_head(const char* base, const http::RequestHead& head,
                 const http::RequestEdits& edits) override;
  [[nodiscard]] BodySink& request_body() override { return *sink_; }
  [[nodiscard]] Read read_head(http::ResponseHead& head) override;
  [[nodiscard]] const char* response_base() const override { return response_base_; }
  [[nodiscard]] bool has_answered() const override { return answered_; }
  /// Only a FIN proves it, because it says how much the server had received when it closed; what a
  /// RST acknowledges is not looked at by Linux, and a server may read before its kernel
  /// acknowledges.
  [[nodiscard]] bool request_surely_unread() const override {
    return ended_with_fin_ && connection_->request_surely_unread();
  }
  [[nodiscard]] http::ParseError error() const override { return decoder_.error(); }
  [[nodiscard]] std::string_view unread() const override { return input_.unread(); }
  void begin_body(const http::ResponseHead& head) override;
  [[nodiscard]] BodySource& response_body() override { return *source_; }
  void begin_tunnel() override;
  void finish_sending() override;
  void release(bool reusable) override;
  [[nodiscard]] std::uint64_t bytes_sent() const override { return output_.bytes_sent(); }

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
