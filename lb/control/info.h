// The figures of the process: what `show info` says, in HAProxy's keys and order.
#pragma once

#include "lb/control/context.h"
#include "lb/control/stat_value.h"

#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::control {

/// What tools take tandem for when runtime.compat is on: the HAProxy whose formats these are.
inline constexpr std::string_view kCompatName = "HAProxy";
inline constexpr std::string_view kCompatVersion = "2.8.0";

struct InfoField {
  std::size_t position;  // of the typed form; HAProxy's numbers
  std::string_view key;
  Nature nature;
  StatValue value;
};

/// Every field, in order.
[[nodiscard]] std::vector<InfoField> make_info(const StatSource& source,
                                               const ProcessInfo& process);

/// "0d 0h00m03s".
[[nodiscard]] std::string format_uptime(std::chrono::seconds uptime);

}  // namespace tandem::lb::control
