#include "common/pulse.h"

#include <catch2/catch.hpp>

namespace tandem::pulse {
namespace {

std::optional<Packet> decoded(const std::string& bytes) { return decode(bytes); }

}  // namespace

TEST_CASE("Each packet comes out as it went in") {
  const auto packet =
      GENERATE(Packet(Hello{.period = Milliseconds(40)}),
               Packet(Beat{.worker = 7, .thread = 4'194'304}), Packet(Condition{.workers = 2}),
               Packet(Condition{.workers = 300,
                                .fitness = Condition::Fitness::kStopping,
                                .why = "backend app has no usable server"}),
               Packet(ServerSetting{.what = ServerSetting::What::kWeight,
                                    .value = 256,
                                    .stamp = 1'790'000'000'000'000,
                                    .server = "app/web1"}),
               Packet(Leaving{}),
               Packet(Leaving{.addresses = {IpAddress::parse("192.0.2.10").value(),
                                            IpAddress::parse("2001:db8::10").value()}}),
               Packet(Picture{.json = "{}"}));
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
  version[0] = 1;
  CHECK_FALSE(decoded(version));
  std::string kind = encode(Beat{});
  kind[1] = 9;
  CHECK_FALSE(decoded(kind));
  std::string fitness = encode(Condition{});
  fitness[4] = 4;
  CHECK_FALSE(decoded(fitness));
  CHECK_FALSE(decoded(encode(Condition{}) + std::string(kWhyBytesMax + 1, 'x')));
}

TEST_CASE("A setting without a server, of no known kind, or with too long a name is none") {
  const ServerSetting setting{.server = "app/web1"};
  std::string nameless = encode(setting);
  nameless.resize(nameless.size() - setting.server.size());
  CHECK_FALSE(decoded(nameless));
  std::string what = encode(setting);
  what[2] = 4;
  CHECK_FALSE(decoded(what));
  CHECK_FALSE(decoded(encode(setting) + std::string(kServerNameBytesMax, 'x')));
}

TEST_CASE("Addresses that are cut off, of no known length, or too many are none") {
  const std::string one = encode(Leaving{.addresses = {IpAddress()}});
  CHECK_FALSE(decoded(one.substr(0, one.size() - 1)));
  std::string length = one;
  length[2] = 5;
  CHECK_FALSE(decoded(length));
  const std::string most = encode(Leaving{.addresses = std::vector<IpAddress>(kAddressesMax + 1)});
  CHECK(std::get<Leaving>(*decoded(most)).addresses.size() == kAddressesMax);
  CHECK_FALSE(decoded(most + one.substr(2)));
}

TEST_CASE("A picture that is too large is none") {
  CHECK(decoded(encode(Picture{.json = std::string(kPictureBytesMax, ' ')})));
  CHECK_FALSE(decoded(encode(Picture{.json = std::string(kPictureBytesMax + 1, ' ')})));
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
