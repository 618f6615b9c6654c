// What "show ssl cert FILE" tells of a certificate, in HAProxy's words and order. Pure; any thread.
#pragma once

#include "lb/tls/certificate.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::tls {

/// Keys and values, each value on one line.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string>> details_of(
    const Certificate& certificate);

}  // namespace tandem::lb::tls
