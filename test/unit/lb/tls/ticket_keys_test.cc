// Keys of tickets: which one seals, which ones open, and when they are forgotten.
#include "lb/tls/ticket_keys.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace tandem::lb::tls {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = Instant{} + 1000h;

std::string error_of(std::string_view lines) {
  const auto keys = TicketKeys::parse(lines);
  return keys ? std::string("accepted") : keys.error().message;
}

/// A line with a key of `bytes` bytes, each of which is `letter`.
std::string line_of(char letter, std::size_t bytes = 80) {
  const std::string key(bytes, letter);
  std::string text(bytes / 3 * 4 + 5, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(bytes));
  text.resize(static_cast<std::size_t>(size));
  return text + "\n";
}

/// The letter of the key that seals; '?': a random one.
char sealing(TicketKeys& keys) {
  const TicketKey key = keys.sealing(kStart);
  const bool is_known = std::ranges::all_of(key.name, [&](auto c) { return c == key.name[0]; });
  return is_known ? static_cast<char>(key.name[0]) : '?';
}

TEST_CASE("A random key seals for an hour, opens for one more and is forgotten") {
  TicketKeys keys;
  const TicketKey first = keys.sealing(kStart);
  CHECK(keys.sealing(kStart + 59min).name == first.name);
  CHECK(keys.find(first.name, kStart + 59min)->is_current);
  const TicketKey second = keys.sealing(kStart + 60min);
  CHECK(second.name != first.name);
  CHECK(second.encryption != first.encryption);
  CHECK(second.authentication != first.authentication);
  const auto old = keys.find(first.name, kStart + 119min);
  REQUIRE(old);
  CHECK_FALSE(old->is_current);
  CHECK(old->key.encryption == first.encryption);
  CHECK(keys.find(second.name, kStart + 119min)->is_current);
  CHECK_FALSE(keys.find(first.name, kStart + 120min));
  CHECK(keys.find(second.name, kStart + 120min));
}

TEST_CASE("A key opens no longer because nobody came to make a new one") {
  TicketKeys keys;
  const TicketKey first = keys.sealing(kStart);
  // 90 minutes later the first has half an hour left, not an hour.
  CHECK(keys.find(first.name, kStart + 90min));
  CHECK_FALSE(keys.find(first.name, kStart + 120min));
  TicketKeys idle;
  const TicketKey only = idle.sealing(kStart);
  CHECK_FALSE(idle.find(only.name, kStart + 120min));
  CHECK_FALSE(idle.find(only.name, kStart + 5000h));
}

TEST_CASE("Nobody's tickets are not opened") {
  TicketKeys one;
  TicketKeys other;
  const TicketKey key = one.sealing(kStart);
  CHECK_FALSE(other.find(key.name, kStart));
}

TEST_CASE("Of the keys of a file the last but one seals, and the last three open") {
  TicketKeys keys(
      *TicketKeys::parse(line_of('a') + line_of('b') + "\r\n  " + line_of('c') + line_of('d')));
  CHECK(sealing(keys) == 'c');
  const auto opens = [&](char letter) {
    std::array<unsigned char, kTicketNameBytes> name;
    name.fill(static_cast<unsigned char>(letter));
    const auto found = keys.find(name, kStart + 9999h);
    return !found ? "no" : found->is_current ? "yes" : "and renews";
  };
  CHECK(opens('a') == std::string("no"));
  CHECK(opens('b') == std::string("and renews"));
  CHECK(opens('c') == std::string("yes"));
  CHECK(opens('d') == std::string("and renews"));
  TicketKeys alone(*TicketKeys::parse(line_of('x')));
  CHECK(sealing(alone) == 'x');
  TicketKeys two(*TicketKeys::parse(line_of('x') + line_of('y')));
  CHECK(sealing(two) == 'x');
}

TEST_CASE("A line holds name, encryption key and authentication key, as HAProxy reads it") {
  std::string bytes;
  for (int i = 0; i < 80; ++i) bytes += static_cast<char>(i);
  std::string line(112, '\0');
  line.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(line.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), 80)));
  const auto keys = TicketKeys::parse(line);
  REQUIRE(keys);
  const TicketKey& key = keys->front();
  CHECK(key.secret_bytes == 32);
  CHECK(key.name.front() == 0);
  CHECK(key.encryption.front() == 16);
  CHECK(key.encryption.back() == 47);
  CHECK(key.authentication.front() == 48);
  CHECK(key.authentication.back() == 79);
  const auto of_aes128 = TicketKeys::parse(line_of('s', 48));
  REQUIRE(of_aes128);
  CHECK(of_aes128->front().secret_bytes == 16);
  CHECK(of_aes128->front().authentication[15] == 's');
  CHECK(of_aes128->front().authentication[16] == 0);
}

TEST_CASE("A file that is no list of keys is refused by line, without showing it") {
  CHECK(error_of("") == "holds no key: a line of base64 for each is expected");
  CHECK(error_of("\n \r\n") == "holds no key: a line of base64 for each is expected");
  CHECK(error_of(line_of('a') + "\nhello!\n") == "line 3 is not base64");
  CHECK(error_of("????") == "line 1 is not base64");
  CHECK(error_of("====") == "line 1 is not base64");
  CHECK(error_of(line_of('a', 32)) ==
        "line 1 holds 32 bytes, a key has 48 or 80 (openssl rand 80 | openssl base64 -A)");
  CHECK(error_of(line_of('a', 79)) ==
        "line 1 holds 79 bytes, a key has 48 or 80 (openssl rand 80 | openssl base64 -A)");
  CHECK(error_of(line_of('a') + line_of('b', 48)) == "accepted");
}

}  // namespace
}  // namespace tandem::lb::tls
