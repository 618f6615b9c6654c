// What a peer, or somebody in its place, may do wrong.
#include "failover/peer/link.h"
#include "test/unit/failover/peer/rig.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover::peer {
namespace {

/// A Stranger who is connected as lb1 in place of the real one.
struct Impostor {
  Rig rig;
  std::unique_ptr<Stranger> stranger;

  explicit Impostor(const std::string& node = "lb1") {
    rig.open_answerer();
    stranger = std::make_unique<Stranger>(rig.poller, rig.port, credentials(kSecret));
    stranger->when_secure = [this, node] { stranger->say_hello(node); };
  }

  [[nodiscard]] const Counters& counters() const { return rig.answerer.link->counters(); }
  void come_up() {
    rig.run_until([this] { return rig.answerer.link->is_up(); });
  }
  const PeerLink::Down& wait_for_down() {
    rig.run_until([this] { return !rig.answerer.downs.empty(); });
    return rig.answerer.downs.at(0);
  }
};

TEST_CASE("a node with another secret is refused by both ends, in words") {
  Rig rig;
  rig.open_answerer();
  auto settings = rig.settings(1, 2);
  settings.credentials = credentials(kOtherSecret);
  rig.open_dialler(settings);
  rig.run_until([&] {
    return rig.dialler.link->counters().handshake_failures >= 2 &&
           rig.answerer.link->counters().handshake_failures >= 2;
  });
  CHECK(rig.answerer.link->trouble() == "its secret is not ours");
  CHECK(rig.dialler.link->trouble() == "its secret is not ours");
  CHECK(rig.dialler.ups.empty());
  CHECK(rig.answerer.ups.empty());
}

TEST_CASE("whoever does not speak TLS is refused") {
  Rig rig;
  rig.open_answerer();
  Stranger stranger(rig.poller, rig.port, nullptr);
  const std::string said = GENERATE(std::string("GET / HTTP/1.1\r\nHost: lb2\r\n\r\n"),
                                    std::string(64, '\0'), std::string("\x16\x03\x01\xff\xff"));
  stranger.when_secure = [&] { stranger.say_bytes(said + std::string(70'000, 'x')); };
  rig.run_until([&] { return stranger.is_ended; });
  CHECK(rig.answerer.link->counters().handshake_failures == 1);
  CHECK_FALSE(rig.answerer.link->trouble().empty());
}

TEST_CASE("whoever connects and says nothing is let go after the time of a handshake") {
  Rig rig;
  rig.open_answerer();
  SECTION("before TLS") {
    Stranger stranger(rig.poller, rig.port, nullptr);
    rig.run_until([&] { return stranger.is_ended; });
  }
  SECTION("after TLS") {
    Stranger stranger(rig.poller, rig.port, credentials(kSecret));
    rig.run_until([&] { return stranger.is_ended; });
  }
  CHECK(rig.answerer.link->counters().handshake_failures == 1);
  CHECK(rig.answerer.link->trouble() == "it did not say who it is in time");
}

TEST_CASE("silent connections in the peer's name do not keep the peer out") {
  Rig rig;
  rig.open_answerer();
  std::vector<std::unique_ptr<Stranger>> crowd;
  for (int i = 0; i < 8; ++i)
    crowd.push_back(std::make_unique<Stranger>(rig.poller, rig.port, nullptr));
  rig.run_until([&] { return rig.answerer.link->counters().crowded_out == 4; });
  rig.open_dialler();
  rig.run_until([&] { return rig.answerer.link->is_up() && rig.dialler.link->is_up(); });
  CHECK(rig.dialler.ups.size() == 1);
}

TEST_CASE("a connection from an address that is no node's is closed and counted") {
  Rig rig;
  rig.open_answerer();
  auto settings = rig.settings(1, 2);
  rig.answerer.link.reset();
  auto of_other = rig.settings(2, 1);
  of_other.own_address = loopback(9);
  of_other.peer_address = loopback(8);
  rig.open_answerer(of_other);
  rig.open_dialler(settings);
  rig.run_until([&] { return rig.listener->strangers() >= 1; });
  CHECK_FALSE(rig.dialler.link->is_up());
}

TEST_CASE("the right secret with another name is refused") {
  struct Row {
    std::string node;
    std::string words;
  };
  const auto row = GENERATE(values<Row>({{"lb3", "it says that it is lb3, not lb1"},
                                         {"lb2", "it says that it is lb2, which is this node"}}));
  Impostor impostor(row.node);
  impostor.rig.run_until([&] { return impostor.stranger->is_ended; });
  CHECK(impostor.counters().refused_hellos == 1);
  CHECK(impostor.rig.answerer.link->trouble() == row.words);
  CHECK(impostor.rig.answerer.ups.empty());
}

TEST_CASE("whoever speaks before saying who it is is refused, and not believed") {
  Impostor impostor;
  impostor.stranger->when_secure = [&] { impostor.stranger->say(LetGo{.router = "main"}); };
  impostor.rig.run_until([&] { return impostor.stranger->is_ended; });
  CHECK(impostor.counters().refused_hellos == 1);
  CHECK(impostor.rig.answerer.let_gos.empty());
}

TEST_CASE("a peer that falls silent counts as gone, and that is no orderly end") {
  Impostor impostor;
  impostor.come_up();
  const auto& down = impostor.wait_for_down();
  CHECK_FALSE(down.is_orderly);
  CHECK(down.words == "it was silent for 200ms");
  CHECK(impostor.counters().downs_silent == 1);
  impostor.rig.run_until([&] { return impostor.stranger->is_ended; });
}

TEST_CASE("whoever did not run for a while reads what has come before it believes in silence") {
  Impostor impostor;
  impostor.come_up();
  PeerLink& link = *impostor.rig.answerer.link;
  while (Clock::now() <= link.session()->silent_at()) {
  }
  impostor.stranger->say(LetGo{.router = "main"});
  impostor.rig.run_until([&] {
    return !impostor.rig.answerer.let_gos.empty() || !impostor.rig.answerer.downs.empty();
  });
  CHECK(link.is_up());
}

TEST_CASE("a peer whose connection breaks off counts as failed, not as gone in order") {
  Impostor impostor;
  impostor.come_up();
  const bool with_reset = GENERATE(false, true);
  if (with_reset)
    impostor.stranger->close_with_reset();
  else
    impostor.stranger->close();
  CHECK_FALSE(impostor.wait_for_down().is_orderly);
  CHECK(impostor.counters().downs_lost == 1);
  CHECK(impostor.counters().downs_orderly == 0);
}

TEST_CASE("what was said before the connection broke off is heard") {
  Impostor impostor;
  impostor.come_up();
  impostor.stranger->say(LetGo{.router = "main"});
  impostor.stranger->close();
  impostor.wait_for_down();
  CHECK(impostor.rig.answerer.let_gos == std::vector<std::string>{"main"});
}

TEST_CASE("what cannot be read ends the link and is counted") {
  struct Row {
    std::string bytes;
    std::string words;
  };
  using std::string_literals::operator""s;
  const auto row = GENERATE(values<Row>({
      {"\x7f\xff\xff\xff\x01\x04"s, "it sends a message of 2147483647 bytes"},
      {"\x00\x04\x00\x03\x01\x02"s, "it sends a message of 262147 bytes"},
      {"\x00\x00\x00\x01\x01\x04"s, "it sends a message of 1 bytes"},
      {"\x00\x00\x00\x02\x02\x04"s, "it speaks version 2 of the peer link, not 1"},
      {"\x00\x00\x00\x04\x01\x04{}"s, "its let-go cannot be read"},
  }));
  Impostor impostor;
  impostor.come_up();
  impostor.stranger->say_bytes(row.bytes);
  CHECK(impostor.wait_for_down().words == row.words);
  CHECK(impostor.counters().malformed == 1);
  CHECK(impostor.counters().downs_lost == 1);
}

TEST_CASE("a message of a newer version is passed over") {
  Impostor impostor;
  impostor.come_up();
  impostor.stranger->say(Unknown{.type = 99});
  impostor.stranger->say(LetGo{.router = "main"});
  impostor.rig.run_until([&] { return !impostor.rig.answerer.let_gos.empty(); });
  CHECK(impostor.counters().unknown_messages == 1);
}

TEST_CASE("a peer that reads nothing is dropped when too much waits for it") {
  Impostor impostor;
  impostor.come_up();
  impostor.stranger->is_reading = false;
  // Within one turn, so that it is not its silence that ends it.
  for (std::size_t i = 0; i < kRequestsMax; ++i)
    impostor.rig.answerer.link->request("servers", std::string(200 * 1024, 'x'),
                                        std::chrono::seconds(30), [](Outcome) {});
  impostor.wait_for_down();
  CHECK(impostor.counters().overflows == 1);
}

TEST_CASE(
    "a newer connection of the peer takes the place of the older one, once it has proved itself") {
  Impostor impostor;
  impostor.come_up();
  Stranger nobody(impostor.rig.poller, impostor.rig.port, nullptr);
  nobody.when_secure = [&] { nobody.say_bytes("hello?"); };
  impostor.rig.run_until([&] { return nobody.is_ended; });
  CHECK(impostor.rig.answerer.downs.empty());
  Stranger again(impostor.rig.poller, impostor.rig.port, credentials(kSecret));
  again.when_secure = [&] { again.say_hello(); };
  impostor.rig.run_until([&] { return impostor.rig.answerer.ups.size() == 2; });
  CHECK(impostor.rig.answerer.downs.at(0).words == "it has connected anew");
  CHECK(impostor.rig.answerer.link->is_up());
}

TEST_CASE("more open requests than a node answers are refused by it") {
  Impostor impostor;
  std::vector<Answer> open;
  impostor.rig.answerer.on_request = [&](const Request&, Answer answer) {
    open.push_back(std::move(answer));
  };
  impostor.come_up();
  for (std::uint32_t id = 0; id <= kRequestsMax; ++id)
    impostor.stranger->say(Request{.id = id, .name = "claim", .argument = {}});
  const auto refusal = [&]() -> const Reply* {
    for (const Message& message : impostor.stranger->heard)
      if (const auto* reply = std::get_if<Reply>(&message)) return reply;
    return nullptr;
  };
  impostor.rig.run_until([&] { return refusal() != nullptr; });
  CHECK(refusal()->id == kRequestsMax);
  CHECK(refusal()->outcome.words == "too many requests wait here");
  CHECK(open.size() == kRequestsMax);
}

}  // namespace
}  // namespace tandem::failover::peer
