#include "test/unit/failover/peer/tls_pair.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::failover::peer {
namespace {

constexpr std::string_view kSecret = "sixteen letters.";

TEST_CASE("a secret that is too short is refused") {
  CHECK_FALSE(Credentials::of_secret("fifteen letters").has_value());
  CHECK(Credentials::of_secret(kSecret).has_value());
}

TEST_CASE("two nodes with one secret hear each other, and nobody else does") {
  TlsPair pair(kSecret, kSecret);
  REQUIRE(pair.dials.state() == TlsStream::State::kSecure);
  REQUIRE(pair.listens.state() == TlsStream::State::kSecure);
  pair.dials.send("take it now");
  pair.listens.send("I have it");
  pair.carry();
  CHECK(pair.heard_by_listener == "take it now");
  CHECK(pair.heard_by_dialler == "I have it");
  CHECK(pair.bytes.find("take it") == std::string::npos);
}

TEST_CASE("two nodes with two secrets both say that the other's is another") {
  TlsPair pair(kSecret, "sixteen letters!");
  CHECK(pair.dials.state() == TlsStream::State::kFailed);
  CHECK(pair.listens.state() == TlsStream::State::kFailed);
  CHECK(pair.dials.trouble() == "its secret is not ours");
  CHECK(pair.listens.trouble() == "its secret is not ours");
}

TEST_CASE("one changed bit ends the connection") {
  TlsPair pair(kSecret, kSecret);
  pair.dials.send("take it now");
  std::string record;
  pair.dials.take_output(record);
  record.back() = static_cast<char>(record.back() ^ 1);
  pair.listens.receive(record, pair.heard_by_listener);
  CHECK(pair.listens.state() == TlsStream::State::kFailed);
  CHECK(pair.heard_by_listener.empty());
}

TEST_CASE("what was recorded means nothing in another connection") {
  TlsPair first(kSecret, kSecret);
  first.dials.send("take it now");
  std::string record;
  first.dials.take_output(record);
  TlsPair second(kSecret, kSecret);
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
  TlsPair pair(kSecret, kSecret, kSendsPerKey);
  std::size_t plain_record = 0;
  std::size_t longest = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t before = pair.bytes.size();
    pair.dials.send("a");
    pair.carry();
    pair.listens.send("b");
    pair.carry();
    if (i == 0) plain_record = pair.bytes.size() - before;
    longest = std::max(longest, pair.bytes.size() - before);
  }
  CHECK(pair.heard_by_listener == std::string(20, 'a'));
  CHECK(pair.heard_by_dialler == std::string(20, 'b'));
  CHECK(longest > plain_record);  // a change of keys is a record of its own
}

TEST_CASE("a text longer than a record arrives whole") {
  TlsPair pair(kSecret, kSecret);
  const std::string text(100'000, 'x');
  pair.dials.send(text);
  pair.carry();
  CHECK(pair.heard_by_listener == text);
}

}  // namespace
}  // namespace tandem::failover::peer
