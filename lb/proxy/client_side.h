// ClientSide: what an exchange needs of the client it serves, whatever version of HTTP that client
// speaks. One request at a time.
#pragma once

#include "common/address.h"
#include "http/h1_encoder.h"
#include "http/message.h"
#include "lb/proxy/body.h"
#include "lb/tls/stream.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy {

/// How the client's connection goes on after an exchange.
enum class AfterExchange : std::uint8_t {
  kKeep,   // the next request may come
  kClose,  // finish sending, then close; what the client still sends is read and dropped
  kReset,  // the response broke off: the client must see that
};

/// What the exchange waits for the client to do.
enum class ClientWait : std::uint8_t { kNothing, kToSend, kToRead };

/// Thread: the worker's. All calls that send return false when the connection is broken.
class ClientSide {
 public:
  virtual ~ClientSide() = default;

  [[nodiscard]] virtual const SocketAddress& address() const = 0;
  /// The address it connected to.
  [[nodiscard]] virtual const SocketAddress& local_address() = 0;
  /// The bytes that the decoded request head refers to.
  [[nodiscard]] virtual const char* request_base() const = 0;
  [[nodiscard]] virtual BodySource& request_body() = 0;
  [[nodiscard]] virtual BodySink& response_body() = 0;
  /// The request body so far came with the head and can be read once more from its beginning.
  [[nodiscard]] virtual bool can_replay_body() const = 0;
  virtual void replay_body() = 0;

  /// Starts the response; the head goes out with the first bytes of the body.
  [[nodiscard]] virtual bool send_head(const char* base, const http::ResponseHead& head,
                                       const http::ResponseEdits& edits) = 0;
  /// Sends a 1xx.
  [[nodiscard]] virtual bool send_interim(const char* base, const http::ResponseHead& head) = 0;
  /// Sends a whole response that is there as bytes; response_body() tells when it has left.
  [[nodiscard]] virtual bool send_local(std::string_view response) = 0;
  /// Both directions become plain bytes (after 101).
  virtual void begin_tunnel() = 0;
  /// FIN towards the client, in a tunnel.
  virtual void finish_sending() = 0;

  /// Bytes that reached the client since the exchange began.
  [[nodiscard]] virtual std::uint64_t bytes_sent() const = 0;
  /// This is the first request on its connection.
  [[nodiscard]] virtual bool is_first_request() const = 0;

  /// nullptr: the client speaks plainly.
  [[nodiscard]] virtual const tls::Stream* encryption() const = 0;
  /// It came in on an address that is moving to the other node. Only while one is.
  [[nodiscard]] virtual bool is_on_leaving_address() const = 0;

  /// The client is gone: it will neither read nor send.
  [[nodiscard]] virtual bool has_left() const = 0;
  /// The client has finished sending for good; it may still read.
  [[nodiscard]] virtual bool has_finished_sending() const = 0;

  /// Starts the client's time limit for what it has to do now, or ends it.
  virtual void wait_for_client(ClientWait wait) = 0;
  /// Events of the client are wanted although nothing is expected from it.
  virtual void watch_for_departure() = 0;
  /// The exchange is over and has been recorded; it may be destroyed in this call.
  virtual void exchange_finished(AfterExchange after) = 0;
};

}  // namespace tandem::lb::proxy
