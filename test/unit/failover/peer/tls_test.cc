#include "failover/peer/tls.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::failover::peer {
namespace {

std::shared_ptr<const Credentials> credentials(std::string_view secret) {
  auto made = Credentials::of_secret(secret);
  REQUIRE(made.has_value());
  return *made;
}

constexpr std::string_view kSecret = "sixteen letters.";

/// Two streams whose bytes are carried by hand.
struct Wire {
  TlsStream dials;
  TlsStream listens;
  std::string heard_by_dialler;
  std::string heard_by_listener;
  std::string bytes;  // everything that was carried

  Wire(std::string_view one, std::string_view other,
       std::uint32_t sends_per_key = TlsStream::kSendsPerKey)
      : dials(credentials(one), TlsStream::Side::kDials, "lb2", sends_per_key),
        listens(credentials(other), TlsStream::Side::kListens, "lb1", sends_per_key) {
    dials.receive({}, heard_by_dialler);
    carry();
  }

  void carry() {
    for (;;) {
      std::string there;
      std::string back;
      dials.take_output(there);
      if (!there.empty()) listens.receive(there, heard_by_listener);
      listens.take_output(back);
      if (!back.empty()) dials.receive(back, heard_by_dialler);
      bytes += there + back;
      if (there.empty() && back.empty()) return;
    }
  }
};

TEST_CASE("a secret that is too short is refused") {
  CHECK_FALSE(Credentials::of_secret("fifteen letters").has_value());
  CHECK(Credentials::of_secret(kSecret).has_value());
}

TEST_CASE("two nodes with one secret hear each other, and nobody else does") {
  Wire wire(kSecret, kSecret);
  REQUIRE(wire.dials.state() == TlsStream::State::kSecure);
  REQUIRE(wire.listens.state() == TlsStream::State::kSecure);
  wire.dials.send("take it now");
  wire.listens.send("I have it");
  wire.carry();
  CHECK(wire.heard_by_listener == "take it now");
  CHECK(wire.heard_by_dialler == "I have it");
  CHECK(wire.bytes.find("take it") == std::string::npos);
}

TEST_CASE("two nodes with two secrets both say that the other's is another") {
  Wire wire(kSecret, "sixteen letters!");
  CHECK(wire.dials.state() == TlsStream::State::kFailed);
  CHECK(wire.listens.state() == TlsStream::State::kFailed);
  CHECK(wire.dials.trouble() == "its secret is not ours");
  CHECK(wire.listens.trouble() == "its secret is not ours");
}

TEST_CASE("one changed bit ends the connection") {
  Wire wire(kSecret, kSecret);
  wire.dials.send("take it now");
  std::string record;
  wire.dials.take_output(record);
  record.back() = static_cast<char>(record.back() ^ 1);
  wire.listens.receive(record, wire.heard_by_listener);
  CHECK(wire.listens.state() == TlsStream::State::kFailed);
  CHECK(wire.heard_by_listener.empty());
}

TEST_CASE("what was recorded means nothing in another connection") {
  Wire first(kSecret, kSecret);
  first.dials.send("take it now");
  std::string record;
  first.dials.take_output(record);
  Wire second(kSecret, kSecret);
  second.listens.receive(record, second.heard_by_listener);
  CHECK(second.listens.state() == TlsStream::State::kFailed);
  CHECK(second.heard_by_listener.empty());
}

TEST_CASE("what is no TLS is called so") {
  for (const std::string_view bytes : {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    TlsStream stream(credentials(kSecret), TlsStream::Side::kListens, "lb1");
    std::string plain;
    stream.receive(bytes, plain);
    CHECK(stream.state() == TlsStream::State::kFailed);
    CHECK(stream.trouble() == "it does not speak TLS");
  }
}

TEST_CASE("both go on hearing each other while the keys change") {
  constexpr std::uint32_t kSendsPerKey = 3;
  Wire wire(kSecret, kSecret, kSendsPerKey);
  std::size_t plain_record = 0;
  std::size_t longest = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t before = wire.bytes.size();
    wire.dials.send("a");
    wire.carry();
    wire.listens.send("b");
    wire.carry();
    if (i == 0) plain_record = wire.bytes.size() - before;
    longest = std::max(longest, wire.bytes.size() - before);
  }
  CHECK(wire.heard_by_listener == std::string(20, 'a'));
  CHECK(wire.heard_by_dialler == std::string(20, 'b'));
  CHECK(longest > plain_record);  // a change of keys is a record of its own
}

TEST_CASE("a text longer than a record arrives whole") {
  Wire wire(kSecret, kSecret);
  const std::string text(100'000, 'x');
  wire.dials.send(text);
  wire.carry();
  CHECK(wire.heard_by_listener == text);
}

}  // namespace
}  // namespace tandem::failover::peer
