// A worker's parts in one thread, with real loopback sockets: the test is the client and the
// server, and turns the loop itself.
#pragma once

#include "common/event/timer.h"
#include "lb/proxy/acceptor.h"
#include "lb/proxy/placement.h"
#include "lb/proxy/request_slot.h"
#include "test/unit/lb/proxy/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::proxy {

struct Listening {
  explicit Listening(int buffer_bytes = 0)
      : socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (buffer_bytes > 0) {  // accepted sockets inherit it
      setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    }
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(socket.get(), 16) == 0);
    socklen_t size = sizeof any;
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
    address = SocketAddress(reinterpret_cast<sockaddr*>(&any), size);
  }
  FileDescriptor socket;
  SocketAddress address;
};

/// One frontend with one backend, whose first server is `origin`.
struct Stage {
  using MakeSnapshot = std::function<config::Snapshot(const SocketAddress& server)>;

  explicit Stage(const MakeSnapshot& make_snapshot, int client_buffer_bytes = 0)
      : frontend_socket(client_buffer_bytes), snapshot(make_snapshot(origin.address)) {
    std::signal(SIGPIPE, SIG_IGN);
    context.backends.push_back(std::make_unique<upstream::LocalBackend>(
        0,
        upstream::LocalBackend::Parts{.snapshot = snapshot,
                                      .shared = shared,
                                      .figures = figures,
                                      .poller = poller,
                                      .wheel = wheel,
                                      .worker = 0,
                                      .workers = 1,
                                      .seed = 1},
        links, [this](upstream::Ticket ticket, config::BackendIndex, balance::ServerIndex server) {
          grants.emplace_back(ticket.id, server);
          poller.end_turn_soon();
        }));
    poller.set_on_turn_end([this] { serve_grants(); });
    set_standing({});
    acceptor.emplace(context, connections, Acceptor::Place{0, 0}, nullptr,
                     frontend_socket.socket.release());
    // The loop never waits for long, so that a test may look in between.
    heartbeat.start_periodic(Milliseconds(1), Milliseconds(1));
  }
  /// All servers usable, with `wish` on top of what the configuration says.
  void set_standing(const upstream::ServerStanding& wish) {
    upstream::BackendStanding standing;
    for (const config::Server& server : snapshot.backends[0].servers) {
      upstream::ServerStanding one = wish;
      one.weight = 16;
      one.usable = true;
      one.address = server.address;
      standing.servers.push_back(one);
    }
    context.backends[0]->apply(standing);
  }
  ~Stage() {
    connections.for_each([](ClientConnection& connection) { connection.stop_now(); });
    loop.run_once();
  }

  template <class Until>
  void turns(Until until) {
    bool holds = until();
    for (int i = 0; i < 2000 && !holds; ++i) {
      loop.run_once();
      holds = until();
    }
    REQUIRE(holds);
  }
  void some_turns() {
    for (int i = 0; i < 20; ++i) loop.run_once();
  }
  FileDescriptor client() {
    FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress& to = frontend_socket.address;
    REQUIRE(::connect(fd.get(), to.data(), to.size()) == 0);
    return fd;
  }
  FileDescriptor accept() {
    FileDescriptor fd;
    turns([&] {
      fd.reset(::accept4(origin.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
      return static_cast<bool>(fd);
    });
    return fd;
  }
  [[nodiscard]] bool nobody_connects() {
    some_turns();
    return !FileDescriptor(::accept4(origin.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  /// Reads until `text` holds `what`, or, with an empty one, until the end. @return all of it.
  std::string receive(int fd, std::string_view what = "") {
    std::string text;
    std::array<char, 65536> block;
    turns([&] {
      const ssize_t count = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
      if (count > 0) text.append(block.data(), static_cast<std::size_t>(count));
      if (count < 0 && errno == ECONNRESET) text += "<RST>";
      const bool ended = count == 0 || (count < 0 && errno == ECONNRESET);
      return what.empty() ? ended : ended || text.find(what) != std::string::npos;
    });
    return text;
  }
  static void send_text(int fd, std::string_view text) {
    REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  void serve_grants() {
    for (std::size_t i = 0; i < grants.size(); ++i) {
      const auto [ticket, server] = grants[i];
      const auto waiting = context.waiting.find(ticket);
      if (waiting == context.waiting.end()) {
        context.backends[0]->give_place_back(server);
        continue;
      }
      PlaceWaiter& waiter = *waiting->second;
      context.waiting.erase(waiting);
      waiter.on_place(server);
    }
    grants.clear();
  }
  /// How many ended so.
  [[nodiscard]] std::uint64_t ended(char cause, char phase) const {
    const std::size_t index = figures::termination_index(cause, phase);
    return figures.frontend(0).terminations[index].value();
  }
  [[nodiscard]] std::uint32_t load() const { return shared.servers[0][0].load; }

  Listening origin;
  Listening frontend_socket;
  config::Snapshot snapshot;
  event::Loop loop;
  event::Poller poller{loop};
  event::Wheel wheel{loop};
  event::Timer heartbeat{loop, [] {}};
  upstream::Shared shared{snapshot};
  figures::WorkerFigures figures{snapshot};
  figures::Captures captures{snapshot};
  AccessLog access_log{snapshot, nullptr, 0, figures.worker()};
  std::vector<route::Router> routers = [this] {
    std::vector<route::Router> made;
    made.emplace_back(snapshot.frontends[0]);
    return made;
  }();
  upstream::BackendLinks links{snapshot.backends[0], shared.backends[0], shared.servers[0], 1};
  Context context{.loop = loop,
                  .poller = poller,
                  .wheel = wheel,
                  .snapshot = snapshot,
                  .shared = shared,
                  .figures = figures,
                  .captures = captures,
                  .access_log = access_log,
                  .routers = routers,
                  .worker = 0,
                  .report_error_limit = [](const Observation&) {}};
  IntrusiveList<ClientConnection, InWorkerList> connections;
  std::vector<std::pair<std::uint64_t, balance::ServerIndex>> grants;
  std::optional<Acceptor> acceptor;
};

}  // namespace tandem::lb::proxy
