// Stream: TLS on one connection, as the layer of its socket. The handshake happens inside the first
// reads and writes: whoever uses the socket only sees that nothing has come yet.
//
// System calls are those of plain bytes: one receive() takes as many records as there are, and a
// read that came up short is not tried again before an edge.
#pragma once

#include "common/event/poller.h"
#include "lb/tls/openssl.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tandem::lb::tls {

class Stream;

/// Who counts handshakes. Outlives the streams. Thread: theirs.
class HandshakeObserver {
 public:
  virtual void handshake_done(const Stream& stream) = 0;
  /// `reason`: words for a log; empty: the peer just went away.
  virtual void handshake_failed(std::string_view reason) = 0;
  /// One whose handshake was done.
  virtual void encrypted_connection_closed() = 0;

 protected:
  ~HandshakeObserver() = default;
};

/// Owner: the socket. Thread: the socket's.
class Stream final : public event::Layer {
 public:
  /// `ssl` has its side (accept, connect) and no BIO yet. `socket` is the one it becomes the layer
  /// of. nullptr `observer`: nobody counts.
  Stream(SslPointer ssl, event::Socket& socket, HandshakeObserver* observer);
  ~Stream() override;

  /// It becomes the layer of another socket, on the same descriptor.
  void move_to(event::Socket& socket) noexcept { BIO_set_data(SSL_get_rbio(ssl_.get()), &socket); }

  [[nodiscard]] event::Transfer read(event::Socket& socket, std::span<char> into) noexcept override;
  [[nodiscard]] event::Transfer write(event::Socket& socket,
                                      std::span<const iovec> pieces) noexcept override;
  void finish(event::Socket& socket) noexcept override;

  /// Takes the handshake on, for who must know that it is done before anything is sent. kDone, of 0
  /// bytes: it is.
  [[nodiscard]] event::Transfer handshake(event::Socket& socket) noexcept;

  [[nodiscard]] bool is_established() const noexcept { return state_ == State::kEstablished; }
  /// "TLSv1.3". Of an established stream, like what follows.
  [[nodiscard]] std::string_view version() const noexcept;
  [[nodiscard]] std::string_view cipher() const noexcept;
  [[nodiscard]] bool is_resumed() const noexcept;
  /// What the client asked for; empty: nothing.
  [[nodiscard]] std::string_view server_name() const noexcept;
  /// What was agreed on by ALPN; empty: nothing.
  [[nodiscard]] std::string_view protocol() const noexcept;
  struct Shown {
    std::string common_name;  // of its subject; empty: none
    bool is_good;             // verified
  };
  /// The client's certificate.
  [[nodiscard]] std::optional<Shown> shown_certificate() const;
  /// Its own, or that of the session it resumed; nullptr: none. The stream's.
  [[nodiscard]] const X509* client_certificate() const noexcept;
  /// X509_V_OK (0), also where no certificate was shown, or what is wrong with it (X509_V_ERR_…).
  [[nodiscard]] long verify_result() const noexcept;
  /// Why it failed, in words; empty: the connection did, or nothing has.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

 private:
  enum class State : std::uint8_t { kHandshake, kEstablished, kEnded, kFailed };

  void note_progress() noexcept;
  [[nodiscard]] event::Transfer stopped(event::Socket& socket, int result) noexcept;
  void fail(int error) noexcept;

  SslPointer ssl_;
  HandshakeObserver* observer_;
  State state_ = State::kHandshake;
  bool is_counted_ = false;  // by the observer
  std::string trouble_;
  int error_ = 0;                      // errno, of kFailed
  bool write_waits_for_read_ = false;  // the handshake needs the peer's bytes first
};

}  // namespace tandem::lb::tls
