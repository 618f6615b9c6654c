// What "ssl" of a bind and "ssl" of a server have in common.
#pragma once

#include "lb/config/build.h"
#include "lb/tls/protocol_options.h"

#include <optional>
#include <string>
#include <string_view>

namespace tandem::lb::config {

/// "min-ver" to "curves".
void read_protocol(const BuildContext& context, const Place& ssl, tls::ProtocolOptions& out);

/// What "ca-file" and "crl-file" hold, in PEM, understood once; `revocations` may be empty.
struct Authorities {
  std::string pem;
  std::string revocations;
};

/// nullopt: no "ca-file", or after an error.
/// @param whom the refused, for a warning: "clients".
[[nodiscard]] std::optional<Authorities> read_authorities(const BuildContext& context,
                                                          const Place& ssl, std::string_view whom);

}  // namespace tandem::lb::config
