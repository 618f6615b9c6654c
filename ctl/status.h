// The table that `tandemctl status` prints, made from the answer to `show stat`. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tandem::ctl {

/// `csv` is the whole answer. Columns are found by their names in its header.
[[nodiscard]] std::string status_table(std::string_view csv);

}  // namespace tandem::ctl
