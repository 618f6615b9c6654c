#include "lb/upstream/introduction.h"

#include "common/check.h"
#include "lb/proxy_protocol/header.h"
#include "lb/upstream/connection.h"
#include "lb/upstream/local_server.h"

#include <array>
#include <optional>

namespace tandem::lb::upstream {

namespace {

/// Longest common name that is passed on; RFC 5280 allows 64 characters.
constexpr std::size_t kCommonNameBytesMax = 256;

}  // namespace

bool introduce(Connection& connection, const SocketAddress& client, const SocketAddress& local,
               const tls::Stream* encryption, bool more) {
  using proxy_protocol::Version;
  const config::Server& server = connection.server().config();
  TANDEM_DCHECK(wants_introduction(server));
  // Of a client on a Unix socket there is nothing to tell. Version 2 has words even for those, but
  // HAProxy refuses them, and everybody understands LOCAL.
  const bool has_addresses = !client.ip_bytes().empty() && !local.ip_bytes().empty();
  proxy_protocol::Header header{
      .version = server.send_proxy == config::SendProxy::kV1 ? Version::kV1 : Version::kV2,
      .is_local = !has_addresses,
      .source = client,
      .destination = local};
  std::optional<tls::Stream::Shown> shown;
  if (encryption != nullptr && has_addresses) {
    shown = encryption->shown_certificate();
    header.extras.alpn = encryption->protocol();
    header.extras.authority = encryption->server_name();
    header.extras.tls = {.has_certificate_here = shown && !encryption->is_resumed(),
                         .has_certificate = shown.has_value(),
                         .verify = shown && shown->is_good ? 0U : 1U,
                         .version = encryption->version(),
                         .cipher = encryption->cipher()};
    if (shown && shown->common_name.size() <= kCommonNameBytesMax)
      header.extras.tls->common_name = shown->common_name;
  }
  std::array<char, proxy_protocol::kHeaderBytesMax> bytes;
  const auto size = proxy_protocol::encode(bytes, header);
  TANDEM_CHECK(size.has_value());
  const iovec piece{.iov_base = bytes.data(), .iov_len = *size};
  const event::Transfer sent = connection.write({&piece, 1}, more);
  if (sent.bytes != *size) return false;
  connection.count_written(*size);
  return true;
}

}  // namespace tandem::lb::upstream
