#include "failover/system/guard.h"

#include "common/check.h"
#include "failover/system/clock.h"
#include "failover/system/guard_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tandem::failover::system {
namespace {

std::unexpected<Error> cannot(const char* what) {
  return fail(fmt::format("guard: cannot {}: {}", what, std::strerror(errno)));
}

/// Every signal is held back while it lives: between fork and its own dispositions the child would
/// run the daemon's handlers.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

bool await_readable(int fd, std::chrono::milliseconds limit) noexcept {
  const Instant deadline = Clock::now() + limit;
  for (;;) {
    const auto left = std::max(std::int64_t{0}, to_milliseconds(deadline - Clock::now()));
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    const int count = ::poll(&wait, 1, static_cast<int>(left));
    if (count >= 0 || errno != EINTR) return count == 1;
  }
}

/// As the loop: on a busy machine the guard must come before ordinary work. Done from here, so that
/// the child is not delayed before it can ask. Refused: then as an ordinary process.
void raise_priority_of(pid_t pid) noexcept {
  const sched_param parameter{.sched_priority = kLoopPriority};
  ::sched_setscheduler(pid, SCHED_RR, &parameter);
}

}  // namespace

/// Hears the end of the channel. The guard says nothing after its report.
class Guard::Watch final : public event::Socket {
 public:
  Watch(Guard& guard, event::Poller& poller) noexcept : Socket(poller), guard_(guard) {}

 private:
  void on_ready() override {
    if (peer_closed() || hung_up()) guard_.on_lost();
  }

  Guard& guard_;
};

Guard::Guard() = default;

Guard::~Guard() {
  stop_watching();
  channel_.reset();
  if (pid_ > 0) ::waitpid(pid_, nullptr, WNOHANG);
}

Result<void> Guard::start() {
  TANDEM_CHECK(!is_standing());
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return cannot("make its channel");
  channel_.reset(ends[0]);
  const FileDescriptor its_end(ends[1]);
  const FileDescriptor self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!self) return cannot("name this process to it");
  {
    const SignalsBlocked blocked;
    pid_ = ::fork();
    if (pid_ == 0) run_guard(its_end.get(), self.get());
  }
  if (pid_ < 0) {
    pid_ = 0;
    return cannot("fork");
  }
  raise_priority_of(pid_);
  started_ = Clock::now();
  return await_report();
}

Result<void> Guard::await_report() {
  GuardReport report{.error = ETIMEDOUT};
  const bool has_answered = await_readable(channel_.get(), kStartWait);
  const bool has_reported =
      has_answered && ::recv(channel_.get(), &report, sizeof report, 0) == sizeof report;
  if (has_reported && report.error == 0) return {};
  reap();
  if (has_answered && !has_reported) return fail("guard: it ended before it stood");
  errno = report.error;
  return cannot("set it up");
}

void Guard::watch(event::Poller& poller, OnReplaced on_replaced) {
  poller_ = &poller;
  on_replaced_ = std::move(on_replaced);
  restart_ = event::Timer(poller.loop(), [this] { restart(); });
  listen();
}

/// What cannot be listened to is replaced after a while, as if it had died.
void Guard::listen() {
  if (is_standing()) {
    watch_ = std::make_unique<Watch>(*this, *poller_);
    // A copy, so that the channel itself stays where orders are written.
    watch_->attach(::fcntl(channel_.get(), F_DUPFD_CLOEXEC, 0));
    if (watch_->watch()) return;
  }
  restart_.start(kRestartPause);
}

Result<void> Guard::set(const GuardPlan& plan) {
  Result<PackedPlan> packed = pack(plan);
  if (!packed) return std::unexpected(packed.error());
  std::vector<FileDescriptor> copies;
  for (int& socket : packed->sockets) {
    copies.emplace_back(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
    if (!copies.back()) return cannot("copy a socket for it");
    socket = copies.back().get();
  }
  plan_ = std::move(*packed);
  sockets_ = std::move(copies);
  if (is_standing() && deliver()) return {};
  return replace();
}

bool Guard::deliver() {
  if (plan_.message.empty()) return true;
  iovec piece{.iov_base = plan_.message.data(), .iov_len = plan_.message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kGuardSocketsMax)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  const std::size_t socket_bytes = plan_.sockets.size() * sizeof(int);
  if (socket_bytes > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(socket_bytes);
    cmsghdr rights{};
    rights.cmsg_len = CMSG_LEN(socket_bytes);
    rights.cmsg_level = SOL_SOCKET;
    rights.cmsg_type = SCM_RIGHTS;
    std::memcpy(control.data(), &rights, sizeof rights);
    std::memcpy(control.data() + CMSG_LEN(0), plan_.sockets.data(), socket_bytes);
  }
  return ::sendmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

Result<void> Guard::replace() {
  stop_watching();
  reap();
  Result<void> done = start();
  if (done && !deliver()) {
    reap();
    done = fail("guard: a new one does not take its orders");
  }
  if (poller_ != nullptr) listen();
  return done;
}

void Guard::on_lost() {
  stop_watching();
  reap();
  if (Clock::now() - started_ < kRestartPause) {
    restart_.start(kRestartPause);
  } else {
    restart();
  }
}

void Guard::restart() {
  const Result<void> done = replace();
  if (on_replaced_) on_replaced_(done);
}

void Guard::stop_watching() {
  restart_.stop();
  if (!watch_) return;
  watch_->close();
  poller_->retire(std::move(watch_));
}

/// It has ended, or is to end: it does nothing when it is killed, and its number stays its own
/// until we have asked for it.
void Guard::reap() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }
  channel_.reset();  // not before: the end of the channel is what it acts on
}

void Guard::unwatch() {
  if (poller_ == nullptr) return;
  stop_watching();
  restart_ = event::Timer();
  on_replaced_ = nullptr;
  poller_ = nullptr;
}

void Guard::dismiss() {
  unwatch();
  if (!is_standing()) return;
  const std::vector<std::uint8_t> order = pack_dismissal();
  if (::send(channel_.get(), order.data(), order.size(), MSG_NOSIGNAL) >= 0)
    await_readable(channel_.get(), kStartWait);  // its end
  reap();
}

}  // namespace tandem::failover::system
