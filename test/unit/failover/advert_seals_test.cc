// The seals of one router's adverts with two nodes' configurations and clocks.
#include "failover/advert_seals.h"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>

namespace tandem::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Use = AdvertSeals::Use;

constexpr wire::WallTime kNow{seconds(1'800'000'000)};

const config::AuthKey kFirst{.id = 1, .secret = std::string(32, 'a')};
const config::AuthKey kSecond{.id = 2, .secret = std::string(32, 'b')};
const config::AuthKey kOtherFirst{.id = 1, .secret = std::string(32, 'c')};

IpAddress ip(std::uint8_t last) { return IpAddress(std::array<std::uint8_t, 4>{10, 77, 0, last}); }

AdvertSeals seals(std::vector<config::AuthKey> keys, seconds window = seconds(30)) {
  return {{.keys = std::move(keys), .window = window}, {}, kNow - seconds(10)};
}

const wire::Envelope kEnvelope{.source = ip(11), .destination = wire::kGroupV4};
const wire::Advert kAdvert{.vrid = 51, .priority = 150, .addresses = {ip(100)}};
const wire::Expectation kExpectation{
    .vrid = 51, .addresses = {ip(100)}, .password = {}, .own = ip(12), .peers = {}};

wire::Bytes sealed(AdvertSeals& by, wire::WallTime now = kNow, Use use = Use::kNow) {
  wire::Bytes bytes = wire::encode(kAdvert, kEnvelope);
  by.seal(bytes, kEnvelope, use, now);
  return bytes;
}

/// "taken", or what is said.
std::string hear(AdvertSeals& by, const wire::Bytes& bytes, wire::WallTime now = kNow) {
  const auto advert = by.read(bytes, kEnvelope, kExpectation, now);
  if (advert) return by.warn(kEnvelope).value_or("taken");
  return by.complain(advert.error(), bytes, kEnvelope, now)
      .value_or(std::string(wire::refusal_name(advert.error())));
}

}  // namespace

TEST_CASE("Keys roll over on two nodes, one step on one node at a time") {
  const std::vector<std::vector<config::AuthKey>> steps{
      {kFirst}, {kFirst, kSecond}, {kSecond, kFirst}, {kSecond}};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    // The other node is on the same step, or one behind.
    for (std::size_t j = i == 0 ? 0 : i - 1; j <= i; ++j) {
      INFO("steps " << i << " and " << j);
      AdvertSeals one = seals(steps[i]);
      AdvertSeals two = seals(steps[j]);
      CHECK(hear(two, sealed(one)) == "taken");
      CHECK(hear(one, sealed(two)) == "taken");
    }
  }
}

TEST_CASE("Seals come to two nodes, one step on one node at a time") {
  using enum config::AuthMode;
  const auto plain_form = wire::encode(kAdvert, kEnvelope);
  const auto with = [](config::AuthMode mode) {
    return AdvertSeals({.keys = {kFirst}, .mode = mode}, {}, kNow - seconds(10));
  };
  const std::vector<config::AuthMode> steps{kAccept, kSeal, kDemand};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::size_t j = i == 0 ? 0 : i - 1; j <= i; ++j) {
      INFO("steps " << i << " and " << j);
      AdvertSeals one = with(steps[i]);
      AdvertSeals two = with(steps[j]);
      CHECK(hear(two, sealed(one)) == "taken");
      CHECK(hear(one, sealed(two)) == "taken");
    }
  }
  // The first step beside a node that knows no seals at all.
  AdvertSeals first = with(kAccept);
  CHECK(sealed(first) == plain_form);
  CHECK(hear(first, plain_form) == "taken");
  AdvertSeals second = with(kSeal);
  CHECK(sealed(second) != plain_form);
  // What carries a seal must carry a right one, and no recorded one, at every step.
  AdvertSeals other = seals({kOtherFirst});
  CHECK(hear(first, sealed(other)).ends_with("its key 1 is another one than ours"));
  const wire::Bytes recorded = sealed(second);
  CHECK(hear(first, recorded) == "taken");
  CHECK(hear(first, recorded).ends_with("they have been sent before"));
}

TEST_CASE("What is wrong with a seal is said in words, and once a minute only") {
  AdvertSeals by = seals({kFirst});
  const std::string begin = "adverts in the name of 10.77.0.11 are refused: ";
  AdvertSeals second = seals({kSecond});
  CHECK(hear(by, sealed(second)) == begin + "they are sealed with key 2, which is not listed here");
  CHECK(hear(by, sealed(second)) == "seal_key");
  AdvertSeals other = seals({kOtherFirst});
  CHECK(hear(by, sealed(other)) ==
        begin + "they are forged, or its key 1 is another one than ours");
  CHECK(hear(by, wire::encode(kAdvert, kEnvelope)) == begin + "they carry no seal");
  AdvertSeals friendly = seals({kFirst});
  const wire::Bytes recorded = sealed(friendly);
  CHECK(hear(by, recorded) == "taken");
  CHECK(hear(by, recorded) == begin + "they have been sent before");
  CHECK(hear(by, recorded) == "replay");
  // Not about seals: counted, and no more.
  wire::Bytes damaged = sealed(friendly);
  damaged[wire::kVridAt] = 52;
  CHECK(hear(by, damaged) == "vrid");
}

TEST_CASE("Clocks that differ are said before and after it matters") {
  AdvertSeals by = seals({kFirst});
  AdvertSeals one = seals({kFirst});
  CHECK(hear(by, sealed(one, kNow + milliseconds(14'500))) == "taken");
  CHECK(by.clock_ahead_seconds() == 14.5);
  CHECK(hear(by, sealed(one, kNow + milliseconds(16'200))) ==
        "the clock of 10.77.0.11 is 16.2 s ahead of ours: beyond 30 s its adverts are refused");
  CHECK(hear(by, sealed(one, kNow + seconds(17))) == "taken");  // said already
  CHECK(hear(by, sealed(one, kNow + seconds(45))) ==
        "adverts in the name of 10.77.0.11 are refused: they are old, or its clock is wrong: it is "
        "45.0 s ahead of ours, 30 s are allowed");
  CHECK(by.clock_ahead_seconds() == 17);

  AdvertSeals late = seals({kFirst});
  AdvertSeals two = seals({kFirst});
  CHECK(hear(two, sealed(late, kNow - seconds(5)), kNow) == "taken");
  CHECK(two.clock_ahead_seconds() == -5);
}

TEST_CASE("A reload forgets neither what was sent nor what was heard") {
  AdvertSeals one = seals({kFirst});
  AdvertSeals two = seals({kFirst});
  const wire::Bytes recorded = sealed(one);
  REQUIRE(hear(two, recorded) == "taken");
  AdvertSeals two_again({.keys = {kFirst, kSecond}}, two.memory(), kNow);
  CHECK(hear(two_again, recorded).ends_with("they have been sent before"));
  // Meanwhile the clock of one was put back.
  AdvertSeals one_again({.keys = {kFirst}}, one.memory(), kNow - seconds(10));
  CHECK(hear(two_again, sealed(one_again, kNow - seconds(10)), kNow - seconds(10)) == "taken");
}

TEST_CASE("What the guard sends is taken after all that was sent, and before all that comes") {
  AdvertSeals one = seals({kFirst});
  AdvertSeals two = seals({kFirst});
  const wire::Bytes farewell = sealed(one, kNow, Use::kWhenDead);
  CHECK_FALSE(one.must_renew(kNow + milliseconds(900)));
  CHECK(one.must_renew(kNow + milliseconds(1'000)));
  CHECK(hear(two, sealed(one, kNow + milliseconds(900))) == "taken");
  CHECK(hear(two, farewell) == "taken");
  AdvertSeals returned({.keys = {kFirst}}, {}, kNow + milliseconds(910));
  CHECK(hear(two, sealed(returned, kNow + milliseconds(920))) == "taken");
}

}  // namespace tandem::failover
