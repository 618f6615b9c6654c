// ServerSide: what an exchange needs of the server that answers it, whatever version of HTTP that
// server speaks. One request and its answer.
#pragma once

#include "http/h1_decoder.h"
#include "http/h1_encoder.h"
#include "http/message.h"
#include "lb/proxy/body.h"
#include "lb/proxy/client_side.h"

#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy {

/// Thread: the worker's.
class ServerSide {
 public:
  enum class Connect : std::uint8_t { kWaits, kReady, kFailed };
  enum class Read : std::uint8_t { kBlocked, kHead, kMalformed, kClosed };

  virtual ~ServerSide() = default;

  /// Takes a new connection on until a request may be sent; `client` is whom it is made for.
  [[nodiscard]] virtual Connect connect(ClientSide& client) = 0;

  /// Writes the head of a request; it goes out with the first bytes of the body.
  virtual void send_head(const char* base, const http::RequestHead& head,
                         const http::RequestEdits& edits) = 0;
  /// Valid after send_head().
  [[nodiscard]] virtual BodySink& request_body() = 0;

  /// Reads on to the end of the next head, interim ones included.
  [[nodiscard]] virtual Read read_head(http::ResponseHead& head) = 0;
  /// The bytes that the decoded head refers to; until the next call.
  [[nodiscard]] virtual const char* response_base() const = 0;
  /// Something of an answer has arrived.
  [[nodiscard]] virtual bool has_answered() const = 0;
  /// After kClosed, if no write has failed: nothing of the request can have been read.
  [[nodiscard]] virtual bool request_surely_unread() const = 0;
  /// Why read_head() said kMalformed, and the bytes it was said of.
  [[nodiscard]] virtual http::ParseError error() const = 0;
  [[nodiscard]] virtual std::string_view unread() const = 0;
  /// Starts the body of the response whose head was read last.
  virtual void begin_body(const http::ResponseHead& head) = 0;
  [[nodiscard]] virtual BodySource& response_body() = 0;

  /// Both directions become plain bytes (after 101).
  virtual void begin_tunnel() = 0;
  /// FIN towards the server, in a tunnel.
  virtual void finish_sending() = 0;

  /// Lets go of the connection: for others to use (`reusable`), or for nobody. Nothing if there is
  /// none.
  virtual void release(bool reusable) = 0;
  /// Bytes written to the connection for this request.
  [[nodiscard]] virtual std::uint64_t bytes_sent() const = 0;
};

}  // namespace tandem::lb::proxy
