// Every reason for which a PROXY header is refused. Sections are those of proxy-protocol.txt.
#include "test/unit/lb/proxy_protocol/wire_text.h"

#include <catch2/catch.hpp>

#include <vector>

namespace tandem::lb::proxy_protocol {
namespace {

struct Row {
  std::string_view what;
  std::string bytes;
  std::string_view verdict;
};

constexpr std::string_view kMissing = "refused as missing: what came is no PROXY header";
constexpr std::string_view kProtocol =
    "refused as malformed: version 1 for neither TCP4 nor TCP6 nor UNKNOWN";
constexpr std::string_view kFields =
    "refused as malformed: version 1 without two addresses and two ports";
constexpr std::string_view kAddress = "refused as malformed: version 1 with a bad address or port";

TEST_CASE("What is no PROXY header is refused with the first byte that shows it") {
  for (const std::string_view bytes :
       {"G", "GET / HTTP/1.1\r\n", "p", "proxy TCP4", "PROXX", "PROXY\t", "PROXY\r\n", "PROXYTCP4",
        "\r\nPROXY TCP4", "\r\n\r\n\r\n", " PROXY "}) {
    INFO(bytes);
    CHECK(verdict(bytes) == kMissing);
  }
  CHECK(verdict(std::string(kSignature.substr(0, 11)) + "X") == kMissing);
  CHECK(verdict("\x16\x03\x01\x02") == kMissing);  // a TLS hello
}

TEST_CASE("A line of version 1 is as the specification has it, or refused (section 2.1)") {
  const std::vector<Row> rows = {
      {"another protocol", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", kProtocol},
      {"another case", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", kProtocol},
      {"no protocol", "PROXY \r\n", kProtocol},
      {"two blanks", "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", kProtocol},
      {"UNKNOWN and more of the word", "PROXY UNKNOWNS\r\n", kProtocol},
      {"nothing behind the protocol", "PROXY TCP4\r\n", kFields},
      {"one port", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", kFields},
      {"three ports", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", kFields},
      {"a blank at the end", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", kFields},
      {"two blanks between", "PROXY TCP4 1.2.3.4  5.6.7.8 1\r\n", kAddress},
      {"a tab", "PROXY TCP4 1.2.3.4 5.6.7.8 1\t 2\r\n", kAddress},
      {"three numbers", "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", kAddress},
      {"five numbers", "PROXY TCP4 1.2.3.4.5 5.6.7.8 1 2\r\n", kAddress},
      {"a number over 255", "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n", kAddress},
      {"a leading zero in an address", "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n", kAddress},
      {"an octal address", "PROXY TCP4 010.2.3.4 5.6.7.8 1 2\r\n", kAddress},
      {"a name", "PROXY TCP4 localhost 5.6.7.8 1 2\r\n", kAddress},
      {"IPv6 for TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", kAddress},
      {"IPv4 for TCP6", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", kAddress},
      {"the families mixed", "PROXY TCP6 ::1 5.6.7.8 1 2\r\n", kAddress},
      {"a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", kAddress},
      {"brackets", "PROXY TCP6 [::1] ::1 1 2\r\n", kAddress},
      {"nine groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n", kAddress},
      {"two gaps", "PROXY TCP6 1::2::3 ::1 1 2\r\n", kAddress},
      {"five digits", "PROXY TCP6 12345::1 ::1 1 2\r\n", kAddress},
      {"a port over 65535", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", kAddress},
      {"a port of six digits", "PROXY TCP4 1.2.3.4 5.6.7.8 1 100000\r\n", kAddress},
      {"a leading zero in a port", "PROXY TCP4 1.2.3.4 5.6.7.8 1 0443\r\n", kAddress},
      {"a signed port", "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", kAddress},
      {"an empty port", "PROXY TCP4 1.2.3.4 5.6.7.8  2\r\n", kAddress},
      {"a port that is none", "PROXY TCP4 1.2.3.4 5.6.7.8 http 2\r\n", kAddress},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict(row.bytes) == row.verdict);
  }
  // A C string would end at the NUL, and the address be good.
  CHECK(verdict(std::string("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n", 33)) == kAddress);
}

TEST_CASE("A line of version 1 ends with CRLF within 107 bytes") {
  constexpr std::string_view kTooLong =
      "refused as too long: a line of version 1 without an end in its 107 bytes";
  const std::string most = "PROXY UNKNOWN " + std::string(91, 'x');  // 105 bytes
  CHECK(verdict(most + "\r\n") == "v1 107 bytes: local");
  CHECK(verdict(most + "\r") == "more");
  CHECK(verdict(most + "x\r") == kTooLong);
  CHECK(verdict(most + "x\r\n") == kTooLong);
  CHECK(verdict("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n") == "more");
  CHECK(verdict("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n" + std::string(100, '\n')) == kTooLong);
  CHECK(verdict("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r" + std::string(100, ' ')) == kTooLong);
}

TEST_CASE("A version, command or family that does not exist is refused (section 2.2)") {
  for (int first = 0; first < 256; ++first) {
    INFO(first);
    const std::string said = verdict(v2(first, 0x11, inet_block()));
    if (first == 0x20) {
      CHECK(said == "v2 28 bytes: local");
    } else if (first == 0x21) {
      CHECK(said == "v2 28 bytes: 192.0.2.7:56324 to 198.51.100.1:443");
    } else if (first >> 4 != 2) {
      CHECK(said == "refused as unsupported: a version that is neither 1 nor 2");
    } else {
      CHECK(said == "refused as unsupported: a command that is neither LOCAL nor PROXY");
    }
  }
  for (int family = 0; family < 256; ++family) {
    INFO(family);
    const int transport = family & 0x0F;
    const bool exists =
        family == 0 || (family >> 4 >= 1 && family >> 4 <= 3 && (transport == 1 || transport == 2));
    const std::string said = verdict(v2(0x21, family, std::string(216, '\0')));
    CHECK((said == "refused as unsupported: a family or transport that does not exist") != exists);
    // With its prelude: nobody waits for the rest of what will be refused.
    CHECK((verdict(v2(0x21, family, "x").substr(0, 16)).starts_with("refused")) == !exists);
  }
}

TEST_CASE("A header of version 2 holds what its length and its TLVs say") {
  const std::string v4 = inet_block();
  constexpr std::string_view kShort =
      "refused as malformed: a header of version 2 too short for its addresses";
  constexpr std::string_view kOver = "refused as malformed: a TLV that runs over the end";
  constexpr std::string_view kInside =
      "refused as malformed: a TLV about TLS that runs over its end";
  const std::vector<Row> rows = {
      {"no addresses", v2(0x21, 0x11, ""), kShort},
      {"11 bytes for IPv4", v2(0x21, 0x11, v4.substr(1)), kShort},
      {"35 bytes for IPv6", v2(0x21, 0x21, inet6_block().substr(1)), kShort},
      {"215 bytes for Unix", v2(0x21, 0x31, unix_block("/a", "/b").substr(1)), kShort},
      {"a path without an end", v2(0x21, 0x31, unix_block(std::string(108, 'a'), "/b")),
       "refused as malformed: the path of a Unix socket without an end"},
      {"the other path without an end", v2(0x21, 0x31, unix_block("/a", std::string(108, 'b'))),
       "refused as malformed: the path of a Unix socket without an end"},
      {"one byte of a TLV", v2(0x21, 0x11, v4 + "\x04"), kOver},
      {"two bytes of a TLV", v2(0x21, 0x11, v4 + std::string("\x04\0", 2)), kOver},
      {"a TLV longer by one", v2(0x21, 0x11, v4 + hex("04 0003 6161")), kOver},
      {"a TLV longer by all", v2(0x21, 0x11, v4 + hex("04 ffff")), kOver},
      {"the second of two", v2(0x21, 0x11, v4 + tlv(0x01, "h2") + hex("02 0001")), kOver},
      {"an unknown one too", v2(0x21, 0x11, v4 + hex("ee 0001")), kOver},
      {"an id of 129 bytes", v2(0x21, 0x11, v4 + tlv(0x05, std::string(129, 'u'))),
       "refused as malformed: a unique id over 128 bytes"},
      {"TLS of four bytes", v2(0x21, 0x11, v4 + tlv(0x20, "abcd")),
       "refused as malformed: a TLV about TLS that is too short"},
      {"TLS whose inside runs over its end",
       v2(0x21, 0x11, v4 + tlv(0x20, hex("01 00000000 21 0002 61")) + tlv(0x04, "more")), kInside},
      {"TLS with a head of two bytes inside",
       v2(0x21, 0x11, v4 + tlv(0x20, hex("01 00000000 2100"))), kInside},
      {"a sum of three bytes", v2(0x21, 0x11, v4 + tlv(0x03, "abc")),
       "refused as malformed: a CRC32C that has not four bytes"},
      {"a sum that is wrong", v2(0x21, 0x11, v4 + tlv(0x03, "abcd")),
       "refused as checksum: a CRC32C that is wrong"},
      {"two sums", sealed(0x11, v4 + tlv(0x03, std::string(4, '\0'))),
       "refused as checksum: a CRC32C that is wrong"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict(row.bytes) == row.verdict);
  }
}

TEST_CASE("A second right sum is refused as well") {
  // The second one is right only if the first is filled in, and the first counts it as it stands.
  const std::string first = sealed(0x11, inet_block());
  std::string both = v2(0x21, 0x11, first.substr(16) + tlv(0x03, "wxyz"));
  both.replace(31, 4, std::string(4, '\0'));
  const std::uint32_t sum = crc32c(both);
  for (std::size_t i = 0; i < 4; ++i) both[31 + i] = static_cast<char>(sum >> (24 - 8 * i));
  CHECK(verdict(both) == "refused as malformed: two CRC32C");
}

TEST_CASE("One bit that is wrong in a sealed header is always found") {
  const std::string good = sealed(0x11, inet_block() + tlv(0x02, "www.example.org"));
  const std::string meaning = verdict(good);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      INFO("byte " << at << " bit " << bit);
      const std::string said = verdict(bad);
      // A header that became LOCAL, longer, or one without its seal is another header.
      const bool is_another = at == 12 || at == 13 || at == 14 || at == 15 || at == good.size() - 7;
      if (!is_another) CHECK(said.starts_with("refused"));
      CHECK(said != meaning);
    }
  }
}

TEST_CASE("A header of version 2 over the limit is refused before it is waited for") {
  constexpr std::string_view kTooLong =
      "refused as too long: a header of version 2 over 4096 bytes";
  const std::string prelude = std::string(kSignature) + hex("21 11");
  CHECK(verdict(prelude + two_bytes(4080)) == "more");
  CHECK(verdict(prelude + two_bytes(4081)) == kTooLong);
  CHECK(verdict(prelude + two_bytes(65535)) == kTooLong);
  CHECK(verdict(std::string(kSignature) + hex("20 00 ffff")) == kTooLong);  // LOCAL too
}

}  // namespace
}  // namespace tandem::lb::proxy_protocol
