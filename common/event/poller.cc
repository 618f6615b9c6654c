#include "common/event/poller.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tandem::event {
namespace {

// One turn hands out at most this many events; the rest stay in the kernel for the next.
constexpr int kEventsPerTurn = 256;
// A wait that is over sooner was no sleep: so long takes the call itself.
constexpr Duration kSleepMin = std::chrono::microseconds(10);

// recv(), send() and sendmsg() of the C library are points of cancellation: where there are several
// threads they change the thread's kind of cancellation before the call and change it back after
// it, and that is a fifth of the instructions a short message takes outside of the kernel. No
// thread here is ever cancelled. A sanitizer is left its look at the buffers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
ssize_t receive_bytes(int fd, std::span<char> into) noexcept {
  return ::recv(fd, into.data(), into.size(), 0);
}
ssize_t send_bytes(int fd, const iovec& piece, int flags) noexcept {
  return ::send(fd, piece.iov_base, piece.iov_len, flags);
}
ssize_t send_message(int fd, const msghdr& message, int flags) noexcept {
  return ::sendmsg(fd, &message, flags);
}
#else
ssize_t receive_bytes(int fd, std::span<char> into) noexcept {
  return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr);
}
ssize_t send_bytes(int fd, const iovec& piece, int flags) noexcept {
  return ::syscall(SYS_sendto, fd, piece.iov_base, piece.iov_len, flags, nullptr, 0);
}
ssize_t send_message(int fd, const msghdr& message, int flags) noexcept {
  return ::syscall(SYS_sendmsg, fd, &message, flags);
}
#endif

ssize_t send_pieces(int fd, std::span<const iovec> pieces, int flags) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return send_message(fd, message, flags);
}

std::size_t bytes_of(std::span<const iovec> pieces) noexcept {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

}  // namespace

Socket::~Socket() {
  close();
  if (again_) poller_.forget(*this);
}

void Socket::attach(int fd) noexcept {
  TANDEM_DCHECK(fd_ < 0);
  fd_ = fd;
  watched_ = false;
  pending_ = false;
  readable_ = true;
  writable_ = true;
  peer_closed_ = false;
  hung_up_ = false;
}

bool Socket::watch() noexcept {
  if (watched_) return true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = this;
  watched_ = epoll_ctl(poller_.epoll_fd_, EPOLL_CTL_ADD, fd_, &event) == 0;
  return watched_;
}

void Socket::close() noexcept {
  if (fd_ < 0) return;
  if (layer_ && !hung_up_) layer_->finish(*this);
  layer_.reset();
  ::close(fd_);  // the last reference: epoll forgets it
  fd_ = -1;
  watched_ = false;
  pending_ = false;
  readable_ = false;
  writable_ = false;
}

void Socket::close_with_reset() noexcept {
  if (fd_ < 0) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  layer_.reset();  // what broke off must not end properly
  close();
}

int Socket::detach() noexcept {
  if (watched_) epoll_ctl(poller_.epoll_fd_, EPOLL_CTL_DEL, fd_, nullptr);
  watched_ = false;
  pending_ = false;
  return std::exchange(fd_, -1);
}

void Socket::finish_sending() noexcept {
  if (layer_) layer_->finish(*this);
  ::shutdown(fd_, SHUT_WR);
}

Transfer Socket::receive(std::span<char> into) noexcept {
  if (into.empty()) return {};  // recv() would answer 0, as for the end
  for (;;) {
    const ssize_t count = receive_bytes(fd_, into);
    if (count > 0) {
      const auto bytes = static_cast<std::size_t>(count);
      // A short read means drained: the next edge tells. After FIN there is no next edge.
      if (bytes < into.size() && !peer_closed_) readable_ = false;
      return {.status = Transfer::Status::kDone, .bytes = bytes};
    }
    if (count == 0) {
      readable_ = false;
      peer_closed_ = true;
      return {.status = Transfer::Status::kEnd};
    }
    if (errno == EINTR) continue;
    readable_ = false;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
    return {.status = Transfer::Status::kFailed, .error = errno};
  }
}

Transfer Socket::transmit(std::span<const iovec> pieces, bool more) noexcept {
  const int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  // A single piece spares the kernel the copying of a header and of the list behind it.
  const bool is_single = pieces.size() == 1;
  ssize_t count = 0;
  do {
    count = is_single ? send_bytes(fd_, pieces.front(), flags) : send_pieces(fd_, pieces, flags);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) {
    const std::size_t wanted = is_single ? pieces.front().iov_len : bytes_of(pieces);
    const auto bytes = static_cast<std::size_t>(count);
    if (bytes < wanted) writable_ = false;
    return {.status = Transfer::Status::kDone, .bytes = bytes};
  }
  writable_ = false;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
  return {.status = Transfer::Status::kFailed, .error = errno};
}

Poller::Poller(Loop& loop)
    : loop_(loop),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      handle_([this] { run_turn(); }),
      sweep_([this] { run_again(); }) {
  TANDEM_CHECK(epoll_fd_ >= 0);
  TANDEM_CHECK(uv_poll_init(loop.native(), handle_.get(), epoll_fd_) == 0);
  let_libuv_watch();
  TANDEM_CHECK(uv_async_init(loop.native(), sweep_.get(), Handle<uv_async_t>::fire) == 0);
}

void Poller::let_libuv_watch() {
  TANDEM_CHECK(uv_poll_start(handle_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
                 Handle<uv_poll_t>::fire(handle);
               }) == 0);
}

Poller::~Poller() {
  release_retired();
  // uv_close() takes the descriptor out of libuv's set in the same call; closing it after is safe.
  handle_ = {};
  ::close(epoll_fd_);
}

void Poller::retire(std::unique_ptr<Socket> socket) {
  if (retired_.empty()) end_turn_soon();
  retired_.push_back(std::move(socket));
}

void Poller::again(Socket& socket) {
  if (socket.again_) return;
  socket.again_ = true;
  if (again_queue_.empty()) sweep_soon();
  again_queue_.push_back(&socket);
}

void Poller::forget(Socket& socket) noexcept {
  std::replace(again_queue_.begin(), again_queue_.end(), &socket, static_cast<Socket*>(nullptr));
}

void Poller::run_again() {
  loop_.update_now();
  in_turn_ = true;
  serve_again();
  end_turn();
}

void Poller::serve_again() {
  // Only those that were there when this turn began; a socket destroyed meanwhile has left a hole.
  for (std::size_t left = again_queue_.size(); left > 0; --left) {
    Socket* socket = again_queue_.front();
    again_queue_.pop_front();
    if (socket == nullptr) continue;
    socket->again_ = false;
    if (socket->is_open()) socket->on_ready();
  }
  if (!again_queue_.empty()) sweep_soon();
}

void Poller::sweep_soon() noexcept {
  if (is_front_) {
    sweeps_ = true;
  } else {
    uv_async_send(sweep_.get());
  }
}

void Poller::end_turn_soon() noexcept {
  if (!in_turn_) sweep_soon();
}

void Poller::at_turn_end(TurnEnd& who) noexcept {
  if (who.is_linked()) return;
  turn_ends_.push_back(who);
  end_turn_soon();
}

void Poller::end_turn() {
  if (on_turn_end_) on_turn_end_();
  while (!turn_ends_.empty()) {
    TurnEnd& first = turn_ends_.front();
    first.unlink();
    first.on_turn_end();
  }
  in_turn_ = false;
  release_retired();
}

void Poller::release_retired() {
  // Two lists: the destructor of one socket may retire another.
  while (!retired_.empty()) {
    leaving_.swap(retired_);
    leaving_.clear();
  }
}

void Poller::run_turn() {
  in_turn_ = true;
  serve_events(0);
  end_turn();
}

bool Poller::serve_events(int milliseconds) {
  std::array<epoll_event, kEventsPerTurn> events;
  const Instant before = milliseconds == 0 ? Instant() : Clock::now();
  const int count = epoll_wait(epoll_fd_, events.data(), kEventsPerTurn, milliseconds);
  loop_.update_now();
  if (milliseconds != 0 && loop_.now() - before >= kSleepMin)
    loop_.count_idle(loop_.now() - before);
  bool has_libuv = false;
  // First all flags, then the callbacks: whoever takes an idle connection from a pool in this turn
  // already knows whether its peer has closed it.
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto* socket = static_cast<Socket*>(event.data.ptr);
    if (socket == nullptr) {
      has_libuv = true;
      continue;
    }
    if (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) socket->readable_ = true;
    if (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) socket->writable_ = true;
    if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) socket->peer_closed_ = true;
    if (event.events & (EPOLLHUP | EPOLLERR)) socket->hung_up_ = true;
    socket->pending_ = true;
  }
  for (int i = 0; i < count; ++i) {
    auto* socket = static_cast<Socket*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (socket == nullptr || !socket->pending_) continue;
    socket->pending_ = false;
    socket->on_ready();
  }
  return has_libuv;
}

// ---- in front of libuv -------------------------------------------------------------------------

void Poller::enter(int libuv) {
  // An epoll set must not be in one that is in itself.
  TANDEM_CHECK(uv_poll_stop(handle_.get()) == 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  TANDEM_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, libuv, &event) == 0);
  libuv_fd_ = libuv;
  is_front_ = true;
}

void Poller::leave() {
  TANDEM_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, libuv_fd_, nullptr) == 0);
  is_front_ = false;
  let_libuv_watch();
  // Whom the stop has overtaken: what they refer to may not outlast the run.
  release_retired();
  if (!again_queue_.empty() || !turn_ends_.empty()) sweep_soon();
  sweeps_ = false;
}

bool Poller::turn(int milliseconds) {
  const bool sweeps = std::exchange(sweeps_, false);
  in_turn_ = true;
  const bool has_libuv = serve_events(sweeps ? 0 : milliseconds);
  if (sweeps) serve_again();
  end_turn();
  return has_libuv;
}

}  // namespace tandem::event
