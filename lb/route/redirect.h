// The Location of a "redirect" rule for one request. Pure; knows nothing of the response around it.
#pragma once

#include "lb/config/snapshot.h"

#include <optional>
#include <string>
#include <string_view>

namespace tandem::lb::route {

struct RedirectRequest {
  std::string_view authority;        // as the client wrote it, port included
  std::string_view path_with_query;  // origin form
};

/// scheme: "https://" authority uri. prefix: the prefix and the uri ("/" adds nothing, as HAProxy).
/// location: the value as it is. `drop_query` cuts the uri at its "?".
///
/// Safe to write into a field line whatever the request holds: of the uri, controls, space, quotes,
/// backslash and bytes over 0x7e come out percent-encoded, and a uri that opens with "//" is never
/// made the whole Location, for a browser reads that as another host.
/// nullopt: a scheme redirect of a request whose authority is empty or holds bytes that no
/// authority may (answer 400).
[[nodiscard]] std::optional<std::string> redirect_location(const config::Redirect& redirect,
                                                           const RedirectRequest& request);

}  // namespace tandem::lb::route
