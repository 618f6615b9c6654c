// What "set weight" and "set server … weight" have in common.
#pragma once

#include "common/command/session.h"
#include "lb/control/context.h"

#include <string_view>

namespace tandem::lb::control {

/// `text` is "5" or "50%" (of the configured weight).
[[nodiscard]] command::Reply set_weight(ControlContext& context, upstream::ServerId id,
                                        std::string_view text);

}  // namespace tandem::lb::control
