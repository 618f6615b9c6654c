// Both ends of a peer link on one loop, over the loopback addresses 127.0.0.1 (lb1, dials) and
// 127.0.0.2 (lb2, listens); and a stranger who can speak as much of the protocol as a test wants.
#pragma once

#include "common/event/loop.h"
#include "common/event/poller.h"
#include "common/event/timer.h"
#include "failover/peer/link.h"
#include "failover/peer/tcp.h"
#include "test/unit/failover/peer/tls_pair.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::failover::peer {

inline constexpr std::string_view kSecret = "twenty-four characters!!";
inline constexpr std::string_view kOtherSecret = "not the same characters!";

inline IpAddress loopback(std::uint8_t last) {
  return IpAddress(std::array<std::uint8_t, 4>{127, 0, 0, last});
}

inline Status some_status(machine::Role role, std::uint8_t priority) {
  return {.routers = {{.name = "main",
                       .vrid = 51,
                       .is_v6 = false,
                       .role = role,
                       .priority = priority,
                       .reason = "base 100, lb ready"}},
          .is_fit = true,
          .fitness = ""};
}

/// One node's end and what it was told.
struct End {
  std::vector<Hello> ups;
  std::vector<PeerLink::Down> downs;
  std::vector<Status> statuses;
  std::vector<Instant> as_of;
  std::vector<std::string> let_gos;
  std::vector<Instant> let_gos_as_of;
  std::function<void(const Request&, Answer)> on_request;
  std::unique_ptr<PeerLink> link;

  PeerLink::Callbacks callbacks() {
    return {.on_up = [this](const Hello& hello) { ups.push_back(hello); },
            .on_down = [this](const PeerLink::Down& down) { downs.push_back(down); },
            .on_status =
                [this](const Status& status, Instant when) {
                  statuses.push_back(status);
                  as_of.push_back(when);
                },
            .on_let_go =
                [this](const std::string& router, Instant when) {
                  let_gos.push_back(router);
                  let_gos_as_of.push_back(when);
                },
            .on_request =
                [this](const Request& request, Answer answer) {
                  if (on_request) on_request(request, std::move(answer));
                }};
  }
};

struct Rig {
  event::Loop loop;
  event::Poller poller{loop};
  std::unique_ptr<PeerListener> listener =
      std::make_unique<PeerListener>(poller, loopback(2), std::uint16_t{0});
  PeerListener unused{poller, loopback(1), 0};  // of the node that dials
  std::uint16_t port = 0;
  Milliseconds heartbeat{20};
  End dialler;
  End answerer;

  PeerLink::Settings settings(std::uint8_t own, std::uint8_t other) const {
    return {.hello = {.node = fmt::format("lb{}", own),
                      .version = "0.1.0",
                      .config_hash = "c0ffee",
                      .started_at = {},
                      .heartbeat = {}},
            .own_address = loopback(own),
            .peer_node = fmt::format("lb{}", other),
            .peer_address = loopback(other),
            .port = port,
            .credentials = credentials(kSecret),
            .heartbeat = heartbeat};
  }

  PeerLink& open_answerer(PeerLink::Settings of_link) {
    answerer.link =
        std::make_unique<PeerLink>(poller, *listener, std::move(of_link), answerer.callbacks());
    REQUIRE(answerer.link->open().has_value());
    port = listener->address().port();
    return *answerer.link;
  }
  PeerLink& open_answerer() { return open_answerer(settings(2, 1)); }

  PeerLink& open_dialler(PeerLink::Settings of_link) {
    dialler.link =
        std::make_unique<PeerLink>(poller, unused, std::move(of_link), dialler.callbacks());
    REQUIRE(dialler.link->open().has_value());
    return *dialler.link;
  }
  PeerLink& open_dialler() { return open_dialler(settings(1, 2)); }

  /// Both ends up.
  void connect() {
    open_answerer();
    open_dialler();
    run_until([this] { return dialler.link->is_up() && answerer.link->is_up(); });
  }

  template <class Condition>
  void run_until(Condition condition) {
    bool is_too_late = false;
    event::Timer patience(loop, [&is_too_late] { is_too_late = true; });
    patience.start(std::chrono::seconds(30));
    while (!condition()) {
      REQUIRE_FALSE(is_too_late);
      loop.run_once();
    }
  }
};

/// Somebody at 127.0.0.1 who speaks TLS if he is given credentials, and keeps what he hears.
class Stranger final : public event::Socket {
 public:
  Stranger(event::Poller& poller, std::uint16_t port,
           std::shared_ptr<const Credentials> of_stranger)
      : Socket(poller) {
    auto fd = dial(loopback(1), loopback(2), port);
    REQUIRE(fd.has_value());
    attach(fd->release());
    if (of_stranger) tls_.emplace(std::move(of_stranger), TlsStream::Side::kDials, "lb2");
    REQUIRE(watch());
  }

  std::vector<Message> heard;
  std::string raw;  // what came, without TLS
  bool is_reading = true;
  bool is_ended = false;
  std::function<void()> when_secure;

  void say(const Message& message) {
    auto frame = encode(message);
    REQUIRE(frame.has_value());
    say_bytes(*frame);
  }
  void say_bytes(std::string_view bytes) {
    if (!tls_) return send(bytes);
    tls_->send(bytes);
    flush();
  }
  void say_hello(const std::string& node = "lb1") {
    say(Hello{.node = node,
              .version = "0.0.0",
              .config_hash = "",
              .started_at = {},
              .heartbeat = kHeartbeatMin});
  }

 private:
  void on_ready() override {
    if (is_connecting_ && connect_result(fd()) != 0) return;
    if (std::exchange(is_connecting_, false)) begin();
    std::array<char, 4096> bytes;
    while (is_reading && is_open() && readable()) take(bytes);
  }

  void begin() {
    std::string nothing;
    if (tls_) tls_->receive({}, nothing);
    if (tls_) return flush();
    if (when_secure) when_secure();
  }

  void take(std::array<char, 4096>& bytes) {
    const event::Transfer got = read(bytes);
    if (got.status == event::Transfer::Status::kBlocked) return;
    if (got.status != event::Transfer::Status::kDone) {
      is_ended = true;
      return close();
    }
    if (!tls_) {
      raw.append(bytes.data(), got.bytes);
      return;
    }
    const bool was_secure = tls_->state() == TlsStream::State::kSecure;
    std::string plain;
    tls_->receive({bytes.data(), got.bytes}, plain);
    flush();
    decoder_.feed(plain);
    for (auto message = decoder_.next(); message && *message; message = decoder_.next())
      heard.push_back(std::move(**message));
    if (!was_secure && tls_->state() == TlsStream::State::kSecure && when_secure) when_secure();
  }

  void flush() {
    std::string out;
    tls_->take_output(out);
    send(out);
  }

  void send(std::string_view bytes) {
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    if (!bytes.empty() && is_open()) static_cast<void>(write({&piece, 1}));
  }

  std::optional<TlsStream> tls_;
  Decoder decoder_;
  bool is_connecting_ = true;
};

}  // namespace tandem::failover::peer
