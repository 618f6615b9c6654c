// One loop with a scripted server on loopback and a real prober, for tests of the kinds of checks.
#pragma once

#include "common/event/loop.h"
#include "common/event/poller.h"
#include "common/event/timer.h"
#include "lb/health/probes.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::lb::health {

inline SocketAddress bound_address(int fd) {
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  return {reinterpret_cast<const sockaddr*>(&bound), size};
}

/// What a scripted server does with each connection.
struct Script {
  enum class Then { kClose, kReset, kStayOpen };
  std::string answer = {};
  Then then = Then::kClose;
  bool wait_for_request = true;  // answer only after the empty line of a request
  bool byte_by_byte = false;     // one byte in each turn of the loop
};

/// A test's end of a connection.
class LoopbackPeer : public event::Socket {
 protected:
  LoopbackPeer(event::Poller& poller, int fd) : Socket(poller) {
    attach(fd);
    REQUIRE(watch());
  }

  /// Appends what has come. @return whether anything has.
  bool hear(std::string& heard) {
    const std::size_t before = heard.size();
    std::array<char, 1024> bytes;
    while (is_open() && readable()) {
      const event::Transfer got = read(bytes);
      if (got.status != event::Transfer::Status::kDone) break;
      heard.append(bytes.data(), got.bytes);
    }
    return heard.size() > before;
  }
};

/// Accepts on a free port of 127.0.0.1.
class LoopbackServer : public event::Socket {
 public:
  using MakePeer = std::function<std::unique_ptr<LoopbackPeer>(int fd)>;

  LoopbackServer(event::Poller& poller, MakePeer make_peer)
      : Socket(poller), make_peer_(std::move(make_peer)) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    attach(fd);
    const SocketAddress any = *SocketAddress::parse("127.0.0.1:0");
    REQUIRE(::bind(fd, any.data(), any.size()) == 0);
    REQUIRE(::listen(fd, 16) == 0);
    REQUIRE(watch());
  }

  [[nodiscard]] SocketAddress address() const { return bound_address(fd()); }

 private:
  void on_ready() override {
    for (;;) {
      const int accepted = ::accept4(fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) return;
      peers_.push_back(make_peer_(accepted));
    }
  }

  MakePeer make_peer_;
  std::vector<std::unique_ptr<LoopbackPeer>> peers_;
};

class ScriptedPeer final : public LoopbackPeer {
 public:
  ScriptedPeer(event::Poller& poller, int fd, const Script& script, std::string& request)
      : LoopbackPeer(poller, fd),
        script_(script),
        request_(request),
        pace_(poller.loop(), [this] { send_next(); }) {
    if (!script_.wait_for_request) answer();
  }

 private:
  void on_ready() override {
    if (hear(request_) && script_.wait_for_request && request_.ends_with("\r\n\r\n")) answer();
  }

  void answer() {
    if (script_.byte_by_byte) return pace_.start(Milliseconds(0));
    send(script_.answer);
    end();
  }

  void send_next() {
    if (sent_ == script_.answer.size()) return end();
    send(script_.answer.substr(sent_, 1));
    ++sent_;
    pace_.start(Milliseconds(0));
  }

  void send(std::string text) {
    if (text.empty()) return;
    const iovec piece{.iov_base = text.data(), .iov_len = text.size()};
    (void)write({&piece, 1});  // a probe that has seen enough may be gone
  }

  void end() {
    if (script_.then == Script::Then::kClose) ::shutdown(fd(), SHUT_WR);
    if (script_.then == Script::Then::kReset) close_with_reset();
  }

  Script script_;
  std::string& request_;
  std::size_t sent_ = 0;
  event::Timer pace_;
};

class ScriptedServer final : public LoopbackServer {
 public:
  ScriptedServer(event::Poller& poller, Script script)
      : LoopbackServer(poller, [this, &poller, script = std::move(script)](int fd) {
          return std::make_unique<ScriptedPeer>(poller, fd, script, request_);
        }) {}

  [[nodiscard]] const std::string& request() const { return request_; }

 private:
  std::string request_;
};

/// Everything together; ends with the loop closed and nothing left on it.
class ProbeHarness {
 public:
  static constexpr Milliseconds kGenerous{10'000};

  event::Loop& loop() { return loop_; }
  event::Poller& poller() { return poller_; }

  /// Checks `address` once.
  Result probe(const SocketAddress& address, const config::Check& check,
               Milliseconds timeout = kGenerous) {
    std::optional<Result> result;
    const auto prober = make_socket_prober(poller_);
    std::unique_ptr<Probe> probe;
    probe =
        prober->start({.address = address, .check = &check, .timeout = timeout}, [&](Result found) {
          result = std::move(found);
          probe.reset();
        });
    REQUIRE_FALSE(result.has_value());  // never from within start()
    while (!result) loop_.run_once();
    return *result;
  }

  /// Checks a server that follows `script`; request() is what it was sent.
  Result probe(Script script, const config::Check& check, Milliseconds timeout = kGenerous) {
    ScriptedServer server(poller_, std::move(script));
    Result result = probe(server.address(), check, timeout);
    request_ = server.request();
    return result;
  }
  [[nodiscard]] const std::string& request() const { return request_; }

  /// An address that nobody listens on.
  SocketAddress dead_address() {
    const ScriptedServer server(poller_, {});
    return server.address();
  }

 private:
  event::Loop loop_;
  event::Poller poller_{loop_};
  std::string request_;
};

inline std::string show(const Result& result) {
  return std::string(status_code(result.status)) + " " + std::to_string(result.code) + " " +
         result.description;
}

}  // namespace tandem::lb::health
