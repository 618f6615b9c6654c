#include "lb/proxy_protocol/crc32c.h"
#include "lb/proxy_protocol/header.h"
#include "lb/proxy_protocol/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tandem::lb::proxy_protocol {
namespace {

using Decoded = std::expected<std::optional<Header>, Fault>;
/// What is wrong, if anything.
using Check = std::optional<Fault>;

std::unexpected<Fault> refuse(Refusal refusal, std::string_view words) {
  return std::unexpected(Fault{refusal, words});
}
Fault malformed(std::string_view words) { return {Refusal::kMalformed, words}; }

// ---- version 1
// -----------------------------------------------------------------------------------

/// Takes what stands before the next blank, and the blank.
std::string_view take_word(std::string_view& line) {
  const std::size_t blank = line.find(' ');
  const std::string_view word = line.substr(0, blank);
  line = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
  return word;
}

/// 0 to 65535, without leading zeros.
std::optional<std::uint16_t> read_port(std::string_view word) {
  if (word.empty() || word.size() > 5 || (word.size() > 1 && word.front() == '0'))
    return std::nullopt;
  std::uint32_t port = 0;
  for (const char digit : word) {
    if (digit < '0' || digit > '9') return std::nullopt;
    port = port * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  if (port > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

/// inet_pton(3), which refuses leading zeros as the protocol does, on a text that is not ended.
bool read_ip(int family, std::string_view word, void* into) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (word.size() >= text.size() || word.find('\0') != std::string_view::npos) return false;
  std::ranges::copy(word, text.begin());
  return ::inet_pton(family, text.data(), into) == 1;
}

std::optional<SocketAddress> read_endpoint(bool is_v6, std::string_view host,
                                           std::string_view port_word) {
  const auto port = read_port(port_word);
  if (!port) return std::nullopt;
  if (is_v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(*port);
    if (!read_ip(AF_INET6, host, &address.sin6_addr)) return std::nullopt;
    return SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  if (!read_ip(AF_INET, host, &address.sin_addr)) return std::nullopt;
  return SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Decoded decode_v1(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kV1BytesMax).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() < kV1BytesMax) return std::nullopt;
    return refuse(Refusal::kTooLong, "a line of version 1 without an end in its 107 bytes");
  }
  Header header{.version = Version::kV1, .bytes = end + 2};
  std::string_view line = bytes.substr(kV1Beginning.size(), end - kV1Beginning.size());
  const std::string_view protocol = take_word(line);
  if (protocol == "UNKNOWN") return header;
  if (protocol != "TCP4" && protocol != "TCP6")
    return refuse(Refusal::kMalformed, "version 1 for neither TCP4 nor TCP6 nor UNKNOWN");
  if (std::ranges::count(line, ' ') != 3)
    return refuse(Refusal::kMalformed, "version 1 without two addresses and two ports");
  const std::string_view source = take_word(line);
  const std::string_view destination = take_word(line);
  const std::string_view source_port = take_word(line);
  const bool is_v6 = protocol == "TCP6";
  const auto from = read_endpoint(is_v6, source, source_port);
  const auto to = read_endpoint(is_v6, destination, line);
  if (!from || !to) return refuse(Refusal::kMalformed, "version 1 with a bad address or port");
  header.is_local = false;
  header.source = *from;
  header.destination = *to;
  return header;
}

// ---- version 2
// -----------------------------------------------------------------------------------

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}
std::uint16_t two_bytes_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}
std::uint32_t four_bytes_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(two_bytes_at(bytes, at)) << 16U | two_bytes_at(bytes, at + 2);
}

/// Bytes of both addresses and ports; nullopt: no such family.
std::optional<std::size_t> address_bytes(std::uint8_t family) {
  switch (family) {
    case kUnspecified:
      return 0;
    case kInetStream:
    case kInetDatagram:
      return kInetBytes;
    case kInet6Stream:
    case kInet6Datagram:
      return kInet6Bytes;
    case kUnixStream:
    case kUnixDatagram:
      return kUnixBytes;
    default:
      return std::nullopt;
  }
}

SocketAddress inet_at(std::string_view block, std::size_t host_at, std::size_t port_at) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(two_bytes_at(block, port_at));
  std::memcpy(&address.sin_addr, block.data() + host_at, sizeof address.sin_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

SocketAddress inet6_at(std::string_view block, std::size_t host_at, std::size_t port_at) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(two_bytes_at(block, port_at));
  std::memcpy(&address.sin6_addr, block.data() + host_at, sizeof address.sin6_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

/// nullopt: the path has no end. An address without a path, or of the abstract kind, has none here.
std::optional<SocketAddress> unix_at(std::string_view block, std::size_t at) {
  const std::size_t size = block.substr(at, kUnixPathBytes).find('\0');
  if (size == std::string_view::npos) return std::nullopt;
  sockaddr_un address{};
  static_assert(sizeof address.sun_path == kUnixPathBytes);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, block.data() + at, size);
  const std::size_t length = offsetof(sockaddr_un, sun_path) + size + 1;
  return SocketAddress(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
}

Check read_addresses(std::string_view block, Header& header) {
  if (block.size() == kInetBytes) {
    header.source = inet_at(block, 0, 8);
    header.destination = inet_at(block, 4, 10);
  } else if (block.size() == kInet6Bytes) {
    header.source = inet6_at(block, 0, 32);
    header.destination = inet6_at(block, 16, 34);
  } else {
    const auto source = unix_at(block, 0);
    const auto destination = unix_at(block, kUnixPathBytes);
    if (!source || !destination) return malformed("the path of a Unix socket without an end");
    header.source = *source;
    header.destination = *destination;
  }
  header.is_local = false;
  return std::nullopt;
}

struct TlvView {
  Tlv type;
  std::string_view value;
};

/// Takes the next TLV off `rest`; nullopt: it runs over the end.
std::optional<TlvView> take_tlv(std::string_view& rest) {
  if (rest.size() < kTlvHeadBytes) return std::nullopt;
  const std::size_t size = two_bytes_at(rest, 1);
  if (rest.size() - kTlvHeadBytes < size) return std::nullopt;
  const TlvView tlv{static_cast<Tlv>(byte_at(rest, 0)), rest.substr(kTlvHeadBytes, size)};
  rest.remove_prefix(kTlvHeadBytes + size);
  return tlv;
}

Check read_tls(std::string_view value, Tls& tls) {
  if (value.size() < kTlsHeadBytes) return malformed("a TLV about TLS that is too short");
  const std::uint8_t client = byte_at(value, 0);
  tls.is_encrypted = (client & kClientTls) != 0;
  tls.has_certificate_here = (client & kClientCertificateHere) != 0;
  tls.has_certificate = (client & kClientCertificate) != 0;
  tls.verify = four_bytes_at(value, 1);
  std::string_view rest = value.substr(kTlsHeadBytes);
  while (!rest.empty()) {
    const auto tlv = take_tlv(rest);
    if (!tlv) return malformed("a TLV about TLS that runs over its end");
    if (tlv->type == Tlv::kTlsVersion) tls.version = tlv->value;
    if (tlv->type == Tlv::kTlsCommonName) tls.common_name = tlv->value;
    if (tlv->type == Tlv::kTlsCipher) tls.cipher = tlv->value;
    if (tlv->type == Tlv::kTlsSignatureAlgorithm) tls.signature_algorithm = tlv->value;
    if (tlv->type == Tlv::kTlsKeyAlgorithm) tls.key_algorithm = tlv->value;
  }
  return std::nullopt;
}

/// `value`: that of the TLV, inside `whole`. It counts as four zeros in the sum over the header.
Check check_sum(std::string_view whole, std::string_view value) {
  if (value.size() != kChecksumBytes) return malformed("a CRC32C that has not four bytes");
  const auto at = static_cast<std::size_t>(value.data() - whole.data());
  constexpr std::string_view kZeros{"\0\0\0\0", kChecksumBytes};
  std::uint32_t sum = crc32c(whole.substr(0, at));
  sum = crc32c(kZeros, sum);
  sum = crc32c(whole.substr(at + kChecksumBytes), sum);
  if (sum == four_bytes_at(value, 0)) return std::nullopt;
  return Fault{Refusal::kChecksum, "a CRC32C that is wrong"};
}

Check read_tlvs(std::string_view whole, std::string_view rest, Extras& extras) {
  while (!rest.empty()) {
    const auto tlv = take_tlv(rest);
    if (!tlv) return malformed("a TLV that runs over the end");
    Check fault;
    switch (tlv->type) {
      case Tlv::kAlpn:
        extras.alpn = tlv->value;
        break;
      case Tlv::kAuthority:
        extras.authority = tlv->value;
        break;
      case Tlv::kUniqueId:
        if (tlv->value.size() > kUniqueIdBytesMax) fault = malformed("a unique id over 128 bytes");
        extras.unique_id = tlv->value;
        break;
      case Tlv::kChecksum:
        // Of two, one would be part of what the other is about.
        fault = extras.is_sealed ? malformed("two CRC32C") : check_sum(whole, tlv->value);
        extras.is_sealed = true;
        break;
      case Tlv::kTls:
        fault = read_tls(tlv->value, extras.tls.emplace());
        break;
      default:
        break;  // "receivers must ignore the TLVs they do not know"
    }
    if (fault) return fault;
  }
  return std::nullopt;
}

Decoded decode_v2(std::string_view bytes) {
  if (bytes.size() < kPreludeBytes) return std::nullopt;
  const std::uint8_t version = byte_at(bytes, kVersionAt);
  const std::uint8_t command = version & 0x0FU;
  if ((version & 0xF0U) != kVersion2)
    return refuse(Refusal::kUnsupported, "a version that is neither 1 nor 2");
  if (command > kProxy)
    return refuse(Refusal::kUnsupported, "a command that is neither LOCAL nor PROXY");
  const std::uint8_t family = byte_at(bytes, kFamilyAt);
  const auto addresses = address_bytes(family);
  if (command == kProxy && !addresses)
    return refuse(Refusal::kUnsupported, "a family or transport that does not exist");
  Header header{.bytes = kPreludeBytes + two_bytes_at(bytes, kLengthAt)};
  if (header.bytes > kV2BytesMax)
    return refuse(Refusal::kTooLong, "a header of version 2 over 4096 bytes");
  if (bytes.size() < header.bytes) return std::nullopt;
  // Nothing behind the prelude is looked at, not even the family of LOCAL.
  if (command == kLocal || family == kUnspecified) return header;
  const std::string_view whole = bytes.substr(0, header.bytes);
  const std::string_view body = whole.substr(kPreludeBytes);
  if (body.size() < *addresses)
    return refuse(Refusal::kMalformed, "a header of version 2 too short for its addresses");
  if (Check fault = read_addresses(body.substr(0, *addresses), header))
    return std::unexpected(*fault);
  if (Check fault = read_tlvs(whole, body.substr(*addresses), header.extras))
    return std::unexpected(*fault);
  return header;
}

/// Whether `bytes` begin with `mark`, as far as they go.
bool may_begin_with(std::string_view bytes, std::string_view mark) {
  const std::size_t size = std::min(bytes.size(), mark.size());
  return bytes.substr(0, size) == mark.substr(0, size);
}

}  // namespace

Decoded decode(std::string_view bytes) {
  if (may_begin_with(bytes, kSignature)) return decode_v2(bytes);
  if (!may_begin_with(bytes, kV1Beginning))
    return refuse(Refusal::kMissing, "what came is no PROXY header");
  return bytes.size() < kV1Beginning.size() ? Decoded(std::nullopt) : decode_v1(bytes);
}

}  // namespace tandem::lb::proxy_protocol
