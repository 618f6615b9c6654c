#include "ctl/status.h"

#include "common/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace tandem::ctl {
namespace {

/// One line of the CSV, by column name.
class Row {
 public:
  Row(const std::map<std::string_view, std::size_t>& columns, std::string_view line)
      : columns_(columns), fields_(split(line, ',')) {}

  [[nodiscard]] std::string_view operator[](std::string_view column) const {
    const auto found = columns_.find(column);
    if (found == columns_.end() || found->second >= fields_.size()) return "";
    return fields_[found->second];
  }

 private:
  const std::map<std::string_view, std::size_t>& columns_;
  std::vector<std::string_view> fields_;
};

std::map<std::string_view, std::size_t> read_header(std::string_view line) {
  if (line.starts_with("# ")) line.remove_prefix(2);
  std::map<std::string_view, std::size_t> columns;
  const auto names = split(line, ',');
  for (std::size_t i = 0; i < names.size(); ++i) columns.emplace(names[i], i);
  return columns;
}

std::string age(std::string_view seconds_text) {
  const auto seconds = parse_decimal(seconds_text);
  if (!seconds) return "";
  if (*seconds < 120) return fmt::format("{}s", *seconds);
  if (*seconds < 7'200) return fmt::format("{}m", *seconds / 60);
  if (*seconds < 172'800) return fmt::format("{}h", *seconds / 3'600);
  return fmt::format("{}d", *seconds / 86'400);
}

/// Why a server is in its state: what its last check found.
std::string reason(const Row& row) {
  std::string text(row["check_status"]);
  if (!row["check_code"].empty()) text += fmt::format(" {}", row["check_code"]);
  if (!row["last_chk"].empty()) text += fmt::format(" ({})", row["last_chk"]);
  return text;
}

using Cells = std::array<std::string, 8>;

Cells cells_of(const Row& row) {
  const bool is_server = row["type"] == "2";
  const std::string name =
      is_server ? fmt::format("  {}/{}", row["pxname"], row["svname"]) : std::string(row["pxname"]);
  std::string role = row["type"] == "0" ? "frontend" : row["type"] == "1" ? "backend" : "server";
  if (is_server && row["bck"] == "1") role = "backup";
  return {name,
          role,
          std::string(row["status"]),
          age(row["lastchg"]),
          std::string(row["weight"]),
          std::string(row["scur"]),
          std::string(row["stot"]),
          is_server ? reason(row) : ""};
}

void append_lines(std::string& out, const std::vector<Cells>& lines) {
  std::array<std::size_t, std::tuple_size_v<Cells>> widths{};
  for (const Cells& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  for (const Cells& cells : lines) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i)
      line += fmt::format("{:<{}}  ", cells[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

}  // namespace

std::string status_table(std::string_view csv) {
  std::vector<Cells> lines = {
      {"NAME", "ROLE", "STATE", "SINCE", "WEIGHT", "SESSIONS", "TOTAL", "LAST CHECK"}};
  std::vector<Cells> servers;
  const auto all = split(csv, '\n');
  const auto columns = read_header(all.front());
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].empty()) continue;
    const Row row(columns, all[i]);
    if (row["type"] == "2") {
      servers.push_back(cells_of(row));
      continue;
    }
    // A backend comes after its servers in the answer, and before them in the table.
    lines.push_back(cells_of(row));
    lines.insert(lines.end(), servers.begin(), servers.end());
    servers.clear();
  }
  std::string out;
  append_lines(out, lines);
  return out;
}

}  // namespace tandem::ctl
