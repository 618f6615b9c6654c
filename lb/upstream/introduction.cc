#include "lb/upstream/introduction.h"

#include "common/check.h"
#include "lb/proxy_protocol/header.h"
#include "lb/upstream/connection.h"
#include "lb/upstream/local_server.h"

#include <array>

namespace tandem::lb::upstream {

bool introduce(Connection& connection, const SocketAddress& client, const SocketAddress& local,
               bool more) {
  using proxy_protocol::Version;
  const config::Server& server = connection.server().config();
  TANDEM_DCHECK(wants_introduction(server));
  // Of a client on a Unix socket there is nothing to tell. Version 2 has words even for those, but
  // HAProxy refuses them, and everybody understands LOCAL.
  const bool has_addresses = !client.ip_bytes().empty() && !local.ip_bytes().empty();
  std::array<char, proxy_protocol::kPlainBytesMax> bytes;
  const auto size = proxy_protocol::encode(
      bytes, {.version = server.send_proxy == config::SendProxy::kV1 ? Version::kV1 : Version::kV2,
              .is_local = !has_addresses,
              .source = client,
              .destination = local});
  TANDEM_CHECK(size.has_value());
  const iovec piece{.iov_base = bytes.data(), .iov_len = *size};
  const event::Transfer sent = connection.write({&piece, 1}, more);
  if (sent.bytes != *size) return false;
  connection.count_written(*size);
  return true;
}

}  // namespace tandem::lb::upstream
