#include "failover/system/guard_process.h"

#include "failover/system/guard_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr int kNull = 0;
constexpr int kChannel = 3;
constexpr int kDaemon = 4;
constexpr int kFirstFree = 5;

/// A message and the sockets that came with it.
struct Held {
  alignas(8) std::array<std::uint8_t, kGuardMessageBytesMax> bytes;
  std::size_t size = 0;
  std::array<int, kGuardSocketsMax> sockets;
  std::size_t socket_count = 0;

  [[nodiscard]] std::optional<GuardMessage> message() const noexcept {
    return GuardMessage::read(std::span(bytes).first(size));
  }
  void close_sockets() noexcept {
    for (std::size_t i = 0; i < socket_count; ++i) ::close(sockets[i]);
    socket_count = 0;
  }
};

// Two, so that a new plan replaces the old only when it is there as a whole. Here and not on a
// heap: the guard never allocates.
std::array<Held, 2> held_plans;

struct Outcome {
  unsigned requests = 0;
  unsigned refused = 0;
  unsigned farewells = 0;
};

// ---- standing up --------------------------------------------------------------------------------

/// What ends other processes must not end the guard, and what the daemon did on a signal must not
/// be done here: its handlers write into pipes of its loop.
void settle_signals() noexcept {
  for (int number = 1; number <= SIGRTMAX; ++number) {
    const bool is_own_fault = number == SIGSEGV || number == SIGBUS || number == SIGILL ||
                              number == SIGFPE || number == SIGABRT || number == SIGTRAP ||
                              number == SIGSYS;
    struct sigaction action{};
    action.sa_handler = is_own_fault ? SIG_DFL : SIG_IGN;
    ::sigaction(number, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Keeps the two and stderr, closes the rest. @return whether it could.
bool settle_descriptors(int channel, int daemon) noexcept {
  // First out of the way: they may lie where they are to go.
  const int high_channel = ::fcntl(channel, F_DUPFD, kFirstFree);
  const int high_daemon = ::fcntl(daemon, F_DUPFD, kFirstFree);
  const int null = ::open("/dev/null", O_RDWR);
  if (high_channel < 0 || high_daemon < 0 || null < 0) return false;
  if (null != kNull) ::dup2(null, kNull);
  ::dup2(kNull, STDOUT_FILENO);
  ::dup2(high_channel, kChannel);
  ::dup2(high_daemon, kDaemon);
  return ::close_range(kFirstFree, ~0U, 0) == 0;
}

/// As far as allowed: a machine in trouble takes memory and processor time from others first.
void settle_precedence() noexcept {
  // Only what is touched: the daemon's heap came along, and the rehearsal touches what we need.
  ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY);
  if (score < 0) return;
  constexpr std::string_view kNever = "-1000";
  (void)!::write(score, kNever.data(), kNever.size());
  ::close(score);
}

// ---- the work -----------------------------------------------------------------------------------

/// One acknowledgement or more, as the kernel wrote them.
void count_answers_in(std::span<const std::uint8_t> bytes, Outcome& outcome) noexcept {
  nlmsghdr header;
  nlmsgerr answer;
  while (bytes.size() >= sizeof header) {
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return;
    if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= NLMSG_LENGTH(sizeof answer)) {
      std::memcpy(&answer, bytes.data() + NLMSG_HDRLEN, sizeof answer);
      ++outcome.requests;
      // Somebody was faster, or the interface has gone and the address with it: what was wanted.
      if (answer.error != 0 && answer.error != -EADDRNOTAVAIL && answer.error != -ENODEV)
        ++outcome.refused;
    }
    bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
}

/// Requests are carried out before send() returns, so the answers are all there.
void count_answers(int netlink, Outcome& outcome) noexcept {
  std::array<std::uint8_t, 8192> bytes;
  for (;;) {
    const ssize_t count = ::recv(netlink, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && errno == ENOBUFS) continue;  // more answers than the queue could hold
    if (count <= 0) return;
    count_answers_in(std::span(bytes).first(static_cast<std::size_t>(count)), outcome);
  }
}

Outcome carry_out(int netlink, GuardMessage plan, std::span<const int> sockets) noexcept {
  Outcome outcome;
  const auto requests = plan.requests();
  if (!requests.empty()) ::send(netlink, requests.data(), requests.size(), 0);
  while (const auto farewell = plan.next_farewell()) {
    if (farewell->socket >= sockets.size()) continue;
    const auto sent = ::sendto(sockets[farewell->socket], farewell->payload.data(),
                               farewell->payload.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                               farewell->destination.data(), farewell->destination.size);
    if (sent >= 0) ++outcome.farewells;
  }
  count_answers(netlink, outcome);
  return outcome;
}

/// The same way with nothing to do, so that its pages are in memory (and locked) when it counts.
void rehearse(int netlink) noexcept {
  Held& scratch = held_plans[0];
  nlmsghdr nothing{};
  nothing.nlmsg_len = NLMSG_HDRLEN;
  nothing.nlmsg_type = NLMSG_NOOP;
  const std::array<std::uint32_t, 2> header{static_cast<std::uint32_t>(GuardOrder::kHold),
                                            sizeof nothing};
  std::memcpy(scratch.bytes.data(), header.data(), sizeof header);
  std::memcpy(scratch.bytes.data() + sizeof header, &nothing, sizeof nothing);
  scratch.size = sizeof header + sizeof nothing;
  if (const auto plan = scratch.message()) carry_out(netlink, *plan, {});
  scratch.size = 0;
}

void say(const Outcome& outcome) noexcept {
  std::array<char, 256> line;
  const auto end =
      fmt::format_to_n(line.data(), line.size(),
                       "tandem-guard: [warning] the daemon is dead: {} addresses withdrawn, {} "
                       "refused by the kernel, "
                       "{} farewells sent\n",
                       outcome.requests - outcome.refused, outcome.refused, outcome.farewells);
  // A log that nobody reads must not keep us.
  pollfd log{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&log, 1, 0) == 1)
    (void)!::write(STDERR_FILENO, line.data(), std::min(end.size, line.size()));
}

// ---- orders -------------------------------------------------------------------------------------

enum class Heard : std::uint8_t { kMessage, kNothing, kEnd };

void take_sockets(msghdr& message, Held& into) noexcept {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    into.socket_count = std::min(count, into.sockets.size());
    std::memcpy(into.sockets.data(), CMSG_DATA(one), into.socket_count * sizeof(int));
  }
}

Heard hear(Held& into) noexcept {
  iovec piece{.iov_base = into.bytes.data(), .iov_len = into.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kGuardSocketsMax)> control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(kChannel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Heard::kNothing;
  if (count <= 0) return Heard::kEnd;
  into.size = static_cast<std::size_t>(count);
  take_sockets(message, into);
  return Heard::kMessage;
}

/// Until the daemon's end. What it said last counts, also when it has died since.
[[noreturn]] void stand(int netlink) noexcept {
  std::size_t current = 0;
  bool is_daemon_dead = false;
  for (;;) {
    Held& next = held_plans[1 - current];
    const Heard heard = hear(next);
    if (heard == Heard::kMessage) {
      const auto message = next.message();
      if (message && message->order() == GuardOrder::kDismiss) ::_exit(0);
      if (message) current = 1 - current;
      held_plans[1 - current].close_sockets();
    } else if (heard == Heard::kEnd || is_daemon_dead) {
      const Held& held = held_plans[current];
      const auto plan = held.message();
      if (plan && !plan->is_empty())
        say(carry_out(netlink, *plan, std::span(held.sockets).first(held.socket_count)));
      ::_exit(0);
    } else {
      std::array<pollfd, 2> waits{{{.fd = kChannel, .events = POLLIN, .revents = 0},
                                   {.fd = kDaemon, .events = POLLIN, .revents = 0}}};
      ::poll(waits.data(), waits.size(), -1);
      is_daemon_dead = waits[1].revents != 0;
    }
  }
}

}  // namespace

void run_guard(int channel, int daemon) noexcept {
  ::setsid();
  settle_signals();
  ::prctl(PR_SET_NAME, "tandem-guard");
  if (!settle_descriptors(channel, daemon)) ::_exit(1);
  settle_precedence();
  const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const GuardReport report{.error = netlink >= 0 ? 0 : errno};
  if (report.error == 0) rehearse(netlink);
  ::send(kChannel, &report, sizeof report, MSG_NOSIGNAL);
  if (report.error != 0) ::_exit(1);
  stand(netlink);
}

}  // namespace tandem::failover::system
