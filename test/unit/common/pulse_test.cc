#include "common/pulse.h"

#include <catch2/catch.hpp>

namespace tandem::pulse {
namespace {

std::optional<Packet> decoded(const std::string& bytes) { return decode(bytes); }

}  // namespace

TEST_CASE("Each packet comes out as it went in") {
  const auto packet = GENERATE(Packet(Hello{.period = Milliseconds(40)}), Packet(Beat{.worker = 7}),
                               Packet(Condition{.workers = 2}),
                               Packet(Condition{.workers = 300,
                                                .fitness = Condition::Fitness::kStopping,
                                                .why = "backend app has no usable server"}));
  CHECK(decoded(encode(packet)) == packet);
  CHECK(encode(packet).size() <= kPacketBytesMax);
}

TEST_CASE("No part of a packet passes for one, and nothing may follow") {
  const auto packet = GENERATE(Packet(Hello{}), Packet(Beat{}));
  const std::string whole = encode(packet);
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(decoded(whole.substr(0, length)));
  CHECK_FALSE(decoded(whole + "x"));
}

TEST_CASE("Foreign packets are none") {
  std::string version = encode(Beat{});
  version[0] = 2;
  CHECK_FALSE(decoded(version));
  std::string kind = encode(Beat{});
  kind[1] = 9;
  CHECK_FALSE(decoded(kind));
  std::string fitness = encode(Condition{});
  fitness[4] = 4;
  CHECK_FALSE(decoded(fitness));
  CHECK_FALSE(decoded(encode(Condition{}) + std::string(kWhyBytesMax + 1, 'x')));
}

TEST_CASE("Words that are too long are cut, periods out of bounds are drawn in") {
  const auto condition =
      std::get<Condition>(*decoded(encode(Condition{.why = std::string(1000, 'w')})));
  CHECK(condition.why.size() == kWhyBytesMax);
  CHECK(std::get<Hello>(*decoded(encode(Hello{.period = Milliseconds(0)}))).period == kPeriodMin);
  CHECK(std::get<Hello>(*decoded(encode(Hello{.period = Milliseconds(60'000)}))).period ==
        kPeriodMax);
}

}  // namespace tandem::pulse
