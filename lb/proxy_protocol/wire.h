// The numbers of version 2 of the PROXY protocol (section 2.2). Internal to lb/proxy_protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy_protocol {

inline constexpr std::string_view kV1Beginning = "PROXY ";
inline constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};

inline constexpr std::size_t kPreludeBytes = 16;  // signature, version, family, length
inline constexpr std::size_t kVersionAt = 12;
inline constexpr std::size_t kFamilyAt = 13;
inline constexpr std::size_t kLengthAt = 14;

inline constexpr std::uint8_t kVersion2 = 0x20;
inline constexpr std::uint8_t kLocal = 0x0;
inline constexpr std::uint8_t kProxy = 0x1;

// Family in the upper half, transport in the lower.
inline constexpr std::uint8_t kUnspecified = 0x00;
inline constexpr std::uint8_t kInetStream = 0x11;
inline constexpr std::uint8_t kInetDatagram = 0x12;
inline constexpr std::uint8_t kInet6Stream = 0x21;
inline constexpr std::uint8_t kInet6Datagram = 0x22;
inline constexpr std::uint8_t kUnixStream = 0x31;
inline constexpr std::uint8_t kUnixDatagram = 0x32;

inline constexpr std::size_t kInetBytes = 12;
inline constexpr std::size_t kInet6Bytes = 36;
inline constexpr std::size_t kUnixPathBytes = 108;
inline constexpr std::size_t kUnixBytes = 2 * kUnixPathBytes;

inline constexpr std::size_t kTlvHeadBytes = 3;  // type, length
inline constexpr std::size_t kChecksumBytes = 4;
inline constexpr std::size_t kTlsHeadBytes = 5;  // client, verify

enum class Tlv : std::uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,
  kChecksum = 0x03,
  kUniqueId = 0x05,
  kTls = 0x20,
  // Inside kTls
  kTlsVersion = 0x21,
  kTlsCommonName = 0x22,
  kTlsCipher = 0x23,
  kTlsSignatureAlgorithm = 0x24,
  kTlsKeyAlgorithm = 0x25,
};

// Bits of `client` in kTls.
inline constexpr std::uint8_t kClientTls = 0x01;
inline constexpr std::uint8_t kClientCertificateHere = 0x02;
inline constexpr std::uint8_t kClientCertificate = 0x04;

}  // namespace tandem::lb::proxy_protocol
