// tandem-prober: the clients of the lab, in one process. A new connection every two milliseconds
// for one small request; kept connections that ask once a second each; long slow downloads; idle
// tunnels. Runs until SIGTERM. Prints one line for each thing that ends, times in CLOCK_MONOTONIC
// nanoseconds:
//
//   new BEGAN ENDED ok|WHY        kept BEGAN ENDED ok|WHY
//   download BEGAN ENDED ok|WHY   tunnel BEGAN ENDED ok|WHY      (WHY: one word)
//
// and "ready" once every download and tunnel stands.
#include "common/file_descriptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::testing {
namespace {

using Nanoseconds = std::int64_t;

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kNewEvery = 2 * kMillisecond;
constexpr Nanoseconds kKeptEvery = 1000 * kMillisecond;
constexpr Nanoseconds kTimeout = 1000 * kMillisecond;  // of a request, and of a tunnel's last echo
constexpr Nanoseconds kStalled = 2000 * kMillisecond;  // a download without a byte for so long
constexpr std::size_t kKept = 50;
constexpr std::size_t kDownloads = 5;
constexpr std::size_t kTunnels = 10;

volatile std::sig_atomic_t is_over = 0;

Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

enum class Kind : std::uint8_t { kNew, kKept, kDownload, kTunnel };
constexpr std::array kNames{"new", "kept", "download", "tunnel"};

std::string_view request_of(Kind kind) {
  switch (kind) {
    case Kind::kNew:
      return "GET / HTTP/1.1\r\nHost: lab.example\r\nConnection: close\r\n\r\n";
    case Kind::kKept:
      return "GET / HTTP/1.1\r\nHost: lab.example\r\n\r\n";
    case Kind::kDownload:  // ten pieces a second for some seven minutes
      return "GET /bytes/4000000?drip=100&piece=1000 HTTP/1.1\r\nHost: lab.example\r\n\r\n";
    case Kind::kTunnel:
      // Key and answer are those of RFC 6455: HAProxy looks whether they match.
      return "GET /upgrade?h=Sec-WebSocket-Accept:s3pPLMBiTxaQ9kYGzzhZRbK%2BxOo%3D HTTP/1.1\r\n"
             "Host: lab.example\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Upgrade: websocket\r\n\r\n";
  }
  return {};
}

struct Client {
  Kind kind = Kind::kNew;
  FileDescriptor socket;
  Nanoseconds began = 0;   // of the request under way
  Nanoseconds heard = 0;   // its last byte
  bool is_asking = false;  // a request is under way
  bool is_sent = false;
  bool is_standing = false;  // a download has begun, a tunnel is open
  std::string head;
  std::size_t wanted = 0;  // bytes of the body still to come, once the head is complete
};

/// What the head of an answer says; a lower-case copy is searched.
struct Head {
  int status = 0;
  std::size_t length = 0;
};

Head read_head(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  Head head;
  if (text.size() > 12) std::from_chars(text.data() + 9, text.data() + 12, head.status);
  constexpr std::string_view kLength = "\r\ncontent-length: ";
  if (const auto at = text.find(kLength); at != std::string::npos)
    std::from_chars(text.data() + at + kLength.size(), text.data() + text.size(), head.length);
  return head;
}

class Prober {
 public:
  Prober(sockaddr_in target, bool only_new)
      : target_(target), only_new_(only_new), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  void run();

 private:
  void begin(std::unique_ptr<Client> client);
  void start_due();
  void ask_kept(std::size_t index);
  void time_out();
  void wait(Nanoseconds until);
  void on_event(Client& client, unsigned events);
  void send(Client& client);
  void receive(Client& client);
  void take(Client& client, std::string_view bytes);
  void finish_head(Client& client, std::size_t end);
  void done(Client& client, const char* why);
  void drop(Client& client);
  void stand(Client& client);
  void finish();

  sockaddr_in target_;
  bool only_new_;
  FileDescriptor epoll_;
  std::vector<std::unique_ptr<Client>> clients_;  // by descriptor
  std::array<Client*, kKept> kept_{};
  std::size_t next_kept_ = 0;
  std::size_t standing_ = 0;
  Nanoseconds new_due_ = 0;
  Nanoseconds kept_due_ = 0;
  Nanoseconds look_due_ = 0;  // at what has timed out
};

// ---- beginning ---------------------------------------------------------------------------------

void Prober::begin(std::unique_ptr<Client> client) {
  client->began = client->heard = now();
  client->is_asking = true;
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int outcome = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&target_), sizeof target_);
  const int error = errno;
  Client& there = *client;
  const auto at = static_cast<std::size_t>(fd.get());
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.u64 = at}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
  there.socket = std::move(fd);
  if (clients_.size() <= at) clients_.resize(at + 1);
  clients_[at] = std::move(client);
  if (outcome != 0 && error != EINPROGRESS) done(there, "unreachable");
}

void Prober::start_due() {
  const Nanoseconds at = now();
  for (; new_due_ <= at; new_due_ += kNewEvery) {
    auto client = std::make_unique<Client>();
    client->kind = Kind::kNew;
    begin(std::move(client));
  }
  for (; !only_new_ && kept_due_ <= at; kept_due_ += kKeptEvery / Nanoseconds{kKept})
    ask_kept(next_kept_++ % kKept);
  if (look_due_ <= at) {
    time_out();
    look_due_ = at + 10 * kMillisecond;
  }
}

void Prober::ask_kept(std::size_t index) {
  Client* client = kept_[index];
  if (client != nullptr && client->is_asking) return;  // it will time out
  if (client == nullptr) {
    auto fresh = std::make_unique<Client>();
    fresh->kind = Kind::kKept;
    kept_[index] = fresh.get();
    return begin(std::move(fresh));
  }
  client->began = now();
  client->is_asking = true;
  client->head.clear();
  send(*client);
}

void Prober::time_out() {
  const Nanoseconds at = now();
  for (const auto& client : clients_) {
    if (!client || !client->is_asking || client->is_standing) continue;
    if (at - client->began > kTimeout) done(*client, "timeout");
  }
}

// ---- what arrives ------------------------------------------------------------------------------

void Prober::wait(Nanoseconds until) {
  const Nanoseconds left = std::max<Nanoseconds>(0, until - now());
  const timespec timeout{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
  std::array<epoll_event, 128> events{};
  const int count =
      ::epoll_pwait2(epoll_.get(), events.data(), int{events.size()}, &timeout, nullptr);
  // A descriptor is used anew only after this batch, so a closed one is seen as such.
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (const auto& client = clients_[event.data.u64]) on_event(*client, event.events);
  }
}

void Prober::on_event(Client& client, unsigned events) {
  if (!client.is_sent && (events & EPOLLOUT) != 0 && (events & (EPOLLERR | EPOLLHUP)) == 0) {
    client.is_sent = true;
    epoll_event event{.events = EPOLLIN,
                      .data = {.u64 = static_cast<std::uint64_t>(client.socket.get())}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.socket.get(), &event);
    return send(client);
  }
  receive(client);
}

void Prober::send(Client& client) {
  const std::string_view request = request_of(client.kind);
  const ssize_t sent = ::send(client.socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) done(client, "reset");
}

void Prober::receive(Client& client) {
  static std::array<char, 65536> buffer;
  const ssize_t got = ::recv(client.socket.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) return done(client, errno == ECONNREFUSED ? "refused" : "reset");
  if (got == 0) return done(client, "closed");
  client.heard = now();
  take(client, {buffer.data(), static_cast<std::size_t>(got)});
}

void Prober::take(Client& client, std::string_view bytes) {
  if (client.wanted > 0) {
    client.wanted -= std::min(client.wanted, bytes.size());
    if (client.wanted == 0) done(client, "ok");
    return;
  }
  if (client.is_standing) return done(client, bytes == "!" ? "ok" : "garbled");
  client.head += bytes;
  const auto end = client.head.find("\r\n\r\n");
  if (end != std::string::npos) finish_head(client, end);
}

void Prober::finish_head(Client& client, std::size_t end) {
  const Head head = read_head(client.head.substr(0, end + 2));
  if (client.kind == Kind::kTunnel && head.status == 101) return stand(client);
  if (head.status != 200) return done(client, std::to_string(head.status).c_str());
  client.wanted = head.length - std::min(head.length, client.head.size() - end - 4);
  if (client.kind == Kind::kDownload) stand(client);
  if (client.wanted == 0) done(client, "ok");
}

void Prober::stand(Client& client) {
  client.is_standing = true;
  if (++standing_ == kDownloads + kTunnels) std::printf("ready\n");
}

// ---- ending ------------------------------------------------------------------------------------

/// A request has ended; its connection too, unless it is a kept one and all is well. The client
/// lives until the next begin() uses its descriptor.
void Prober::done(Client& client, const char* why) {
  if (client.is_asking)
    std::printf("%s %lld %lld %s\n", kNames[static_cast<std::size_t>(client.kind)],
                static_cast<long long>(client.began), static_cast<long long>(now()), why);
  client.is_asking = false;
  if (client.kind != Kind::kKept || std::strcmp(why, "ok") != 0) drop(client);
}

void Prober::drop(Client& client) {
  std::ranges::replace(kept_, &client, nullptr);
  client.socket.reset();
  client.is_asking = false;
  client.is_sent = false;
}

void Prober::run() {
  for (std::size_t i = 0; !only_new_ && i < kDownloads + kTunnels; ++i) {
    auto client = std::make_unique<Client>();
    client->kind = i < kDownloads ? Kind::kDownload : Kind::kTunnel;
    begin(std::move(client));
  }
  if (only_new_) std::printf("ready\n");
  new_due_ = kept_due_ = look_due_ = now();
  for (Nanoseconds shown = now(); is_over == 0;) {
    start_due();
    wait(new_due_);
    if (now() - shown > 20 * kMillisecond) {
      std::fflush(stdout);
      shown = now();
    }
  }
  finish();
}

/// Downloads that still come have come through; tunnels show it by one byte there and back.
void Prober::finish() {
  const Nanoseconds end = now();
  for (const auto& client : clients_) {
    if (!client || !client->is_asking || !client->is_standing) continue;
    if (client->kind == Kind::kDownload)
      done(*client, end - client->heard > kStalled ? "stalled" : "ok");
    else if (::send(client->socket.get(), "!", 1, MSG_NOSIGNAL) != 1)
      done(*client, "reset");
  }
  const auto is_waiting = [](const auto& client) {
    return client && client->is_asking && client->kind == Kind::kTunnel;
  };
  while (now() - end < kTimeout && std::ranges::any_of(clients_, is_waiting)) wait(end + kTimeout);
  for (const auto& client : clients_)
    if (is_waiting(client)) done(*client, "silent");
}

int run(int argc, char** argv) {
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(80);
  const bool only_new = argc == 3 && std::strcmp(argv[2], "--only-new") == 0;
  if (argc < 2 || (argc > 2 && !only_new) || ::inet_pton(AF_INET, argv[1], &target.sin_addr) != 1) {
    std::fputs("Usage: tandem-prober ADDRESS [--only-new]\n", stderr);
    return 2;
  }
  // A second of outage leaves five hundred connections waiting.
  const rlimit many{.rlim_cur = 8192, .rlim_max = 8192};
  ::setrlimit(RLIMIT_NOFILE, &many);
  std::signal(SIGTERM, [](int) { is_over = 1; });
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  // Ahead of what it measures, or its own lateness would be taken for theirs.
  const sched_param first{.sched_priority = 80};
  ::sched_setscheduler(0, SCHED_RR, &first);
  Prober(target, only_new).run();
  return 0;
}

}  // namespace
}  // namespace tandem::testing

int main(int argc, char** argv) { return tandem::testing::run(argc, argv); }
