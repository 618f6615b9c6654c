// PROXY headers as bytes, and decoded ones as one line, for the tests of both directions.
#pragma once

#include "lb/proxy_protocol/crc32c.h"
#include "lb/proxy_protocol/header.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::proxy_protocol {

inline constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};

/// "c0 00 02" as bytes.
inline std::string hex(std::string_view digits) {
  std::string bytes;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      bytes += static_cast<char>(high << 4 | value);
      high = -1;
    }
  }
  return bytes;
}

inline std::string two_bytes(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

inline std::string tlv(int type, std::string_view value) {
  return static_cast<char>(type) + two_bytes(value.size()) + std::string(value);
}

/// A header of version 2 around `body`, with its right length.
inline std::string v2(int version_and_command, int family, std::string_view body) {
  return std::string(kSignature) + static_cast<char>(version_and_command) +
         static_cast<char>(family) + two_bytes(body.size()) + std::string(body);
}

/// 192.0.2.7:56324 to 198.51.100.1:443.
inline std::string inet_block() { return hex("c0000207 c6336401 dc04 01bb"); }
/// [2001:db8::7]:56324 to [2001:db8::1]:443.
inline std::string inet6_block() {
  return hex("20010db8000000000000000000000007 20010db8000000000000000000000001 dc04 01bb");
}
inline std::string unix_block(std::string_view source, std::string_view destination) {
  std::string block(216, '\0');
  block.replace(0, source.size(), source);
  block.replace(108, destination.size(), destination);
  return block;
}

/// With a CRC32C behind everything else.
inline std::string sealed(int family, std::string_view body) {
  std::string header = v2(0x21, family, std::string(body) + tlv(0x03, std::string(4, '\0')));
  const std::uint32_t sum = crc32c(header);
  for (std::size_t i = 0; i < 4; ++i)
    header[header.size() - 4 + i] = static_cast<char>(sum >> (24 - 8 * i));
  return header;
}

inline std::string describe(const Header& header) {
  std::string text = fmt::format("v{} {} bytes: ", static_cast<int>(header.version), header.bytes);
  if (header.is_local) return text + "local";
  text += header.source.text() + " to " + header.destination.text();
  const Extras& extras = header.extras;
  if (!extras.alpn.empty()) text += fmt::format(", alpn {}", extras.alpn);
  if (!extras.authority.empty()) text += fmt::format(", authority {}", extras.authority);
  if (!extras.unique_id.empty()) text += fmt::format(", id {}", extras.unique_id);
  if (extras.tls) {
    const Tls& tls = *extras.tls;
    text += fmt::format(", tls {}{}{} verify {} [{}|{}|{}|{}|{}]", tls.is_encrypted ? "e" : "-",
                        tls.has_certificate_here ? "c" : "-", tls.has_certificate ? "s" : "-",
                        tls.verify, tls.version, tls.common_name, tls.cipher,
                        tls.signature_algorithm, tls.key_algorithm);
  }
  if (extras.is_sealed) text += ", sealed";
  return text;
}

/// What decode() says of `bytes`, in a line.
inline std::string verdict(std::string_view bytes) {
  constexpr std::string_view kNames[] = {"missing", "malformed", "unsupported", "too long",
                                         "checksum"};
  const auto decoded = decode(bytes);
  if (!decoded)
    return fmt::format("refused as {}: {}",
                       kNames[static_cast<std::size_t>(decoded.error().refusal)],
                       decoded.error().words);
  return *decoded ? describe(**decoded) : "more";
}

}  // namespace tandem::lb::proxy_protocol
