// Hellos of OpenSSL's client, whole, cut and in many records; and what is none.
#include "lb/tls/client_hello.h"

#include "test/unit/lb/tls/hello_bytes.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace tandem::lb::tls {
namespace {

/// "www.example.org h2 http/1.1", "nameless", or why there is none.
std::string verdict(std::string_view bytes) {
  const auto hello = read_client_hello(bytes);
  if (!hello) {
    switch (hello.error()) {
      case NoHello::kNotWhole:
        return "not whole";
      case NoHello::kTooLong:
        return "too long";
      case NoHello::kNotTls:
        return "not TLS";
    }
  }
  std::string text = hello->server_name.empty() ? "nameless" : hello->server_name;
  for (const std::string& protocol : hello->protocols) text += " " + protocol;
  return text;
}

/// The verdict on `bytes`, which must be the same however much of it has come: until it is said, a
/// beginning is "not whole".
std::string verdict_of_each_beginning(const std::string& bytes) {
  const std::string whole = verdict(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string said = verdict(std::string_view(bytes).substr(0, size));
    if (said == "not whole") continue;
    INFO(size << " of " << bytes.size());
    CHECK(said == whole);
    break;
  }
  CHECK(verdict(bytes + "GET") == whole);
  return whole;
}

const std::string kTwo = "\x02h2\x08http/1.1";

TEST_CASE("The name and the protocols that OpenSSL's client asks for are read") {
  struct Row {
    HelloWish wish;
    std::string says;
  };
  const std::vector<Row> rows = {
      {{.server_name = "www.example.org"}, "www.example.org"},
      {{.server_name = "www.example.org", .alpn = kTwo}, "www.example.org h2 http/1.1"},
      {{.alpn = kTwo}, "nameless h2 http/1.1"},
      {{}, "nameless"},
      {{.server_name = "WWW.Example.ORG", .version = TLS1_3_VERSION}, "WWW.Example.ORG"},
      {{.server_name = "a", .version = TLS1_2_VERSION}, "a"},
      {{.server_name = "old.example.org", .version = TLS1_VERSION}, "old.example.org"},
      {{.server_name = std::string(255, 'n')}, std::string(255, 'n')},
  };
  for (const Row& row : rows) CHECK(verdict_of_each_beginning(openssl_hello(row.wish)) == row.says);
}

TEST_CASE("A hello that OpenSSL sends in several records is one hello") {
  std::string many;
  std::string says = "www.example.org";
  for (int i = 0; i < 40; ++i) {
    const std::string name = "protocol-number-" + std::to_string(1000 + i);
    many += with_length(1, name);
    says += " " + name;
  }
  const std::string bytes =
      openssl_hello({.server_name = "www.example.org", .alpn = many, .fragment_bytes = 512});
  CHECK(bytes.substr(3, 2) == number_bytes(512, 2));
  CHECK(bytes.size() > 1000);
  CHECK(verdict_of_each_beginning(bytes) == says);
}

TEST_CASE("A hello may be cut into records of any size") {
  const std::string message = openssl_hello({.server_name = "www.example.org", .alpn = kTwo})
                                  .substr(5);  // OpenSSL puts it into one
  for (std::size_t fragment = 1; fragment <= message.size(); ++fragment)
    CHECK(verdict(in_records(message, fragment)) == "www.example.org h2 http/1.1");
  CHECK(verdict_of_each_beginning(in_records(message, 1)) == "www.example.org h2 http/1.1");
}

TEST_CASE("What stands behind the hello does not matter, in its record or after it") {
  const std::string message = HelloParts{}.message();
  CHECK(verdict(in_records(message + "more")) == "www.example.org");
  CHECK(verdict(in_records(message) + "more") == "www.example.org");
  CHECK(verdict(in_records(message) + std::string(100'000, '\x16')) == "www.example.org");
}

TEST_CASE("A hello without extensions, as before there were any, asks for no name") {
  HelloParts parts;
  parts.extensions.clear();
  CHECK(verdict_of_each_beginning(in_records(parts.message())) == "nameless");
  parts.extensions = with_length(2, "");
  CHECK(verdict_of_each_beginning(in_records(parts.message())) == "nameless");
}

TEST_CASE("What other protocols say first is known for that with its first bytes") {
  const std::vector<std::string> others = {
      "GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH_9.2", "PROXY TCP4 1.2.3.4", std::string(8, '\0'),
      // A hello of SSL 2.0, as old clients sent it also to ask for TLS.
      std::string("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10", 11),
      "\x15\x03\x01",                                          // an alert
      "\x14\x03\x01", "\x17\x03\x03", "\x16\x02", "\x16\x04",  // no version of TLS
  };
  for (const std::string& bytes : others) {
    INFO(bytes);
    CHECK(verdict_of_each_beginning(bytes) == "not TLS");
  }
  CHECK(verdict("G") == "not TLS");
  CHECK(verdict("") == "not whole");
}

TEST_CASE("Records that no hello comes in are none") {
  const std::string message = HelloParts{}.message();
  const std::string whole = in_records(message, 20);
  const auto spoilt = [&](std::size_t at, char byte) {
    std::string bytes = whole;
    bytes[at] = byte;
    return verdict_of_each_beginning(bytes);
  };
  CHECK(spoilt(5, 2) == "not TLS");    // a ServerHello
  CHECK(spoilt(25, 23) == "not TLS");  // the second record is data
  CHECK(spoilt(26, 2) == "not TLS");   // of another version
  CHECK(verdict_of_each_beginning(std::string("\x16\x03\x01\0\0", 5) + whole) == "not TLS");
  CHECK(verdict_of_each_beginning(whole.substr(0, 25) + std::string("\x16\x03\x01\0\0", 5)) ==
        "not TLS");
  CHECK(verdict_of_each_beginning("\x16\x03\x01\x40\x01\x01") == "not TLS");  // over 2^14
  CHECK(verdict(std::string("\x16\x03\x01\x40\x00\x01", 6)) == "not whole");
}

TEST_CASE("A hello that breaks its own rules is none") {
  struct Row {
    std::string_view what;
    std::string extensions;
  };
  const std::string name = server_name_extension("a.example");
  const std::string alpn = alpn_extension({"h2"});
  const std::vector<Row> rows = {
      {"half an extension", std::string(3, '\0')},
      {"an extension over the end", number_bytes(0, 2) + number_bytes(9, 2) + "12345678"},
      {"two names in two extensions", name + name},
      {"two of ALPN", alpn + name + alpn},
      {"an empty extension, as servers send it", extension(0, "")},
      {"an empty list", extension(0, with_length(2, ""))},
      {"a list shorter than its data", extension(0, with_length(2, name_entry("a")) + "x")},
      {"a list longer than its data", extension(0, number_bytes(20, 2) + name_entry("a"))},
      {"an empty name", server_name_extension("")},
      {"two names in one list", extension(0, with_length(2, name_entry("a") + name_entry("b")))},
      {"a name of another type", extension(0, with_length(2, name_entry("a", '\1')))},
      {"a name over its list", extension(0, with_length(2, '\0' + number_bytes(5, 2) + "abcd"))},
      {"a name of 256 bytes", server_name_extension(std::string(256, 'n'))},
      {"a zero byte in the name", server_name_extension(std::string_view("a.example\0b", 11))},
      {"ALPN without a list", extension(16, "")},
      {"ALPN with an empty list", alpn_extension({})},
      {"an empty protocol", alpn_extension({"h2", ""})},
      {"a protocol over its list", extension(16, with_length(2, "\x03h2"))},
      {"a list of ALPN shorter than its data", extension(16, with_length(2, "\x02h2") + "x")},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict_of_each_beginning(in_records(with_extensions(row.extensions).message())) ==
          "not TLS");
  }
  CHECK(verdict(in_records(with_extensions(alpn + extension(21, "padding") + name).message())) ==
        "a.example h2");
}

TEST_CASE("Lengths in front of the extensions are checked as well") {
  const auto of = [](auto change) {
    HelloParts parts;
    change(parts);
    return verdict_of_each_beginning(in_records(parts.message()));
  };
  CHECK(of([](HelloParts&) {}) == "www.example.org");
  CHECK(of([](HelloParts& p) { p.session_id = with_length(1, ""); }) == "www.example.org");
  CHECK(of([](HelloParts& p) { p.session_id = with_length(1, std::string(33, 's')); }) ==
        "not TLS");
  CHECK(of([](HelloParts& p) { p.ciphers = with_length(2, ""); }) == "not TLS");
  CHECK(of([](HelloParts& p) { p.ciphers = with_length(2, "odd"); }) == "not TLS");
  CHECK(of([](HelloParts& p) { p.compression = with_length(1, ""); }) == "not TLS");
  CHECK(of([](HelloParts& p) { p.behind = "x"; }) == "not TLS");
  CHECK(of([](HelloParts& p) { p.extensions.pop_back(); }) == "not TLS");
  // Cut off anywhere by its own length.
  const std::string body = HelloParts{}.message().substr(4);
  const std::size_t without_extensions = 2 + 32 + 33 + 6 + 2;
  for (std::size_t size = 0; size < body.size(); ++size) {
    INFO(size);
    CHECK(verdict(in_records('\x01' + with_length(3, body.substr(0, size)))) ==
          (size == without_extensions ? "nameless" : "not TLS"));
  }
}

TEST_CASE("A hello of 16 KiB is read, one over that is known by its length or by what has come") {
  const std::size_t overhead = in_records(with_extensions(extension(21, "")).message()).size();
  const auto padded = [&](std::size_t size) {
    return with_extensions(extension(21, std::string(size - overhead, 'p'))).message();
  };
  CHECK(verdict(in_records(padded(kClientHelloBytesMax))) == "nameless");
  CHECK(verdict(in_records(padded(kClientHelloBytesMax + 1))) == "too long");
  const std::string claim = std::string("\x16\x03\x01\x02\x00\x01", 6);
  CHECK(verdict(claim + number_bytes(kClientHelloBytesMax - 8, 3)) == "too long");
  CHECK(verdict(claim + number_bytes(kClientHelloBytesMax - 9, 3)) == "not whole");
  CHECK(verdict(claim + "\xff\xff\xff") == "too long");
  // Many small records make a small hello long.
  const std::string cut = in_records(padded(4000), 1);
  CHECK(cut.size() > kClientHelloBytesMax);
  CHECK(verdict(std::string_view(cut).substr(0, kClientHelloBytesMax - 1)) == "not whole");
  CHECK(verdict(std::string_view(cut).substr(0, kClientHelloBytesMax)) == "too long");
  CHECK(verdict(cut) == "too long");
}

TEST_CASE("Whatever byte of a hello is another one, the verdict on it stays one verdict") {
  const std::string bytes =
      in_records(openssl_hello({.server_name = "www.example.org", .alpn = kTwo}).substr(5), 100);
  std::size_t good = 0;
  std::size_t none = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned change : {1U, 0x80U, 0xFFU}) {
      std::string other = bytes;
      other[at] = static_cast<char>(static_cast<unsigned char>(other[at]) ^ change);
      const std::string whole = verdict(other);
      bool is_said = false;
      for (std::size_t size = 0; size <= other.size(); ++size) {
        const std::string said = verdict(std::string_view(other).substr(0, size));
        if (said == whole && said != "not whole") is_said = true;
        if (said != (is_said ? whole : "not whole")) FAIL_CHECK(at << ": " << size << " " << said);
      }
      (whole == "not TLS" ? none : good) += 1;
    }
  }
  // The comparison means something only while both are common.
  CHECK(good > 100);
  CHECK(none > 100);
}

}  // namespace
}  // namespace tandem::lb::tls
