// What tandem-failover makes of its part of the file, and what it refuses.
#include "failover/config/load.h"
#include "test/unit/config/scratch.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace tandem::failover::config {
namespace {

using tandem::config::Scratch;
using tandem::config::test_environment;
using tandem::config::texts;
using Texts = std::vector<std::string>;

constexpr std::string_view kNodes =
    R"("nodes": { "lb1": { "address": "192.0.2.11", "priority": 150 },
                  "lb2": { "address": "192.0.2.12", "priority": 100 } })";

/// One line, so that columns are easy to count.
std::string file(std::string_view more, std::string_view nodes = kNodes) {
  return fmt::format(R"({{"failover": {{"interface": "eth0", {}, {}}}}})", more, nodes);
}

std::string plain(std::string_view more) {
  return file(fmt::format(R"("vrid": 51, "vips": ["192.0.2.10/24"]{})", more));
}

LoadResult load_text(const Scratch& scratch, std::string_view text, std::string_view node = "",
                     std::string_view owned = "") {
  Identity identity;
  identity.node = node;
  identity.owns = [owned](const IpAddress& address) { return address.text() == owned; };
  return load({scratch.write("t", text)}, identity, test_environment());
}

Texts errors(std::string_view text, std::string_view node = "") {
  const Scratch scratch;
  return texts(load_text(scratch, text, node).errors, scratch);
}

std::string only_error(std::string_view text) {
  const Texts all = errors(text);
  REQUIRE(all.size() == 1);
  // Where in the line is the shape check's business.
  return all.front().substr(all.front().find(": /") + 2);
}

Settings settings(std::string_view text, std::string_view node = "") {
  const Scratch scratch;
  const LoadResult result = load_text(scratch, text, node);
  CHECK(texts(result.errors, scratch) == Texts{});
  REQUIRE(result.settings != nullptr);
  return *result.settings;
}

}  // namespace

TEST_CASE("The smallest pair has its defaults") {
  const Settings read = settings(plain(""));
  CHECK(read.version == 3);
  CHECK(read.interface == "eth0");
  CHECK(read.advert_interval == Milliseconds(100));
  CHECK_FALSE(read.unicast);
  CHECK(read.preempt);
  CHECK(read.preempt_delay == Milliseconds(0));
  CHECK(read.lease);
  CHECK(read.self.name == "lb1");  // the host name of the test's environment
  REQUIRE(read.peers.size() == 1);
  CHECK(read.peers[0].name == "lb2");
  REQUIRE(read.routers.size() == 1);
  CHECK(read.routers[0].name == "main");
  CHECK(read.routers[0].vrid == 51);
  CHECK(read.routers[0].priority == 150);
  CHECK(read.routers[0].vips[0].text() == "192.0.2.10/24");
  REQUIRE(read.track.lb.has_value());
  CHECK(read.track.lb->bind.text() == "unix:/run/tandem/pulse.sock");
  CHECK(read.track.lb->hang == Milliseconds(200));
  CHECK(read.track.lb->ready);
  CHECK(read.track.interfaces == std::vector<std::string>{"eth0"});
  CHECK(read.runtime.address.text() == "unix:/run/tandem/failover.sock");
  CHECK(read.runtime.mode == 0600);
  CHECK(read.admin.text() == "127.0.0.1:8405");
}

TEST_CASE("A node knows itself by what it is told, its host name, then its address") {
  const Scratch scratch;
  CHECK(load_text(scratch, plain(""), "lb2", "192.0.2.11").settings->self.name == "lb2");
  CHECK(load_text(scratch, plain(""), "", "192.0.2.12").settings->self.name == "lb1");
  const std::string others = file(R"("vrid": 51, "vips": ["192.0.2.10/24"])",
                                  R"("nodes": { "a": { "address": "192.0.2.11", "priority": 150 },
                                     "b": { "address": "192.0.2.12", "priority": 100 } })");
  CHECK(load_text(scratch, others, "", "192.0.2.12").settings->self.name == "b");
  CHECK(errors(others).size() == 1);
  CHECK(errors(others)[0].find("say --node NAME") != std::string::npos);
  CHECK(errors(plain(""), "lb3")[0].ends_with(
      "there is no node \"lb3\" (--node); did you mean \"lb1\"?"));
}

TEST_CASE("Groups give each node its own priority") {
  const std::string groups =
      R"("groups": { "a": { "vrid": 51, "vips": ["192.0.2.10/24"], "prefer": ["lb1", "lb2"] },
                     "b": { "vrid": 52, "vips": ["192.0.2.20/24"], "prefer": ["lb2"] } })";
  const Settings first = settings(file(groups), "lb1");
  REQUIRE(first.routers.size() == 2);
  CHECK(first.routers[0].priority == 150);
  CHECK(first.routers[1].priority == 100);
  const Settings second = settings(file(groups), "lb2");
  CHECK(second.routers[0].priority == 100);
  CHECK(second.routers[1].priority == 150);
}

TEST_CASE("IPv6 addresses are a virtual router of their own, with a link-local one first") {
  const Settings read =
      settings(file(R"("vrid": 51, "vips": ["2001:db8::10/64", "192.0.2.10/24"])"));
  REQUIRE(read.routers.size() == 2);
  CHECK(read.routers[0].name == "main");
  CHECK(read.routers[1].name == "main/6");
  CHECK(read.routers[1].is_v6);
  REQUIRE(read.routers[1].vips.size() == 2);
  CHECK(read.routers[1].vips[0].text() == "fe80::200:5eff:fe00:233/64");
  CHECK(read.routers[1].vips[1].text() == "2001:db8::10/64");
  const Settings own = settings(file(R"("vrid": 51, "vips": ["2001:db8::10/64", "fe80::1/64"])"));
  CHECK(own.routers[0].vips[0].text() == "fe80::1/64");
}

TEST_CASE("What tracking was told is read") {
  const Settings read = settings(plain(
      R"(, "track": { "lb": { "bind": "unix:/x", "hang": "300ms", "ready": false },
                      "interface": ["eth0", "eth1"],
                      "script": { "gw": { "exec": ["/bin/ping", "-c1"], "weight": -60,
                                          "interval": "3s", "timeout": "500ms",
                                          "rise": 1, "fall": 4 } } })"));
  CHECK(read.track.lb->bind.text() == "unix:/x");
  CHECK(read.track.lb->hang == Milliseconds(300));
  CHECK_FALSE(read.track.lb->ready);
  CHECK(read.track.interfaces == std::vector<std::string>{"eth0", "eth1"});
  REQUIRE(read.track.scripts.size() == 1);
  CHECK(read.track.scripts[0] == TrackScript{.name = "gw",
                                             .exec = {"/bin/ping", "-c1"},
                                             .interval = Milliseconds(3000),
                                             .timeout = Milliseconds(500),
                                             .rise = 1,
                                             .fall = 4,
                                             .weight = -60});
  CHECK_FALSE(settings(plain(R"(, "track": { "lb": false })")).track.lb.has_value());
}

TEST_CASE("A file that is tracked is read, and wants a whole path") {
  const Settings read = settings(plain(R"(, "track": { "file": { "out": { "path": "/run/x" },
                        "slow": { "path": "/run/y", "weight": -3 } } })"));
  CHECK(read.track.files == std::vector{TrackFile{.name = "out", .path = "/run/x"},
                                        TrackFile{.name = "slow", .path = "/run/y", .weight = -3}});
  CHECK(only_error(plain(R"(, "track": { "file": { "out": { "path": "x" } } })")) ==
        "/failover/track/file/out/path: the whole path of the file is expected");
}

TEST_CASE("The link to the other node is read") {
  CHECK_FALSE(settings(plain("")).peer.has_value());
  const Settings read = settings(plain(R"(, "peer": {"secret": "sixteen letters!"})"));
  CHECK(read.peer == Peer{.port = 7510, .secret = "sixteen letters!"});
  CHECK(settings(plain(R"(, "peer": {"port": 99, "secret": "sixteen letters!"})")).peer->port ==
        99);
}

TEST_CASE("Certificates for the link are read as files, and looked at") {
  const Scratch scratch;
  scratch.write("node.pem", "the node's");
  scratch.write("ca.pem", "the CA's", 0644);
  const std::string text = plain(R"(, "peer": {"crt": "node.pem", "ca": "ca.pem"})");
  Identity identity;
  std::string asked_for;
  identity.find_flaw = [&](const Peer&, const std::string& node) {
    asked_for = node;
    return std::optional<Flaw>();
  };
  const LoadResult good = load({scratch.write("t", text)}, identity, test_environment());
  CHECK(texts(good.errors, scratch) == Texts{});
  REQUIRE(good.settings != nullptr);
  CHECK(asked_for == "lb1");
  CHECK(good.settings->peer->secret.empty());
  CHECK(good.settings->peer->certificate == "the node's");
  CHECK(good.settings->peer->authorities == "the CA's");
  CHECK(good.warnings.empty());

  identity.find_flaw = [](const Peer&, const std::string&) {
    return std::optional(Flaw{.key = "ca", .words = "is none"});
  };
  const LoadResult bad = load({scratch.write("t", text)}, identity, test_environment());
  REQUIRE(bad.errors.size() == 1);
  CHECK(texts(bad.errors, scratch)[0].ends_with(": /failover/peer/ca: is none"));
}

TEST_CASE("A private key that others can read is a warning") {
  const Scratch scratch;
  scratch.write("node.pem", "the node's", 0640);
  scratch.write("ca.pem", "the CA's");
  const auto loaded = load_text(scratch, plain(R"(, "peer": {"crt": "node.pem", "ca": "ca.pem"})"));
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(texts(loaded.warnings, scratch)[0].ends_with(
      ": /failover/peer/crt: others can read it (mode 640): chmod 600"));
}

constexpr std::string_view kKey1 = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kPeer = R"(, "peer": {"secret": "sixteen letters!"})";

TEST_CASE("Keys of adverts are read in their order, the first to send with") {
  CHECK_FALSE(settings(plain("")).auth.has_value());
  const Settings read = settings(plain(fmt::format(
      R"(, "auth": {{"keys": [{{"id": 2, "secret": "{0}"}}, {{"id": 0, "secret": "{0}{0}"}}],
          "window": "1m"}}{1})",
      kKey1, kPeer)));
  REQUIRE(read.auth.has_value());
  REQUIRE(read.auth->keys.size() == 2);
  CHECK(read.auth->keys[0] == AuthKey{.id = 2, .secret = std::string(kKey1)});
  CHECK(read.auth->keys[1].id == 0);
  CHECK(read.auth->keys[1].secret.size() == 64);
  CHECK(read.auth->window == std::chrono::seconds(60));
  CHECK(read.auth->mode == AuthMode::kDemand);
}

TEST_CASE("While plain adverts are taken beside sealed ones that is a warning") {
  for (const auto& [word, mode] :
       {std::pair("accept", AuthMode::kAccept), std::pair("seal", AuthMode::kSeal)}) {
    const Scratch scratch;
    const auto loaded = load_text(
        scratch,
        plain(fmt::format(R"(, "auth": {{"mode": "{}", "keys": [{{"id": 1, "secret": "{}"}}]}}{})",
                          word, kKey1, kPeer)));
    REQUIRE(loaded.settings != nullptr);
    CHECK(loaded.settings->auth->mode == mode);
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(texts(loaded.warnings, scratch)[0].ends_with(
        "/failover/auth/mode: plain adverts are taken too: whoever forges needs no key"));
  }
}

TEST_CASE("Sealed adverts without the link are a warning: two nodes may be deaf to each other") {
  const Scratch scratch;
  const std::string auth =
      fmt::format(R"(, "auth": {{"keys": [{{"id": 1, "secret": "{}"}}]}})", kKey1);
  const auto loaded = load_text(scratch, plain(auth));
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(texts(loaded.warnings, scratch)[0].find("without \"peer\"") != std::string::npos);
  CHECK(load_text(scratch, plain(auth + std::string(kPeer))).warnings.empty());
  CHECK(loaded.settings->auth->window == std::chrono::seconds(30));
}

TEST_CASE("A key of adverts that is too short is refused without being shown") {
  const Texts all = errors(plain(
      R"(, "auth": {"keys": [{"id": 1, "secret": "hush hush hush"}, {"id": 1, "secret": "hush"}]})"));
  REQUIRE(all.size() == 3);
  CHECK(all[0].ends_with("/failover/auth/keys/0/secret: 32 to 64 characters are expected, not 14"));
  CHECK(all[1].ends_with("/failover/auth/keys/1/id: another key has this number already"));
  CHECK(all[2].ends_with("/failover/auth/keys/1/secret: 32 to 64 characters are expected, not 4"));
  for (const std::string& one : all) CHECK(one.find("hush") == std::string::npos);
}

TEST_CASE("The program to notify is read") {
  CHECK(settings(plain("")).notify.exec.empty());
  const Settings read =
      settings(plain(R"(, "notify": {"exec": ["/bin/a", "b"], "timeout": "2s"})"));
  CHECK(read.notify == Notify{.exec = {"/bin/a", "b"}, .timeout = Milliseconds(2000)});
}

TEST_CASE("The program that moves the address is read") {
  CHECK_FALSE(settings(plain("")).actuator.has_value());
  const Settings read = settings(plain(R"(, "transport": "unicast", "actuator": {
      "exec": ["/bin/move", "x"], "read_back": ["/bin/whose"], "timeout": "3s", "retry": "1s",
      "interval": "5s", "local": false, "release": true })"));
  CHECK(read.actuator == Actuator{.exec = {"/bin/move", "x"},
                                  .read_back = {"/bin/whose"},
                                  .timeout = Milliseconds(3'000),
                                  .retry = Milliseconds(1'000),
                                  .interval = Milliseconds(5'000),
                                  .local = false,
                                  .release = true});
  CHECK(settings(plain(R"(, "transport": "unicast", "actuator": {"exec": ["/bin/move"]})"))
            .actuator == Actuator{.exec = {"/bin/move"}, .read_back = {}});
  CHECK(only_error(plain(R"(, "transport": "unicast", "actuator": {"exec": ["move"]})"))
            .starts_with("/failover/actuator/exec/0: the whole path of the program is expected"));
}

TEST_CASE("What an actuator hardly means is a warning") {
  const Scratch scratch;
  const auto loaded =
      load_text(scratch, plain(R"(, "actuator": {"exec": ["/bin/move"], "interval": "5s"})"));
  const Texts warnings = texts(loaded.warnings, scratch);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].find("say \"transport\": \"unicast\"") != std::string::npos);
  CHECK(warnings[1].ends_with("/failover/actuator/interval: means nothing without \"read_back\""));
}

TEST_CASE("What cannot work is refused in words") {
  struct Row {
    std::string text;
    std::string error;
  };
  const auto row = GENERATE(
      Row{plain(R"(, "advert_int": "105ms")"),
          "/failover/advert_int: VRRP counts hundredths of a second: a multiple of \"10ms\" is "
          "expected"},
      Row{plain(R"(, "advert_int": "1500ms", "version": 2)"),
          "/failover/advert_int: VRRPv2 knows whole seconds only: \"1s\" to \"40s\", or "
          "\"version\": 3"},
      Row{plain(R"(, "password": "x")"),
          "/failover/password: VRRPv3 has no password: leave it out, or say \"version\": 2"},
      Row{plain(R"(, "version": 2, "password": "ninechars")"),
          "/failover/password: VRRPv2 carries at most 8 characters"},
      Row{file(R"("vrid": 51, "vips": ["192.0.2.10/24", "192.0.2.10/32"])"),
          "/failover/vips/1: this address stands here twice"},
      Row{file(R"("vrid": 51, "vips": ["192.0.2.11/24"])"),
          "/failover/vips/0: is node \"lb1\"'s own address: it cannot move"},
      Row{file(R"("vrid": 51, "vips": ["224.0.0.1/24"])"),
          "/failover/vips/0: no node can have this address"},
      Row{file(R"("vrid": 51, "vips": [])"), "/failover/vips: at least one address is expected"},
      Row{file(R"("vrid": 51, "version": 2, "vips": ["2001:db8::1/64"])"),
          "/failover/vips: VRRPv2 knows IPv4 only: leave the IPv6 addresses out, or \"version\": "
          "3"},
      Row{file(R"("vrid": 51, "transport": "unicast", "vips": ["2001:db8::1/64"],
                  "track": {"lb": {"bind": "127.0.0.1:1"}})",
               R"("nodes": { "lb1": { "address": "192.0.2.11", "address6": "2001:db8::11",
                                      "priority": 150 },
                             "lb2": { "address": "2001:db8::12", "priority": 100 } })"),
          "/failover/track/lb/bind: a Unix socket is expected: \"unix:/path\""},
      Row{plain(R"(, "notify": {"exec": []})"),
          "/failover/notify/exec: a program is expected: [\"/path\", \"argument\", …]"},
      Row{plain(R"(, "peer": {"secret": "fifteen letters"})"),
          "/failover/peer/secret: at least 16 characters are expected"},
      Row{plain(R"(, "peer": {"port": 99})"),
          "/failover/peer: exactly one of \"secret\", \"crt\" is expected, not 0"},
      Row{plain(R"(, "peer": {"secret": "sixteen letters!", "crt": "x"})"),
          "/failover/peer: exactly one of \"secret\", \"crt\" is expected, not 2"},
      Row{plain(R"(, "peer": {"secret": "sixteen letters!", "ca": "x"})"),
          "/failover/peer/ca: means nothing without \"crt\""},
      Row{plain(R"(, "peer": {"crt": "x"})"),
          "/failover/peer/crt: \"ca\" is missing beside it: whose certificates are to be "
          "believed?"},
      Row{plain(R"(, "peer": {"crt": "/nowhere/x", "ca": "/nowhere/y"})"),
          "/failover/peer/crt: cannot read /nowhere/x: No such file or directory"},
      Row{plain(R"(, "auth": {"keys": []})"), "/failover/auth/keys: at least one key is expected"},
      Row{plain(R"(, "auth": {})"), "/failover/auth: \"keys\" is missing"},
      Row{plain(R"(, "auth": {"window": "5500ms", "keys": [
                   {"id": 1, "secret": "0123456789abcdef0123456789abcdef"}]})"),
          "/failover/auth/window: whole seconds are expected"},
      Row{plain(R"(, "version": 2, "auth": {"keys": [
                   {"id": 1, "secret": "0123456789abcdef0123456789abcdef"}]})"),
          "/failover/auth: VRRPv2 adverts cannot be sealed: leave it out, or \"version\": 3"},
      Row{plain(R"(, "track": {"script": {"x": {"exec": ["ping"]}}})"),
          "/failover/track/script/x/exec/0: the whole path of the program is expected: it is run "
          "without a shell"},
      Row{plain(R"(, "groups": {})"),
          "/failover/groups: either \"vrid\" and \"vips\", or \"groups\"; not both"},
      Row{file(R"("vrid": 51)"), "/failover: \"vips\" is missing (or \"groups\")"},
      Row{file(R"("vrid": 51, "vips": ["192.0.2.10/24"])",
               R"("nodes": { "lb1": { "address": "192.0.2.11", "priority": 150 } })"),
          "/failover/nodes: at least two nodes are expected: one alone has nobody to fail over to"},
      Row{R"({"frontends": {}})",
          "/: \"failover\" is missing: there is nothing for tandem-failover to do"});
  INFO(row.text);
  CHECK(only_error(row.text) == row.error);
}

}  // namespace tandem::failover::config
