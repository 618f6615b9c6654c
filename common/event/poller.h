// Poller: readiness of many sockets with one registration each. An epoll set of its own,
// edge-triggered, stands behind a single uv_poll handle, or, while the poller runs the loop, in
// front of libuv: libuv's own poll handles cost six epoll_ctl calls a connection (measured), this
// costs one, and close() removes it.
//
// Edges are kept by the Socket as "readable" and "writable" until a call says otherwise, so that
// back-pressure needs no system call: a side that must wait just does not read.
#pragma once

#include "common/event/handle.h"
#include "common/event/loop.h"
#include "common/intrusive_list.h"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace tandem::event {

class Poller;

/// What a read or write came to.
struct Transfer {
  enum class Status : std::uint8_t {
    kDone,     // bytes > 0
    kBlocked,  // nothing now: on_ready() will tell
    kEnd,      // read only: the peer has finished sending
    kFailed,   // error holds errno
  };
  Status status = Status::kBlocked;
  std::size_t bytes = 0;
  int error = 0;
};

class Socket;

/// What stands between a socket's user and the bytes on the wire: encryption. It reads and writes
/// through receive() and transmit() of the socket, and keeps the socket's readable() and writable()
/// as they would be without it: "readable" until a read came up short.
/// Owner: the socket. Thread: the socket's.
class Layer {
 public:
  virtual ~Layer() = default;

  [[nodiscard]] virtual Transfer read(Socket& socket, std::span<char> into) noexcept = 0;
  [[nodiscard]] virtual Transfer write(Socket& socket, std::span<const iovec> pieces) noexcept = 0;
  /// Tells the peer that nothing more comes, as far as that is possible without waiting.
  virtual void finish(Socket& socket) noexcept = 0;
};

/// A non-blocking socket, its readiness, and whom to tell. Derive and implement on_ready().
///
/// Thread: the poller's. Must not be destroyed during a turn in which it may have events pending:
/// hand it to Poller::retire(). A Socket that never had to wait need not be watched at all.
class Socket {
 public:
  explicit Socket(Poller& poller) noexcept : poller_(poller) {}
  virtual ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  /// False only when a read came up short and no edge has been seen since.
  [[nodiscard]] bool readable() const noexcept { return readable_; }
  [[nodiscard]] bool writable() const noexcept { return writable_; }
  /// The peer has sent FIN or RST, seen by the poller; bytes before it may still be unread.
  [[nodiscard]] bool peer_closed() const noexcept { return peer_closed_; }
  /// The connection is gone in both directions (RST, or FIN both ways), seen by the poller.
  [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }
  [[nodiscard]] bool watched() const noexcept { return watched_; }

  /// Something changed: readable(), writable() or peer_closed() became true.
  virtual void on_ready() = 0;

  /// Takes over a non-blocking descriptor. Readable and writable are assumed until tried.
  void attach(int fd) noexcept;
  /// Registers with the poller (one epoll_ctl). Nothing if already watched.
  /// False: the kernel refused (no memory, max_user_watches); errno tells.
  [[nodiscard]] bool watch() noexcept;
  /// From now on until it is closed all bytes go through `layer`. After attach().
  void set_layer(std::unique_ptr<Layer> layer) noexcept { layer_ = std::move(layer); }
  /// Takes it off again, for another socket that goes on with the same descriptor.
  [[nodiscard]] std::unique_ptr<Layer> take_layer() noexcept { return std::move(layer_); }
  /// nullptr: there is none, or the socket is closed.
  [[nodiscard]] Layer* layer() const noexcept { return layer_.get(); }
  /// What is read and written is what is on the wire: it may be spliced.
  [[nodiscard]] bool is_plain() const noexcept { return layer_ == nullptr; }
  /// Closes the descriptor; pending events of this turn are dropped. Nothing if closed.
  void close() noexcept;
  /// As close(), with RST in place of FIN: the peer must see that something broke.
  void close_with_reset() noexcept;
  /// Takes the descriptor out of this object, unregistered.
  [[nodiscard]] int detach() noexcept;

  [[nodiscard]] Transfer read(std::span<char> into) noexcept {
    return layer_ ? layer_->read(*this, into) : receive(into);
  }
  /// `more`: further bytes follow at once (MSG_MORE).
  [[nodiscard]] Transfer write(std::span<const iovec> pieces, bool more = false) noexcept {
    return layer_ ? layer_->write(*this, pieces) : transmit(pieces, more);
  }
  /// Nothing more will be written; the peer may go on sending.
  void finish_sending() noexcept;

  /// read() and write() past the layer: for the layer itself.
  [[nodiscard]] Transfer receive(std::span<char> into) noexcept;
  [[nodiscard]] Transfer transmit(std::span<const iovec> pieces, bool more = false) noexcept;

  /// For transfers that are made on the descriptor itself (splice), and for layers.
  void set_readable(bool value) noexcept { readable_ = value; }
  void set_writable(bool value) noexcept { writable_ = value; }

  [[nodiscard]] Poller& poller() noexcept { return poller_; }

 private:
  friend class Poller;

  Poller& poller_;
  std::unique_ptr<Layer> layer_;
  int fd_ = -1;
  bool watched_ = false;
  bool pending_ = false;
  bool readable_ = false;
  bool writable_ = false;
  bool peer_closed_ = false;
  bool hung_up_ = false;
  bool again_ = false;
};

struct InTurnEnds {};

/// Who has something to do once, when all events of a turn have been handled. Destroying it, or
/// taking it out of its list, calls that off. Thread: the poller's.
class TurnEnd : public ListLink<InTurnEnds> {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnEnd() = default;
};

/// One for each loop. Thread: the loop's.
class Poller final : private Front {
 public:
  explicit Poller(Loop& loop);
  ~Poller();

  [[nodiscard]] Loop& loop() noexcept { return loop_; }

  /// Runs the loop until its stop(), waiting for the sockets themselves with libuv's own set among
  /// them: for a turn one system call, where Loop::run() makes two or three.
  void run() { loop_.run_behind(*this); }

  /// Destroys `socket` when the present turn is over, when nothing on the stack can point to it.
  void retire(std::unique_ptr<Socket> socket);
  /// Calls `socket`'s on_ready() in the next turn, though no edge may come: for whoever stopped
  /// before the kernel ran dry, so that others get their turn.
  void again(Socket& socket);
  /// Makes on_turn_end run soon: at the end of this turn, or in one of its own.
  void end_turn_soon() noexcept;
  /// Calls `who` at the end of this turn, or soon: once, however often it is asked for.
  void at_turn_end(TurnEnd& who) noexcept;
  /// Runs at the end of each turn, after the events and before retired sockets go.
  void set_on_turn_end(std::move_only_function<void()> callback) {
    on_turn_end_ = std::move(callback);
  }

 private:
  friend class Socket;

  // ---- Front
  void enter(int libuv) override;
  void leave() override;
  [[nodiscard]] bool turn(int milliseconds) override;

  void let_libuv_watch();
  void run_turn();
  /// Takes what events there are, or come within `milliseconds`, and calls whom they are for.
  /// @return whether libuv has one.
  bool serve_events(int milliseconds);
  void run_again();
  void serve_again();
  void sweep_soon() noexcept;
  void end_turn();
  void release_retired();
  void forget(Socket& socket) noexcept;

  Loop& loop_;
  int epoll_fd_;
  std::move_only_function<void()> on_turn_end_;
  IntrusiveList<TurnEnd, InTurnEnds> turn_ends_;
  std::vector<std::unique_ptr<Socket>> retired_;
  std::vector<std::unique_ptr<Socket>> leaving_;
  std::deque<Socket*> again_queue_;
  bool in_turn_ = false;
  bool is_front_ = false;
  int libuv_fd_ = -1;    // as the front
  bool sweeps_ = false;  // as the front: the next turn is also what `sweep_` is for
  Handle<uv_poll_t> handle_;
  Handle<uv_async_t> sweep_;  // turns that had no event still empty `retired_` and `again_`
};

}  // namespace tandem::event
