// Connection: one TCP connection to the peer, from the first byte of TLS to the last message. It
// moves and checks bytes; what they mean to the link is its owner's affair. Thread: the poller's.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "common/file_descriptor.h"
#include "failover/peer/message.h"
#include "failover/peer/session.h"
#include "failover/peer/tls.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::failover::peer {

/// From the first packet until the peer has said who it is; and so long a lost SYN is waited for.
inline constexpr Milliseconds kHandshakeTime{1'000};
/// Most bytes that wait for a slow peer, beside what the kernel holds.
inline constexpr std::size_t kQueuedBytesMax = 1024 * 1024;

/// How and why a connection ended.
struct Ending {
  enum class Cause : std::uint8_t {
    kUnreachable,  // nobody there
    kHandshake,    // not in time, or not with our secret
    kRefused,      // what it said of itself
    kMalformed,    // what cannot be read
    kLost,         // closed or broken without a word
    kSilent,
    kOverflow,  // it did not read
    kReplaced,  // by a newer connection of the peer
    kOrderly,   // it said so
  };
  Cause cause = Cause::kLost;
  std::string words;
};

class Connection final : public event::Socket {
 public:
  /// Must outlive the connection, or leave() it first. on_end() comes last, once, and not for what
  /// the owner does itself; the owner retires the connection then.
  class Owner {
   public:
    virtual void on_secure(Connection& connection) = 0;
    /// The ending, if this message is to be the last.
    [[nodiscard]] virtual std::optional<Ending> on_message(Connection& connection,
                                                           const Message& message) = 0;
    virtual void on_end(Connection& connection, const Ending& ending) = 0;

   protected:
    ~Owner() = default;
  };

  /// The session is with `peer_node`, and only that node can prove itself.
  Connection(event::Poller& poller, Owner& owner, std::shared_ptr<const Credentials> credentials,
             TlsStream::Side side, const std::string& peer_node, Session session);

  /// Takes over a socket that connects or is connected. False: it cannot be watched.
  [[nodiscard]] bool begin(FileDescriptor fd);
  /// The peer has said who it is: the time of the handshake is over.
  void settle();

  /// Encrypts and writes in this call. False: not all of it has reached the kernel; what is left
  /// waits, unless the connection is about to end.
  bool send(std::string_view frames);
  /// Reads what the kernel has, although no event may have come yet. May end the connection.
  void look();
  /// Ends it from our side, after a last message. on_end() is not called.
  void leave(std::string_view frames);

  [[nodiscard]] Session& session() noexcept { return session_; }
  [[nodiscard]] bool is_secure() const noexcept {
    return tls_.state() == TlsStream::State::kSecure;
  }

 private:
  void on_ready() override;
  [[nodiscard]] bool is_connected();
  void receive(std::string_view bytes);
  void hand_over(std::string_view plain);
  void end_with_stream();
  void flush();
  void end_soon(Ending ending);
  void end(const Ending& ending);

  Owner& owner_;
  TlsStream tls_;
  Session session_;
  Decoder decoder_;
  std::string plain_;
  std::string out_;          // encrypted
  std::size_t written_ = 0;  // of out_
  bool is_connecting_ = true;
  bool was_secure_ = false;
  std::optional<Ending> doom_;  // found while sending; told in a turn of its own
  event::Timer patience_;
};

}  // namespace tandem::failover::peer
