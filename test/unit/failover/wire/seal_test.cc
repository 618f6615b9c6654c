#include "failover/wire/seal.h"

#include "failover/wire/decode.h"
#include "test/unit/failover/wire/captures.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace tandem::failover::wire {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'000)};

/// 00 01 02 … 1f, as in the draft's appendix.
Key key_of_draft(std::uint8_t id = 1) {
  Key key{.id = id, .secret = {}};
  for (char c = 0; c < 32; ++c) key.secret.push_back(c);
  return key;
}

Key other_key(std::uint8_t id) { return {.id = id, .secret = std::string(64, 'x')}; }

Bytes sealed(const Capture& capture, Sealer& sealer, WallTime now = kNow) {
  Bytes bytes = encode(capture.advert, capture.envelope, capture.form());
  sealer.seal(bytes, capture.envelope, now);
  return bytes;
}

std::string read(const Capture& capture, ByteView bytes, SealChecker& checker,
                 WallTime now = kNow) {
  return verdict(decode_sealed(bytes, capture.envelope, capture.expectation(), checker, now));
}

/// The wire images in the appendix of draft-cassen-vrrp-auth-hmac: sequence 0x6800000080000000.
struct Image {
  Capture capture;
  bool has_pseudo_header;
};

constexpr WallTime kTimeOfDraft = WallTime(seconds(0x68000000)) + milliseconds(500);

std::vector<Image> images_of_draft() {
  const Advert advert{.vrid = 51, .priority = 200, .interval = Centiseconds(100), .addresses = {}};
  Image v4{.capture = {.name = "IPv4",
                       .payload = "3133c80100644402 c0000264 0101000068000000 80000000"
                                  "1b84bc4e8e43892dc6d98448f8ee2265",
                       .envelope = {.source = ip("198.51.100.10"), .destination = kGroupV4},
                       .advert = advert},
           .has_pseudo_header = false};
  v4.capture.advert.addresses = {ip("192.0.2.100")};
  Image v6{.capture = {.name = "IPv6",
                       .payload = "3133c8010064a2e9 fe800000000000000000000000000100"
                                  "0101000068000000 80000000 c8c56146ebfd66ee10ec4d8186461b78",
                       .envelope = {.source = ip("fe80::10"), .destination = ip("fe80::20")},
                       .advert = advert},
           .has_pseudo_header = true};
  v6.capture.advert.addresses = {ip("fe80::100")};
  return {v4, v6};
}

TEST_CASE("Seals are byte for byte those of the draft's appendix, so keepalived takes them") {
  for (const Image& image : images_of_draft()) {
    INFO(image.capture.name);
    Sealer sealer(key_of_draft());
    Bytes bytes = encode(image.capture.advert, image.capture.envelope,
                         {.has_pseudo_header = image.has_pseudo_header});
    sealer.seal(bytes, image.capture.envelope, kTimeOfDraft);
    CHECK(to_hex(bytes) == plain_hex(image.capture.payload));
  }
}

TEST_CASE("The images of the draft are read as they were meant") {
  for (const Image& image : images_of_draft()) {
    INFO(image.capture.name);
    SealChecker checker({key_of_draft()}, seconds(5));
    const auto advert = decode_sealed(image.capture.bytes(), image.capture.envelope,
                                      image.capture.expectation(), checker, kTimeOfDraft);
    REQUIRE(verdict(advert) == "ok");
    CHECK(*advert == image.capture.advert);
  }
}

TEST_CASE("Every form of advert can be sealed") {
  for (const Capture& capture : all_captures()) {
    INFO(capture.name);
    Sealer sealer(key_of_draft());
    SealChecker checker({key_of_draft()});
    const Bytes bytes = sealed(capture, sealer);
    CHECK(bytes.size() == capture.bytes().size() + kSealBytes);
    CHECK(read(capture, bytes, checker) == "ok");
  }
}

TEST_CASE("Every wrong bit of a sealed advert is found, and costs its sender nothing") {
  for (const Capture& capture : {ipv4_multicast(), ipv6_unicast()}) {
    Sealer sealer(key_of_draft());
    SealChecker checker({key_of_draft()});
    const Bytes right = sealed(capture, sealer);
    for (std::size_t bit = 0; bit < 8 * right.size(); ++bit) {
      Bytes wrong = right;
      wrong[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      INFO(capture.name << ", bit " << bit);
      CHECK(read(capture, wrong, checker) != "ok");
    }
    CHECK(read(capture, right, checker) == "ok");
  }
}

struct SealCase {
  std::string_view what;
  std::size_t at;  // from the beginning of the trailer
  std::string_view refusal;
};

TEST_CASE("A seal that does not fit is refused, with the reason") {
  const std::vector<SealCase> rows{
      {"another scheme", 0, "seal_form"},        {"an unknown key", 1, "seal_key"},
      {"a reserved field", 2, "seal_form"},      {"another sequence", 11, "seal"},
      {"the beginning of the HMAC", 12, "seal"}, {"the end of the HMAC", 27, "seal"}};
  const Capture capture = ipv4_multicast();
  for (const SealCase& row : rows) {
    INFO(row.what);
    Sealer sealer(key_of_draft());
    SealChecker checker({key_of_draft()});
    Bytes bytes = sealed(capture, sealer);
    bytes[bytes.size() - kSealBytes + row.at] ^= 0x40;
    CHECK(read(capture, bytes, checker) == row.refusal);
  }
}

TEST_CASE("A plain advert is refused where a seal is demanded, and so is half a seal") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft());
  SealChecker checker({key_of_draft()});
  CHECK(read(capture, capture.bytes(), checker) == "seal_missing");
  Bytes bytes = sealed(capture, sealer);
  bytes.pop_back();
  CHECK(read(capture, bytes, checker) == "length");
  bytes.resize(bytes.size() + 2);
  CHECK(read(capture, bytes, checker) == "length");
}

TEST_CASE("What is wrong with an advert counts though its seal is right") {
  Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft());
  SealChecker checker({key_of_draft()});
  Bytes bytes = sealed(capture, sealer);
  bytes[kChecksumAt] ^= 0x01;  // the one field that the HMAC leaves out
  CHECK(read(capture, bytes, checker) == "checksum");

  const Expectation expectation = capture.expectation();
  capture.advert.addresses = {ip("10.77.0.101")};
  CHECK(verdict(decode_sealed(sealed(capture, sealer), capture.envelope, expectation, checker,
                              kNow)) == "addresses");
}

TEST_CASE("A seal holds for its sender and its virtual router alone") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft());
  SealChecker checker({key_of_draft()});
  const Bytes bytes = sealed(capture, sealer);

  Envelope other_sender = capture.envelope;
  other_sender.source = ip("10.77.0.13");
  CHECK(verdict(decode_sealed(bytes, other_sender, capture.expectation(), checker, kNow)) ==
        "seal");

  Bytes other_router = bytes;
  other_router[kVridAt] = 52;
  Expectation expectation = capture.expectation();
  expectation.vrid = 52;
  CHECK(verdict(decode_sealed(other_router, capture.envelope, expectation, checker, kNow)) ==
        "seal");
}

TEST_CASE("A recorded advert is refused, and so is one that was overtaken") {
  const Capture capture = ipv6_multicast();
  Sealer sealer(key_of_draft());
  SealChecker checker({key_of_draft()});
  const Bytes first = sealed(capture, sealer);
  const Bytes second = sealed(capture, sealer);
  CHECK(read(capture, second, checker) == "ok");
  CHECK(read(capture, first, checker) == "replay");
  CHECK(read(capture, second, checker) == "replay");
}

TEST_CASE("A restarted sender is heard at once, because its clock went on") {
  const Capture capture = ipv4_multicast();
  SealChecker checker({key_of_draft()});
  Sealer before(key_of_draft());
  for (int i = 0; i < 100; ++i) REQUIRE(read(capture, sealed(capture, before), checker) == "ok");
  Sealer after(key_of_draft());
  CHECK(read(capture, sealed(capture, after, kNow + milliseconds(10)), checker) == "ok");
}

TEST_CASE("A clock that is set back does not set the sequence back") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft());
  SealChecker checker({key_of_draft()});
  CHECK(read(capture, sealed(capture, sealer, kNow), checker) == "ok");
  CHECK(read(capture, sealed(capture, sealer, kNow - seconds(3600)), checker) == "ok");
}

TEST_CASE("With a window sender and receivers follow a clock that was put right") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft(), seconds(5));
  SealChecker checker({key_of_draft()}, seconds(5));
  const WallTime wrong = kNow + seconds(3600);
  CHECK(read(capture, sealed(capture, sealer, wrong), checker, wrong) == "ok");
  CHECK(read(capture, sealed(capture, sealer, kNow), checker, kNow) == "ok");
  // A smaller step stays within the window, and the sequence goes on rising.
  const WallTime slightly_back = kNow - seconds(3);
  CHECK(read(capture, sealed(capture, sealer, slightly_back), checker, slightly_back) == "ok");
}

TEST_CASE("With a window an advert from another day is refused, though nobody has heard it") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft());
  const Bytes bytes = sealed(capture, sealer);
  SealChecker strict({key_of_draft()}, seconds(5));
  CHECK(read(capture, bytes, strict, kNow + seconds(6)) == "seal_stale");
  CHECK(read(capture, bytes, strict, kNow - seconds(6)) == "seal_stale");
  SealChecker lenient({key_of_draft()});
  CHECK(read(capture, bytes, lenient, kNow + seconds(86'400)) == "ok");
}

TEST_CASE("Keys are rolled over one node after the other") {
  const Capture capture = ipv4_multicast();
  Sealer old_sealer(key_of_draft(1));
  Sealer new_sealer(other_key(2));
  SealChecker between({key_of_draft(1), other_key(2)});
  CHECK(read(capture, sealed(capture, old_sealer), between) == "ok");
  CHECK(read(capture, sealed(capture, new_sealer, kNow + seconds(1)), between) == "ok");

  SealChecker afterwards({other_key(2)});
  CHECK(read(capture, sealed(capture, old_sealer), afterwards) == "seal_key");
  CHECK(read(capture, sealed(capture, new_sealer), afterwards) == "ok");
}

TEST_CASE("The same key id with another secret is refused") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft(1));
  SealChecker checker({other_key(1)});
  CHECK(read(capture, sealed(capture, sealer), checker) == "seal");
}

TEST_CASE("A farewell that was sealed ahead is taken whenever it is sent") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft(), seconds(5));
  SealChecker checker({key_of_draft()}, seconds(5));
  CHECK(!sealer.must_seal_ahead(kNow));
  const auto seal_ahead = [&](WallTime now) {
    Bytes bytes = encode(capture.advert, capture.envelope, capture.form());
    sealer.seal_ahead(bytes, capture.envelope, now);
    return bytes;
  };
  Bytes farewell = seal_ahead(kNow);
  int times_anew = 0;
  WallTime now = kNow;
  for (int i = 0; i < 1000; ++i, now += milliseconds(10)) {
    if (sealer.must_seal_ahead(now)) {
      farewell = seal_ahead(now);
      ++times_anew;
    }
    REQUIRE(read(capture, sealed(capture, sealer, now), checker, now) == "ok");
    SealChecker heard_so_far = checker;
    REQUIRE(read(capture, farewell, heard_so_far, now) == "ok");
    REQUIRE(read(capture, farewell, heard_so_far, now) == "replay");
  }
  CHECK(times_anew == 9);  // once a second, not once an advert
}

TEST_CASE("Who returns is heard at once, also behind a farewell that was sealed ahead") {
  const Capture capture = ipv4_multicast();
  SealChecker checker({key_of_draft()}, seconds(5));
  WallTime now = kNow;
  // A daemon that dies again and again, each time before its clock has caught up.
  for (int life = 0; life < 50; ++life, now += milliseconds(1)) {
    INFO("life " << life);
    Sealer sealer(key_of_draft(), seconds(5));
    sealer.follow(std::nullopt, now);
    for (int i = 0; i < 20; ++i)
      REQUIRE(read(capture, sealed(capture, sealer, now), checker, now) == "ok");
    Bytes farewell = encode(capture.advert, capture.envelope, capture.form());
    sealer.seal_ahead(farewell, capture.envelope, now);
    REQUIRE(read(capture, sealed(capture, sealer, now), checker, now) == "ok");
    REQUIRE(!sealer.must_seal_ahead(now));
    REQUIRE(read(capture, farewell, checker, now) == "ok");
  }
}

TEST_CASE("A clock that is put back does not make what was sealed ahead worthless") {
  const Capture capture = ipv4_multicast();
  for (const seconds back : {seconds(3), seconds(3600)}) {
    INFO(back.count());
    Sealer sealer(key_of_draft(), seconds(5));
    SealChecker checker({key_of_draft()}, seconds(5));
    Bytes farewell = encode(capture.advert, capture.envelope, capture.form());
    sealer.seal_ahead(farewell, capture.envelope, kNow);
    REQUIRE(read(capture, sealed(capture, sealer, kNow), checker, kNow) == "ok");
    const WallTime now = kNow - back;
    if (sealer.must_seal_ahead(now)) {
      farewell = encode(capture.advert, capture.envelope, capture.form());
      sealer.seal_ahead(farewell, capture.envelope, now);
    }
    REQUIRE(read(capture, sealed(capture, sealer, now), checker, now) == "ok");
    CHECK(read(capture, farewell, checker, now) == "ok");
  }
}

TEST_CASE("What one sealer used last and one checker heard last holds for those in their place") {
  const Capture capture = ipv4_multicast();
  Sealer before(key_of_draft(), seconds(5));
  SealChecker first({key_of_draft()}, seconds(5));
  const Bytes recorded = sealed(capture, before);
  REQUIRE(read(capture, recorded, first) == "ok");

  Sealer after(key_of_draft(), seconds(5));
  const WallTime put_back = kNow - seconds(4);
  after.follow(before.last(), put_back);
  SealChecker second({key_of_draft()}, seconds(5), first.marks());
  CHECK(read(capture, recorded, second) == "replay");
  CHECK(read(capture, sealed(capture, after, put_back), second, put_back) == "ok");
}

TEST_CASE("What a seal says of itself can be read for a person") {
  Sealer sealer(key_of_draft(7));
  const Bytes bytes = sealed(ipv4_multicast(), sealer);
  CHECK(seal_key_id(bytes) == 7);
  CHECK(seal_sequence(bytes) == sequence_at(kNow));
  CHECK(seconds_between(sequence_at(kNow), sequence_at(kNow + milliseconds(1500))) == 1.5);
  CHECK(seconds_between(sequence_at(kNow + seconds(2)), sequence_at(kNow)) == -2);
}

TEST_CASE("A sealed advert is checked like a plain one before its seal costs anything") {
  const Capture capture = ipv4_multicast();
  Sealer sealer(key_of_draft());
  SealChecker nobody({});
  const Bytes bytes = sealed(capture, sealer);
  Envelope routed = capture.envelope;
  routed.hop_limit = 254;
  CHECK(verdict(decode_sealed(bytes, routed, capture.expectation(), nobody, kNow)) == "hop_limit");
  CHECK(read(capture, ByteView(bytes).first(7), nobody) == "truncated");
}

}  // namespace
}  // namespace tandem::failover::wire
