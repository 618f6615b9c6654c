// Hellos as bytes: what OpenSSL's client really says, and hand-made ones with one thing wrong.
#pragma once

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::tls {

struct HelloWish {
  std::string server_name = {};    // empty: none is asked for
  std::string alpn = {};           // as on the wire: "\x02h2"
  int version = 0;                 // TLS1_2_VERSION, …; 0: 1.2 and 1.3
  std::size_t fragment_bytes = 0;  // of each record; 0: as OpenSSL likes
};

/// The first flight of OpenSSL's client.
inline std::string openssl_hello(const HelloWish& wish) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  REQUIRE(ssl != nullptr);
  if (wish.version != 0) {
    if (wish.version < TLS1_2_VERSION) SSL_set_security_level(ssl.get(), 0);
    REQUIRE(SSL_set_min_proto_version(ssl.get(), wish.version) == 1);
    REQUIRE(SSL_set_max_proto_version(ssl.get(), wish.version) == 1);
  }
  if (!wish.server_name.empty())
    REQUIRE(SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(wish.server_name.c_str())) == 1);
  if (!wish.alpn.empty())
    REQUIRE(SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                                static_cast<unsigned int>(wish.alpn.size())) == 0);
  if (wish.fragment_bytes != 0)
    REQUIRE(SSL_set_max_send_fragment(ssl.get(), static_cast<long>(wish.fragment_bytes)) == 1);
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  SSL_set_connect_state(ssl.get());
  REQUIRE(SSL_do_handshake(ssl.get()) != 1);
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  REQUIRE(size > 0);
  return {bytes, static_cast<std::size_t>(size)};
}

/// `number` in `width` bytes, big-endian.
inline std::string number_bytes(std::size_t number, std::size_t width) {
  std::string bytes(width, '\0');
  for (std::size_t i = width; i-- > 0; number >>= 8U) bytes[i] = static_cast<char>(number & 0xFFU);
  return bytes;
}
/// What stands behind its length.
inline std::string with_length(std::size_t width, std::string_view bytes) {
  return number_bytes(bytes.size(), width) + std::string(bytes);
}
inline std::string extension(std::size_t type, std::string_view data) {
  return number_bytes(type, 2) + with_length(2, data);
}
inline std::string name_entry(std::string_view name, char type = '\0') {
  return type + with_length(2, name);
}
inline std::string server_name_extension(std::string_view name) {
  return extension(0, with_length(2, name_entry(name)));
}
inline std::string alpn_extension(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += with_length(1, name);
  return extension(16, with_length(2, list));
}

/// The parts of a hello as they go over the wire, lengths included.
struct HelloParts {
  std::string version = "\x03\x03";
  std::string random = std::string(32, 'r');
  std::string session_id = with_length(1, std::string(32, 's'));
  std::string ciphers = with_length(2, "\x13\x01\x13\x02");
  std::string compression = with_length(1, std::string_view("\0", 1));
  std::string extensions = with_length(2, server_name_extension("www.example.org"));
  std::string behind = {};

  [[nodiscard]] std::string message() const {
    return '\x01' + with_length(3, version + random + session_id + ciphers + compression +
                                       extensions + behind);
  }
};

inline HelloParts with_extensions(std::string_view extensions) {
  HelloParts parts;
  parts.extensions = with_length(2, extensions);
  return parts;
}

/// `message` in records of `fragment_bytes` each.
inline std::string in_records(std::string_view message, std::size_t fragment_bytes = 16'384) {
  std::string records;
  for (; !message.empty(); message.remove_prefix(std::min(message.size(), fragment_bytes)))
    records += "\x16\x03\x01" + with_length(2, message.substr(0, fragment_bytes));
  return records;
}

}  // namespace tandem::lb::tls
