// H2ClientStream: one request of an HTTP/2 client and its answer: the ClientSide of an exchange,
// and the client's time limits for it.
#pragma once

#include "common/event/wheel.h"
#include "lb/proxy/client_limit.h"
#include "lb/proxy/client_side.h"
#include "lb/proxy/context.h"
#include "lb/proxy/h2_body.h"

#include <memory>
#include <optional>

namespace tandem::lb::proxy {

class H2Downstream;
class RequestSlot;

/// Owner: its H2Downstream, until the end of the turn in which the exchange ended. Thread: the
/// worker's.
class H2ClientStream final : public http2::StreamUser, public event::Deadline, private ClientSide {
 public:
  H2ClientStream(Context& context, H2Downstream& connection, http2::Stream& stream);
  ~H2ClientStream() override;

  /// The head is there: runs the exchange.
  void start();
  /// The process ends before this request does.
  void cut();

 private:
  void on_stream() override;
  void on_deadline() override;

  // ---- ClientSide
  const SocketAddress& address() const override;
  const SocketAddress& local_address() override;
  const char* request_base() const override { return base_; }
  BodySource& request_body() override { return source_; }
  BodySink& response_body() override { return sink_; }
  bool can_replay_body() const override { return stream_->can_rewind(); }
  void replay_body() override { stream_->rewind(); }
  bool send_head(const char* base, const http::ResponseHead& head,
                 const http::ResponseEdits& edits) override;
  bool send_interim(const char* base, const http::ResponseHead& head) override;
  bool send_local(std::string_view response) override;
  void begin_tunnel() override {}
  void finish_sending() override;
  std::uint64_t bytes_sent() const override { return stream_->bytes_sent(); }
  bool is_first_request() const override;
  const tls::Stream* encryption() const override;
  bool is_on_leaving_address() const override;
  bool has_left() const override { return stream_->is_broken(); }
  // END_STREAM is no sign of leaving, as a FIN is.
  bool has_finished_sending() const override { return false; }
  void wait_for_client(ClientWait wait) override;
  void watch_for_departure() override {}
  void exchange_finished(AfterExchange after) override;

  void refuse(int status, const char* words);

  Context& context_;
  H2Downstream& connection_;
  http2::Stream* stream_;  // nullptr: all is over
  std::unique_ptr<RequestSlot> slot_;
  H2Source source_;
  H2Sink sink_;
  const char* base_ = "";
  ClientLimit limit_;
};

}  // namespace tandem::lb::proxy
