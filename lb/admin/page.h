// The statistics page: the pair, where the node is one of two, then HAProxy's table, in its order
// and colours, as plain HTML that needs no script and nothing from elsewhere. Thread: control.
#pragma once

#include "lb/admin/source.h"
#include "lb/control/stat_table.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::admin {

struct PageOptions {
  std::string_view uri = "/stats";  // where the links lead
  control::StatFilter filter;
  bool refreshes = false;  // the browser reloads every few seconds
};

/// The whole document, UTF-8.
[[nodiscard]] std::string write_page(const Source& source, const PageOptions& options);

/// Class of a server's row: "up", "going_down", "down", "going_up", "nolb", "drain", "maint" or
/// "no_check", from the words of the status column.
[[nodiscard]] std::string_view state_class(std::string_view status) noexcept;

/// "&lt;" and its like, for text and attributes.
void append_escaped(std::string& out, std::string_view text);
/// 1234567 as "1 234 567", with narrow no-break spaces.
[[nodiscard]] std::string grouped(std::int64_t number);
/// The two largest units: "2d3h", "5m19s", "0s".
[[nodiscard]] std::string short_time(std::int64_t seconds);

}  // namespace tandem::lb::admin
