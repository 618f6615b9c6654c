// The statistics table as CSV, typed lines and JSON.
#include "lb/control/stat_table.h"

#include <fmt/format.h>

#include <iterator>

namespace tandem::lb::control {
namespace {

constexpr int kProcess = 1;  // HAProxy's process number; there has been only one for long

std::string_view type_word(RowType type) noexcept {
  switch (type) {
    case RowType::kFrontend:
      return "Frontend";
    case RowType::kBackend:
      return "Backend";
    case RowType::kServer:
      return "Server";
  }
  return "Frontend";
}

}  // namespace

void write_csv_header(std::string& out) {
  out += "# ";
  for (std::size_t i = 0; i < kColumns; ++i) {
    out += column_info(static_cast<Column>(i)).name;
    out += ',';
  }
  // HAProxy's mark for the end of the columns whose place is fixed.
  out += "-,\n";
}

void write_csv(const StatRow& row, std::string& out) {
  for (const StatValue& value : row.values) {
    value.append_plain(out);
    out += ',';
  }
  out += "-,\n";
}

void write_typed(const StatRow& row, bool with_descriptions, std::string& out) {
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (row.values[i].is_empty()) continue;
    const ColumnInfo& info = column_info(static_cast<Column>(i));
    fmt::format_to(std::back_inserter(out), "{}.{}.{}.{}.{}.{}:{}:{}", type_word(row.type)[0],
                   row.iid, row.sid, i, info.name, kProcess, tag_letters(info.nature),
                   row.values[i].typed());
    if (with_descriptions) fmt::format_to(std::back_inserter(out), ":\"{}\"", info.description);
    out += '\n';
  }
}

void write_json(const StatRow& row, bool with_descriptions, std::string& out) {
  out += '[';
  bool is_first = true;
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (row.values[i].is_empty()) continue;
    const ColumnInfo& info = column_info(static_cast<Column>(i));
    if (!is_first) out += ',';
    is_first = false;
    fmt::format_to(
        std::back_inserter(out),
        R"({{"objType":"{}","proxyId":{},"id":{},"field":{{"pos":{},"name":"{}"}},"processNum":{},)"
        R"("tags":{},"value":{})",
        type_word(row.type), row.iid, row.sid, i, info.name, kProcess, tag_json(info.nature),
        row.values[i].json());
    if (with_descriptions)
      fmt::format_to(std::back_inserter(out), R"(,"desc":{})", json_string(info.description));
    out += '}';
  }
  out += ']';
}

std::string stat_csv(const StatSource& source, const StatFilter& filter) {
  std::string out;
  write_csv_header(out);
  visit_rows(source, filter, [&out](const StatRow& row) { write_csv(row, out); });
  return out;
}

}  // namespace tandem::lb::control
