// Any bytes as what a client says first: no crash, the same verdict however much of it has come and
// however it is cut into records, and the same name and protocols that a server sees which is
// OpenSSL. Seeds: test/corpus/client_hello.
#include "lb/tls/client_hello.h"
#include "test/fuzz/oracle.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {
namespace {

std::string verdict(std::string_view bytes) {
  const auto hello = read_client_hello(bytes);
  if (!hello) {
    return hello.error() == NoHello::kNotWhole  ? "not whole"
           : hello.error() == NoHello::kTooLong ? "too long"
                                                : "not TLS";
  }
  std::string text = "name " + hello->server_name;
  for (const std::string& protocol : hello->protocols) text += ", protocol " + protocol;
  return text;
}

/// A verdict never changes when more bytes come.
void check_prefixes(std::string_view bytes, const std::string& whole) {
  for (const std::size_t size : fuzz::cuts(bytes, bytes.size())) {
    const std::string said = verdict(bytes.substr(0, size));
    if (said == "not whole") continue;
    fuzz::expect_same("a beginning", said, whole);
    return;
  }
  fuzz::expect("a verdict within the limit", bytes.size() < kClientHelloBytesMax);
}

/// What OpenSSL's server finds in the hello, before it decides anything.
struct Seen {
  bool is_hello = false;
  std::optional<std::string> server_name;  // data of the extension
  std::optional<std::string> alpn;
  std::size_t cipher_bytes = 0;
  std::size_t compression_bytes = 0;
};

std::optional<std::string> extension_data(SSL* ssl, unsigned type) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &data, &size) != 1) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(data), size);
}

int note_hello(SSL* ssl, int* alert, void* into) {
  Seen& seen = *static_cast<Seen*>(into);
  seen = {.is_hello = true,
          .server_name = extension_data(ssl, TLSEXT_TYPE_server_name),
          .alpn = extension_data(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation)};
  const unsigned char* list = nullptr;
  seen.cipher_bytes = SSL_client_hello_get0_ciphers(ssl, &list);
  seen.compression_bytes = SSL_client_hello_get0_compression_methods(ssl, &list);
  *alert = SSL_AD_HANDSHAKE_FAILURE;
  return SSL_CLIENT_HELLO_ERROR;  // no more is wanted of it
}

Seen seen_by_openssl(std::string_view bytes) {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(made, SSL3_VERSION);
    return made;
  }();
  Seen seen;
  SSL_CTX_set_client_hello_cb(context, note_hello, &seen);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context), SSL_free);
  BIO* in = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(ssl.get(), in, BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl.get());
  SSL_do_handshake(ssl.get());
  return seen;
}

std::size_t two_bytes_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at])) << 8U |
         static_cast<std::uint8_t>(bytes[at + 1]);
}

/// The name in the data of an extension; nullopt: OpenSSL will refuse it when it comes to it.
std::optional<std::string> name_in(const std::string& data) {
  if (data.size() < 6 || data.size() > 5 + 255 || two_bytes_at(data, 0) != data.size() - 2 ||
      data[2] != 0 || two_bytes_at(data, 3) != data.size() - 5)
    return std::nullopt;
  std::string name = data.substr(5);
  if (name.find('\0') != std::string::npos) return std::nullopt;
  return name;
}

std::optional<std::string> protocols_in(const std::string& data) {
  if (data.size() < 4 || two_bytes_at(data, 0) != data.size() - 2) return std::nullopt;
  std::string text;
  for (std::size_t at = 2; at < data.size();) {
    const std::size_t size = static_cast<std::uint8_t>(data[at]);
    if (size == 0 || data.size() - at - 1 < size) return std::nullopt;
    text += ", protocol " + data.substr(at + 1, size);
    at += 1U + size;
  }
  return text;
}

/// OpenSSL passes over some, though none may be sent (RFC 8446 section 5.1).
bool has_empty_record(std::string_view bytes) {
  while (bytes.size() >= 5) {
    const std::size_t size = two_bytes_at(bytes, 3);
    if (size == 0) return true;
    bytes.remove_prefix(std::min(bytes.size(), 5 + size));
  }
  return false;
}

void check_against_openssl(std::string_view bytes, const std::string& whole) {
  const Seen seen = seen_by_openssl(bytes);
  // It refuses more: extensions that do not belong into a hello, for one.
  if (!seen.is_hello || whole == "too long" || has_empty_record(bytes)) return;
  const auto name = seen.server_name ? name_in(*seen.server_name) : "";
  const auto protocols = seen.alpn ? protocols_in(*seen.alpn) : "";
  const bool is_good = name && protocols && seen.cipher_bytes > 0 && seen.cipher_bytes % 2 == 0 &&
                       seen.compression_bytes > 0;
  fuzz::expect_same("what OpenSSL sees", whole,
                    is_good ? "name " + *name + *protocols : std::string("not TLS"));
}

/// The message, in records of another size.
void check_other_records(std::string_view bytes, const std::string& whole) {
  std::string message;
  for (std::string_view rest = bytes; rest.size() > 5;) {
    const std::size_t size = two_bytes_at(rest, 3);
    message += rest.substr(5, size);
    if (rest[0] != '\x16' || rest.size() < 5 + size) break;
    rest.remove_prefix(5 + size);
  }
  for (const std::size_t fragment : {std::size_t{7}, std::size_t{300}}) {
    std::string records;
    for (std::size_t at = 0; at < message.size(); at += fragment) {
      const std::string piece = message.substr(at, fragment);
      records += std::string("\x16\x03\x03") + static_cast<char>(piece.size() >> 8U) +
                 static_cast<char>(piece.size() & 0xFFU) + piece;
    }
    if (records.size() > kClientHelloBytesMax) continue;
    fuzz::expect_same("the same in other records", verdict(records), whole);
  }
}

}  // namespace
}  // namespace tandem::lb::tls

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::lb::tls;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = verdict(bytes);
  check_prefixes(bytes, whole);
  check_against_openssl(bytes, whole);
  if (whole.starts_with("name ")) check_other_records(bytes, whole);
  return 0;
}
