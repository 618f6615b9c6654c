#include "test/support/origin/server.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tandem::testing {
namespace {

constexpr std::size_t kReadSize = 262144;
constexpr std::uint64_t kListenerNumber = 0;  // connections count from 1

Error last_error(const std::string& what) { return Error{what + ": " + std::strerror(errno)}; }

bool listen_on(int fd, const SocketAddress& address) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  constexpr int kBacklog = 65535;
  return ::bind(fd, address.data(), address.size()) == 0 && ::listen(fd, kBacklog) == 0;
}

bool watch(int epoll, int fd, std::uint64_t number, unsigned events) {
  epoll_event event{.events = events, .data = {.u64 = number}};
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

FileDescriptor open_record(const std::string& folder, std::uint64_t number) {
  if (folder.empty()) return {};
  char name[32];
  std::snprintf(name, sizeof name, "/%08llu", static_cast<unsigned long long>(number));
  return FileDescriptor(
      ::open((folder + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(Options options, Script script) {
  FileDescriptor listener(
      ::socket(options.listen.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener || !listen_on(listener.get(), options.listen)) {
    return std::unexpected(last_error(options.listen.text()));
  }
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll || !watch(epoll.get(), listener.get(), kListenerNumber, EPOLLIN)) {
    return std::unexpected(last_error("epoll"));
  }
  return std::unique_ptr<Server>(
      new Server(std::move(options), std::move(script), std::move(listener), std::move(epoll)));
}

Server::Server(Options options, Script script, FileDescriptor listener, FileDescriptor epoll)
    : options_(std::move(options)),
      script_(std::move(script)),
      read_buffer_(kReadSize, '\0'),
      listener_(std::move(listener)),
      epoll_(std::move(epoll)) {}

SocketAddress Server::address() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  ::getsockname(listener_.get(), address, &size);
  return {address, size};
}

void Server::run() {
  std::array<epoll_event, 512> events{};
  while (true) {
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), int{events.size()}, milliseconds_to_wait());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kListenerNumber) {
        accept_all();
      } else {
        serve(event.data.u64, event.events);
      }
    }
    fire_timers();
  }
}

void Server::accept_all() {
  while (true) {
    FileDescriptor socket(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;
    adopt(std::move(socket));
  }
}

void Server::adopt(FileDescriptor socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::uint64_t number = ++counters_.connections;
  const int fd = socket.get();
  const Connection::Shared shared{script_, counters_, options_.idle_close, read_buffer_};
  Slot& slot = connections_[number];
  slot.connection = std::make_unique<Connection>(shared, std::move(socket), number,
                                                 open_record(options_.record_folder, number));
  settle(number, slot, watch(epoll_.get(), fd, number, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
}

void Server::serve(std::uint64_t number, unsigned events) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  const bool closed = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  const bool alive = found->second.connection->on_ready(closed || (events & EPOLLIN) != 0,
                                                        (events & EPOLLOUT) != 0, closed);
  settle(number, found->second, alive);
}

// After anything happened to a connection: its end, or the wait it asks for.
void Server::settle(std::uint64_t number, Slot& slot, bool alive) {
  if (!alive) {
    connections_.erase(number);
  } else if (const auto wait = slot.connection->take_wanted_wait()) {
    timers_.push({Clock::now() + *wait, number, ++slot.turn});
  }
}

void Server::fire_timers() {
  while (!timers_.empty() && timers_.top().at <= Clock::now()) {
    const Timer timer = timers_.top();
    timers_.pop();
    const auto found = connections_.find(timer.number);
    if (found == connections_.end() || found->second.turn != timer.turn) continue;
    if (!found->second.connection->is_waiting()) continue;
    settle(timer.number, found->second, found->second.connection->on_time());
  }
}

int Server::milliseconds_to_wait() const {
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.top().at - Clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace tandem::testing
