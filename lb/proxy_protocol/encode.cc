#include "lb/proxy_protocol/crc32c.h"
#include "lb/proxy_protocol/header.h"
#include "lb/proxy_protocol/wire.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tandem::lb::proxy_protocol {
namespace {

enum class Family : std::uint8_t { kNone, kInet, kInet6, kUnix };

Family family_of(const Header& header) noexcept {
  if (header.is_local) return Family::kNone;
  const SocketAddress& from = header.source;
  const SocketAddress& to = header.destination;
  const std::size_t from_bytes = from.ip_bytes().size();
  const std::size_t to_bytes = to.ip_bytes().size();
  if (from_bytes != 0 && to_bytes != 0)
    return from_bytes == 4 && to_bytes == 4 ? Family::kInet : Family::kInet6;
  return from.is_unix() && to.is_unix() ? Family::kUnix : Family::kNone;
}

/// As 16 bytes, an IPv4 address v4-mapped.
std::array<char, 16> bytes_of_v6(const SocketAddress& address) noexcept {
  std::array<char, 16> bytes{};
  const std::string_view ip = address.ip_bytes();
  std::ranges::copy(ip, bytes.end() - static_cast<std::ptrdiff_t>(ip.size()));
  if (ip.size() == 4) bytes[10] = bytes[11] = '\xFF';
  return bytes;
}

/// Appends until the room is used up, and then remembers only that.
class Writer {
 public:
  explicit Writer(std::span<char> out) noexcept : out_(out) {}

  Writer& text(std::string_view text) noexcept {
    is_full_ = is_full_ || text.size() > out_.size() - size_;
    if (is_full_) return *this;
    std::ranges::copy(text, out_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
    return *this;
  }
  Writer& byte(std::uint8_t value) noexcept {
    const char c = static_cast<char>(value);
    return text({&c, 1});
  }
  Writer& two_bytes(std::size_t value) noexcept {
    return byte(static_cast<std::uint8_t>(value >> 8U)).byte(static_cast<std::uint8_t>(value));
  }
  Writer& four_bytes(std::uint32_t value) noexcept {
    return two_bytes(value >> 16U).two_bytes(value & 0xFFFFU);
  }
  Writer& tlv(Tlv type, std::string_view value) noexcept {
    return value.empty() ? *this : tlv_head(type, value.size()).text(value);
  }
  Writer& tlv_head(Tlv type, std::size_t size) noexcept {
    return byte(static_cast<std::uint8_t>(type)).two_bytes(size);
  }
  Writer& number(std::uint32_t value) noexcept {
    const fmt::format_int digits(value);
    return text({digits.data(), digits.size()});
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_full() const noexcept { return is_full_; }
  [[nodiscard]] std::string_view written() const noexcept { return {out_.data(), size_}; }
  /// Writes again where something stands already.
  [[nodiscard]] Writer from(std::size_t at) const noexcept { return Writer(out_.subspan(at)); }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
  bool is_full_ = false;
};

// ---- version 1
// -----------------------------------------------------------------------------------

void write_host(Writer& writer, const SocketAddress& address, bool is_v6) noexcept {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v6) {
    const std::array<char, 16> bytes = bytes_of_v6(address);
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET, address.ip_bytes().data(), text.data(), text.size());
  }
  writer.text(text.data()).text(" ");
}

void write_v1(Writer& writer, const Header& header) noexcept {
  writer.text(kV1Beginning);
  const Family family = family_of(header);
  if (family != Family::kInet && family != Family::kInet6) {
    writer.text("UNKNOWN\r\n");
    return;
  }
  const bool is_v6 = family == Family::kInet6;
  writer.text(is_v6 ? "TCP6 " : "TCP4 ");
  write_host(writer, header.source, is_v6);
  write_host(writer, header.destination, is_v6);
  writer.number(header.source.port()).text(" ");
  writer.number(header.destination.port()).text("\r\n");
}

// ---- version 2
// -----------------------------------------------------------------------------------

std::uint8_t family_byte(Family family) noexcept {
  switch (family) {
    case Family::kInet:
      return kInetStream;
    case Family::kInet6:
      return kInet6Stream;
    case Family::kUnix:
      return kUnixStream;
    case Family::kNone:
      break;
  }
  return kUnspecified;
}

void write_path(Writer& writer, const SocketAddress& address) noexcept {
  std::array<char, kUnixPathBytes> path{};
  // An address that was never bound is its family alone.
  const std::size_t head = offsetof(sockaddr_un, sun_path);
  const std::size_t size = address.size() > head ? address.size() - head : 0;
  std::memcpy(path.data(), reinterpret_cast<const char*>(address.data()) + head,
              std::min(size, path.size()));
  writer.text({path.data(), path.size()});
}

void write_addresses(Writer& writer, const Header& header, Family family) noexcept {
  if (family == Family::kNone) return;
  if (family == Family::kUnix) {
    write_path(writer, header.source);
    write_path(writer, header.destination);
    return;
  }
  for (const SocketAddress* address : {&header.source, &header.destination}) {
    const std::array<char, 16> v6 = bytes_of_v6(*address);
    writer.text(family == Family::kInet ? address->ip_bytes()
                                        : std::string_view(v6.data(), v6.size()));
  }
  writer.two_bytes(header.source.port()).two_bytes(header.destination.port());
}

void write_tls(Writer& writer, const Tls& tls) noexcept {
  const struct {
    Tlv type;
    std::string_view value;
  } parts[] = {{Tlv::kTlsVersion, tls.version},
               {Tlv::kTlsCommonName, tls.common_name},
               {Tlv::kTlsCipher, tls.cipher},
               {Tlv::kTlsSignatureAlgorithm, tls.signature_algorithm},
               {Tlv::kTlsKeyAlgorithm, tls.key_algorithm}};
  std::size_t size = kTlsHeadBytes;
  for (const auto& part : parts)
    if (!part.value.empty()) size += kTlvHeadBytes + part.value.size();
  writer.tlv_head(Tlv::kTls, size);
  writer.byte(static_cast<std::uint8_t>((tls.is_encrypted ? kClientTls : 0) |
                                        (tls.has_certificate_here ? kClientCertificateHere : 0) |
                                        (tls.has_certificate ? kClientCertificate : 0)));
  writer.four_bytes(tls.verify);
  for (const auto& part : parts) writer.tlv(part.type, part.value);
}

void write_v2(Writer& writer, const Header& header) noexcept {
  const Family family = family_of(header);
  writer.text(kSignature).byte(kVersion2 | (header.is_local ? kLocal : kProxy));
  writer.byte(family_byte(family)).two_bytes(0);
  write_addresses(writer, header, family);
  const Extras& extras = header.extras;
  writer.tlv(Tlv::kAlpn, extras.alpn);
  writer.tlv(Tlv::kAuthority, extras.authority);
  writer.tlv(Tlv::kUniqueId, extras.unique_id);
  if (extras.tls) write_tls(writer, *extras.tls);
  const std::size_t seal_at = writer.size() + kTlvHeadBytes;
  if (extras.is_sealed) writer.tlv_head(Tlv::kChecksum, kChecksumBytes).four_bytes(0);
  if (writer.is_full()) return;
  writer.from(kLengthAt).two_bytes(writer.size() - kPreludeBytes);
  if (extras.is_sealed) writer.from(seal_at).four_bytes(crc32c(writer.written()));
}

}  // namespace

std::optional<std::size_t> encode(std::span<char> out, const Header& header) noexcept {
  if (header.extras.unique_id.size() > kUniqueIdBytesMax) return std::nullopt;
  Writer writer(out.first(std::min(out.size(), kHeaderBytesMax)));
  if (header.version == Version::kV1) {
    write_v1(writer, header);
  } else {
    write_v2(writer, header);
  }
  if (writer.is_full()) return std::nullopt;
  return writer.size();
}

}  // namespace tandem::lb::proxy_protocol
