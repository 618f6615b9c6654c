#include "failover/peer/link.h"

#include "test/unit/failover/peer/rig.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover::peer {
namespace {

using machine::Role;

TEST_CASE("the lower address dials, and both ends learn who the other is") {
  Rig rig;
  rig.connect();
  CHECK(rig.dialler.link->dials());
  CHECK_FALSE(rig.answerer.link->dials());
  CHECK(rig.dialler.ups.at(0).node == "lb2");
  CHECK(rig.answerer.ups.at(0).node == "lb1");
  CHECK(rig.answerer.ups.at(0).config_hash == "c0ffee");
  CHECK(rig.dialler.link->trouble().empty());
  CHECK(rig.dialler.link->counters().ups == 1);
  CHECK(rig.answerer.link->counters().ups == 1);
}

TEST_CASE("a node that only dials opens no port") {
  Rig rig;
  rig.connect();
  CHECK_FALSE(rig.unused.is_open());
}

TEST_CASE("what a node told before the link came up is heard as soon as it is up") {
  Rig rig;
  rig.open_answerer();
  rig.open_dialler().tell(some_status(Role::kActive, 150));
  rig.run_until([&] { return !rig.answerer.statuses.empty(); });
  CHECK(rig.answerer.statuses.at(0) == some_status(Role::kActive, 150));
}

TEST_CASE("what a node tells at whatever moment of the handshake is heard") {
  // The moment is a turn of the loop, which both ends share; some turns later the link is up.
  const int turn = GENERATE(range(0, 24));
  CAPTURE(turn);
  Rig rig;
  rig.open_answerer();
  rig.open_dialler();
  for (int i = 0; i < turn && !rig.dialler.link->is_up(); ++i) rig.loop.run_once();
  rig.dialler.link->tell(some_status(Role::kActive, 150));
  rig.answerer.link->tell(some_status(Role::kBackup, 100));
  rig.run_until([&] { return !rig.answerer.statuses.empty() && !rig.dialler.statuses.empty(); });
  CHECK(rig.answerer.statuses.at(0) == some_status(Role::kActive, 150));
  CHECK(rig.dialler.statuses.at(0) == some_status(Role::kBackup, 100));
}

TEST_CASE("a change is heard at once, without waiting for a heartbeat") {
  Rig rig;
  rig.heartbeat = kHeartbeatMax;
  rig.connect();
  rig.dialler.link->tell(some_status(Role::kBackup, 100));
  rig.run_until([&] { return !rig.answerer.statuses.empty(); });
  const auto sent = rig.dialler.link->counters().messages_sent;
  CHECK(rig.answerer.statuses.back() == some_status(Role::kBackup, 100));
  rig.dialler.link->tell(some_status(Role::kBackup, 100));
  CHECK(rig.dialler.link->counters().messages_sent == sent);  // nothing new
}

TEST_CASE("each heartbeat tells again how the peer stands, and since when that is known") {
  Rig rig;
  rig.connect();
  rig.dialler.link->tell(some_status(Role::kActive, 150));
  rig.run_until([&] { return rig.answerer.statuses.size() >= 5; });
  CHECK(rig.answerer.statuses.back() == some_status(Role::kActive, 150));
  CHECK(std::ranges::is_sorted(rig.answerer.as_of));
  CHECK(rig.answerer.as_of.front() < rig.answerer.as_of.back());
  CHECK(rig.answerer.as_of.back() < Clock::now());
  REQUIRE(rig.answerer.link->session() != nullptr);
  CHECK(rig.answerer.link->session()->round_trip().has_value());
}

TEST_CASE("\"take it now\" is written in the call that says it, in both directions") {
  Rig rig;
  rig.heartbeat = kHeartbeatMax;
  rig.connect();
  CHECK(rig.dialler.link->let_go("main"));
  rig.run_until([&] { return !rig.answerer.let_gos.empty(); });
  CHECK(rig.answerer.link->let_go("main/6"));
  rig.run_until([&] { return !rig.dialler.let_gos.empty(); });
  CHECK(rig.answerer.let_gos == std::vector<std::string>{"main"});
  CHECK(rig.dialler.let_gos == std::vector<std::string>{"main/6"});
  CHECK(rig.dialler.link->counters().let_gos_sent == 1);
  CHECK(rig.dialler.link->counters().let_gos_received == 1);
}

TEST_CASE("\"take it now\" is as young as what its sender heard last") {
  Rig rig;
  rig.heartbeat = kHeartbeatMax;  // none comes by itself meanwhile
  rig.connect();
  const Instant before = Clock::now();
  rig.answerer.link->tell(some_status(Role::kBackup, 100));
  rig.run_until([&] { return !rig.dialler.statuses.empty(); });
  CHECK(rig.dialler.link->let_go("main"));
  rig.run_until([&] { return !rig.answerer.let_gos.empty(); });
  CHECK(rig.answerer.let_gos_as_of.at(0) >= before);
}

TEST_CASE("\"take it now\" said right before the end of the sender still arrives, before the end") {
  Rig rig;
  rig.connect();
  CHECK(rig.dialler.link->let_go("main"));
  rig.dialler.link.reset();
  rig.run_until([&] { return !rig.answerer.downs.empty(); });
  CHECK(rig.answerer.let_gos == std::vector<std::string>{"main"});
}

TEST_CASE("without a link \"take it now\" says that it has not left") {
  Rig rig;
  CHECK_FALSE(rig.open_answerer().let_go("main"));
  CHECK(rig.answerer.link->counters().let_gos_sent == 0);
}

TEST_CASE("a request is answered, whenever the other node is ready to") {
  Rig rig;
  std::optional<Answer> open;
  Request heard;
  rig.answerer.on_request = [&](const Request& request, Answer answer) {
    heard = request;
    open.emplace(std::move(answer));
  };
  rig.connect();
  std::optional<Outcome> outcome;
  rig.dialler.link->request("yield", {{"router", "main"}}, std::chrono::seconds(30),
                            [&](Outcome got) { outcome = std::move(got); });
  rig.run_until([&] { return open.has_value(); });
  CHECK(heard.name == "yield");
  CHECK(heard.argument == Json{{"router", "main"}});
  CHECK_FALSE(outcome.has_value());
  (*open)({.ok = true, .words = "released", .value = {{"after", 12}}});
  rig.run_until([&] { return outcome.has_value(); });
  CHECK(*outcome == Outcome{.ok = true, .words = "released", .value = {{"after", 12}}});
}

TEST_CASE("a request that nobody answers is refused in words") {
  Rig rig;
  rig.answerer.on_request = [](const Request&, const Answer&) {};
  rig.connect();
  std::optional<Outcome> outcome;
  rig.dialler.link->request("claim", {}, std::chrono::seconds(30),
                            [&](Outcome got) { outcome = std::move(got); });
  rig.run_until([&] { return outcome.has_value(); });
  CHECK_FALSE(outcome->ok);
  CHECK(outcome->words == "nobody answered it");
}

TEST_CASE("a request whose time is over has failed, and a late answer changes nothing") {
  Rig rig;
  std::optional<Answer> open;
  rig.answerer.on_request = [&](const Request&, Answer answer) { open.emplace(std::move(answer)); };
  rig.connect();
  std::vector<Outcome> outcomes;
  rig.dialler.link->request("claim", {}, Milliseconds(1),
                            [&](Outcome got) { outcomes.push_back(std::move(got)); });
  rig.run_until([&] { return !outcomes.empty() && open; });
  CHECK(outcomes.at(0).words == "the other node did not answer in time");
  CHECK_FALSE(outcomes.at(0).is_known);
  (*open)({.ok = true, .words = "", .value = {}});
  const auto seen = rig.dialler.link->counters().messages_received;
  rig.run_until([&] { return rig.dialler.link->counters().messages_received > seen + 3; });
  CHECK(outcomes.size() == 1);
}

TEST_CASE("requests fail in words when the link goes down, and at once while it is down") {
  Rig rig;
  std::optional<Answer> open;
  rig.answerer.on_request = [&](const Request&, Answer answer) { open.emplace(std::move(answer)); };
  rig.connect();
  std::optional<Outcome> waiting;
  rig.dialler.link->request("claim", {}, std::chrono::seconds(30),
                            [&](Outcome got) { waiting = std::move(got); });
  rig.run_until([&] { return open.has_value(); });
  rig.answerer.link.reset();
  rig.run_until([&] { return waiting.has_value(); });
  CHECK(waiting->words == "the link to lb2 went down: it stops");
  CHECK_FALSE(waiting->is_known);
  std::optional<Outcome> at_once;
  rig.dialler.link->request("claim", {}, std::chrono::seconds(30),
                            [&](Outcome got) { at_once = std::move(got); });
  REQUIRE(at_once.has_value());
  CHECK_FALSE(at_once->ok);
  CHECK(at_once->is_known);
  open.reset();  // an answer outlives the link it was asked on
}

TEST_CASE("more requests than may wait are refused without being sent") {
  Rig rig;
  std::vector<Answer> open;
  rig.answerer.on_request = [&](const Request&, Answer answer) {
    open.push_back(std::move(answer));
  };
  rig.connect();
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < kRequestsMax + 1; ++i)
    rig.dialler.link->request("claim", {}, std::chrono::seconds(30),
                              [&](Outcome got) { outcomes.push_back(std::move(got)); });
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes.at(0).words == "too many requests wait for the other node");
  rig.run_until([&] { return open.size() == kRequestsMax; });
}

TEST_CASE("a request that is too long is refused here, and the link stays up") {
  Rig rig;
  rig.connect();
  std::optional<Outcome> outcome;
  rig.dialler.link->request("servers", std::string(kBodyBytesMax, 'x'), std::chrono::seconds(30),
                            [&](Outcome got) { outcome = std::move(got); });
  REQUIRE(outcome.has_value());
  CHECK(outcome->words == "the request is too long");
  CHECK(rig.dialler.link->is_up());
}

TEST_CASE("an orderly end is told from a failure, with the words it came with") {
  Rig rig;
  rig.connect();
  rig.dialler.link->set_farewell("it reloads");
  rig.dialler.link.reset();
  rig.run_until([&] { return !rig.answerer.downs.empty(); });
  CHECK(rig.answerer.downs.at(0).is_orderly);
  CHECK(rig.answerer.downs.at(0).words == "it reloads");
  CHECK(rig.answerer.link->counters().downs_orderly == 1);
  CHECK(rig.answerer.link->counters().downs_lost == 0);
}

TEST_CASE("either end may be made anew, and the link comes back") {
  Rig rig;
  rig.connect();
  SECTION("the one that dials") {
    rig.dialler.link.reset();
    rig.open_dialler();
  }
  SECTION("the one that listens, with its port") {
    rig.answerer.link.reset();
    rig.listener = std::make_unique<PeerListener>(rig.poller, loopback(2), rig.port);
    rig.open_answerer();
  }
  rig.run_until([&] { return rig.answerer.ups.size() == 2 && rig.dialler.ups.size() == 2; });
  CHECK(rig.dialler.link->is_up());
  CHECK(rig.answerer.link->is_up());
}

TEST_CASE("the one that dials waits for the other to appear") {
  Rig rig;
  rig.open_answerer();
  rig.answerer.link.reset();
  rig.listener.reset();
  rig.open_dialler();
  rig.run_until([&] { return rig.dialler.link->counters().unreachable >= 2; });
  CHECK(rig.dialler.link->trouble() == "Connection refused");
  rig.listener = std::make_unique<PeerListener>(rig.poller, loopback(2), rig.port);
  rig.open_answerer();
  rig.run_until([&] { return rig.dialler.link->is_up(); });
}

TEST_CASE("addresses that cannot be a pair are refused when the link is opened") {
  Rig rig;
  auto settings = rig.settings(1, 1);
  PeerLink same(rig.poller, rig.unused, settings, {});
  CHECK_FALSE(same.open().has_value());
  settings.peer_address = IpAddress(std::array<std::uint8_t, 16>{});
  PeerLink mixed(rig.poller, rig.unused, settings, {});
  CHECK_FALSE(mixed.open().has_value());
}

}  // namespace
}  // namespace tandem::failover::peer
