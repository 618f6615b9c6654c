// tandem-pacer: GET requests at a fixed rate, evenly spaced, over keep-alive connections that take
// turns. Open loop: a request that could not leave in time counts from the time it was due. Prints
// one line of JSON. h2load cannot do this: its clients send in step, sixty-four at a time.
#include "common/file_descriptor.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;

struct Arguments {
  std::uint16_t port = 0;
  unsigned connections = 64;
  unsigned rate = 10'000;  // requests a second
  unsigned seconds = 5;
  std::string target = "/";
};

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Client {
  FileDescriptor socket;
  Instant due;             // of the request under way
  std::size_t wanted = 0;  // bytes of the response still to come; 0: its head is not complete
  std::string head;
};

class Pacer {
 public:
  explicit Pacer(const Arguments& arguments)
      : arguments_(arguments),
        request_("GET " + arguments.target + " HTTP/1.1\r\nHost: bench.example\r\n\r\n"),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        clients_(arguments.connections) {}

  [[nodiscard]] bool connect_all();
  void run();
  void print();

 private:
  void send_due();
  void send(std::size_t client, Instant due);
  void wait(Instant until);
  void receive(std::size_t client);
  void take(Client& client, std::string_view bytes);
  void finish(std::size_t client);
  void give_up(std::size_t client);

  Arguments arguments_;
  std::string request_;
  FileDescriptor epoll_;
  std::vector<Client> clients_;
  std::deque<std::size_t> free_;
  std::deque<Instant> late_;  // due, and no connection was free
  std::vector<std::uint32_t> latencies_us_;
  std::uint64_t bad_statuses_ = 0;
  std::uint64_t socket_errors_ = 0;
  Instant next_due_;
};

bool Pacer::connect_all() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(arguments_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
      return false;
    }
    clients_[i].socket = std::move(fd);
    free_.push_back(i);
  }
  return true;
}

void Pacer::run() {
  const std::chrono::nanoseconds step(1'000'000'000 / arguments_.rate);
  const Instant start = Clock::now();
  const Instant end = start + std::chrono::seconds(arguments_.seconds);
  next_due_ = start;
  while (next_due_ < end) {
    wait(next_due_);
    for (const Instant now = Clock::now(); next_due_ <= now && next_due_ < end; next_due_ += step) {
      late_.push_back(next_due_);
    }
    send_due();
  }
  const Instant patience = Clock::now() + std::chrono::seconds(1);
  while (free_.size() < clients_.size() && Clock::now() < patience) wait(patience);
}

void Pacer::send_due() {
  while (!late_.empty() && !free_.empty()) {
    const std::size_t client = free_.front();
    free_.pop_front();
    send(client, late_.front());
    late_.pop_front();
  }
}

void Pacer::send(std::size_t index, Instant due) {
  Client& client = clients_[index];
  client.due = due;
  client.head.clear();
  client.wanted = 0;
  const ssize_t sent = ::send(client.socket.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request_.size())) give_up(index);
}

void Pacer::wait(Instant until) {
  const auto left = std::max(std::chrono::nanoseconds(0), until - Clock::now());
  const timespec timeout{.tv_sec = left.count() / 1'000'000'000,
                         .tv_nsec = left.count() % 1'000'000'000};
  std::array<epoll_event, 64> events{};
  const int count =
      ::epoll_pwait2(epoll_.get(), events.data(), int{events.size()}, &timeout, nullptr);
  for (int i = 0; i < count; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
}

void Pacer::receive(std::size_t index) {
  static std::array<char, 262144> buffer;
  Client& client = clients_[index];
  const ssize_t got = ::recv(client.socket.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) return give_up(index);
  take(client, {buffer.data(), static_cast<std::size_t>(got)});
  if (client.wanted == 0 && client.head.empty()) finish(index);
}

// Until the head is complete it is collected; afterwards only bytes are counted.
void Pacer::take(Client& client, std::string_view bytes) {
  constexpr std::string_view kLength = "ontent-length: ";
  if (client.wanted > 0) {
    client.wanted -= std::min(client.wanted, bytes.size());
    if (client.wanted == 0) client.head.clear();
    return;
  }
  client.head += bytes;
  const auto end = client.head.find("\r\n\r\n");
  if (end == std::string::npos) return;
  if (!client.head.starts_with("HTTP/1.1 200")) ++bad_statuses_;
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  const auto field =
      std::search(client.head.begin(), client.head.end(), kLength.begin(), kLength.end(), same);
  const auto at = static_cast<std::size_t>(field - client.head.begin()) + kLength.size();
  const std::size_t body = at < end ? number<std::size_t>(client.head.substr(at, end - at)) : 0;
  const std::size_t whole = end + 4 + body;
  client.wanted = whole - std::min(whole, client.head.size());
  if (client.wanted == 0) client.head.clear();
}

void Pacer::finish(std::size_t client) {
  const auto taken = Clock::now() - clients_[client].due;
  latencies_us_.push_back(static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(taken).count()));
  free_.push_back(client);
}

// A connection that broke is not used again.
void Pacer::give_up(std::size_t client) {
  ++socket_errors_;
  clients_[client].socket.reset();
}

void Pacer::print() {
  std::sort(latencies_us_.begin(), latencies_us_.end());
  const auto at = [this](double share) {
    if (latencies_us_.empty()) return 0U;
    const auto index = share * static_cast<double>(latencies_us_.size() - 1);
    return latencies_us_[static_cast<std::size_t>(index)];
  };
  std::printf(
      "{\"requests\": %zu, \"seconds\": %u, \"p50\": %u, \"p99\": %u, \"socket_errors\": %llu, "
      "\"timeouts\": %zu, \"bad_statuses\": %llu}\n",
      latencies_us_.size(), arguments_.seconds, at(0.5), at(0.99),
      static_cast<unsigned long long>(socket_errors_), late_.size(),
      static_cast<unsigned long long>(bad_statuses_));
}

int run(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("Usage: tandem-pacer PORT CONNECTIONS RATE SECONDS TARGET\n", stderr);
    return 2;
  }
  const Arguments arguments{.port = number<std::uint16_t>(argv[1]),
                            .connections = number<unsigned>(argv[2]),
                            .rate = std::max(1U, number<unsigned>(argv[3])),
                            .seconds = number<unsigned>(argv[4]),
                            .target = argv[5]};
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // the default of 50 us is half a step
  Pacer pacer(arguments);
  if (!pacer.connect_all()) {
    std::perror("tandem-pacer");
    return 1;
  }
  pacer.run();
  pacer.print();
  return 0;
}

}  // namespace
}  // namespace tandem::testing

int main(int argc, char** argv) { return tandem::testing::run(argc, argv); }
