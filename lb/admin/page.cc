#include "lb/admin/page.h"

#include "lb/admin/page_style.h"
#include "lb/admin/pair.h"
#include "lb/admin/readiness.h"
#include "lb/control/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace tandem::lb::admin {
namespace {

using control::Column;
using control::RowType;
using control::StatRow;

constexpr int kRefreshSeconds = 5;

// ---- cells -------------------------------------------------------------------------------------

std::string plain(const StatRow& row, Column column) { return row[column].plain(); }

std::string number(const StatRow& row, Column column) {
  return row[column].is_empty() ? "" : grouped(row[column].number());
}

/// "5m19s ago"; empty when it never happened.
std::string last_session(const StatRow& row) {
  if (row[Column::kLastsess].is_empty() || row[Column::kLastsess].number() < 0) return "";
  return short_time(row[Column::kLastsess].number());
}

std::string status(const StatRow& row) {
  const std::string word = plain(row, Column::kStatus);
  if (row[Column::kLastchg].is_empty()) return word;
  return short_time(row[Column::kLastchg].number()) + " " + word;
}

/// "L7OK/200 in 1ms", as HAProxy has it.
std::string last_check(const StatRow& row) {
  std::string text = plain(row, Column::kCheckStatus);
  if (text.empty()) return text;
  if (!row[Column::kCheckCode].is_empty()) text += "/" + plain(row, Column::kCheckCode);
  if (!row[Column::kCheckDuration].is_empty())
    text += " in " + plain(row, Column::kCheckDuration) + "ms";
  return text;
}

/// Effective weight, and the one that was asked for when it differs (slow start, drain).
std::string weight(const StatRow& row) {
  const std::string effective = plain(row, Column::kWeight);
  const std::string wanted = plain(row, Column::kUweight);
  return wanted.empty() || wanted == effective ? effective : effective + "/" + wanted;
}

/// Servers say whether they are, backends how many there are.
std::string group_member(const StatRow& row, Column column) {
  if (row.type != RowType::kServer) return plain(row, column);
  return row[column].number() != 0 ? "Y" : "-";
}

std::string downtime(const StatRow& row) {
  return row[Column::kDowntime].is_empty() ? "" : short_time(row[Column::kDowntime].number());
}

std::string throttle(const StatRow& row) {
  return row[Column::kThrottle].is_empty() ? "" : plain(row, Column::kThrottle) + " %";
}

template <Column kColumn>
std::string number_of(const StatRow& row) {
  return number(row, kColumn);
}

/// Requests by class of status, for the hint on the total.
std::string responses_hint(const StatRow& row) {
  if (row[Column::kHrsp2xx].is_empty()) return {};
  return fmt::format("1xx {}, 2xx {}, 3xx {}, 4xx {}, 5xx {}, other {}",
                     plain(row, Column::kHrsp1xx), plain(row, Column::kHrsp2xx),
                     plain(row, Column::kHrsp3xx), plain(row, Column::kHrsp4xx),
                     plain(row, Column::kHrsp5xx), plain(row, Column::kHrspOther));
}

/// Average times, for the hint on the sessions.
std::string times_hint(const StatRow& row) {
  if (row[Column::kTtime].is_empty()) return {};
  return fmt::format("averages: queue {} ms, connect {} ms, response {} ms, total {} ms",
                     plain(row, Column::kQtime), plain(row, Column::kCtime),
                     plain(row, Column::kRtime), plain(row, Column::kTtime));
}

std::string check_hint(const StatRow& row) {
  std::string hint = plain(row, Column::kCheckDesc);
  const std::string last = plain(row, Column::kLastChk);
  if (!last.empty()) hint += ": " + last;
  const std::string agent = plain(row, Column::kAgentDesc);
  const std::string said = plain(row, Column::kLastAgt);
  if (!agent.empty())
    hint += (hint.empty() ? "agent: " : "; agent: ") + agent + (said.empty() ? "" : ": " + said);
  return hint;
}

std::string address_hint(const StatRow& row) { return plain(row, Column::kAddr); }

struct Cell {
  std::string_view title;
  std::string (*text)(const StatRow&);
  std::string_view css = {};
  std::string (*hint)(const StatRow&) = nullptr;
};
struct Group {
  std::string_view title;
  std::vector<Cell> cells;
};

/// HAProxy's columns, in its order.
const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups = {
      {"Queue",
       {{"Cur", number_of<Column::kQcur>},
        {"Max", number_of<Column::kQmax>},
        {"Limit", number_of<Column::kQlimit>}}},
      {"Session rate",
       {{"Cur", number_of<Column::kRate>},
        {"Max", number_of<Column::kRateMax>},
        {"Limit", number_of<Column::kRateLim>}}},
      {"Sessions",
       {{"Cur", number_of<Column::kScur>, {}, times_hint},
        {"Max", number_of<Column::kSmax>},
        {"Limit", number_of<Column::kSlim>},
        {"Total", number_of<Column::kStot>, {}, responses_hint},
        {"LbTot", number_of<Column::kLbtot>},
        {"Last", last_session}}},
      {"Bytes", {{"In", number_of<Column::kBin>}, {"Out", number_of<Column::kBout>}}},
      {"Denied", {{"Req", number_of<Column::kDreq>}, {"Resp", number_of<Column::kDresp>}}},
      {"Errors",
       {{"Req", number_of<Column::kEreq>},
        {"Conn", number_of<Column::kEcon>},
        {"Resp", number_of<Column::kEresp>}}},
      {"Warnings", {{"Retr", number_of<Column::kWretr>}, {"Redis", number_of<Column::kWredis>}}},
      {"Server",
       {{"Status", status, "word status"},
        {"LastChk", last_check, "word", check_hint},
        {"Wght", weight},
        {"Act", [](const StatRow& row) { return group_member(row, Column::kAct); }},
        {"Bck", [](const StatRow& row) { return group_member(row, Column::kBck); }},
        {"Chk", number_of<Column::kChkfail>},
        {"Dwn", number_of<Column::kChkdown>},
        {"Dwntme", downtime},
        {"Thrtle", throttle}}},
  };
  return kGroups;
}

// ---- the document ------------------------------------------------------------------------------

void append_table_head(std::string& out) {
  out += "<thead><tr><th rowspan=\"2\"></th>";
  for (const Group& group : groups())
    fmt::format_to(std::back_inserter(out), "<th colspan=\"{}\" scope=\"colgroup\">{}</th>",
                   group.cells.size(), group.title);
  out += "</tr>\n<tr>";
  for (const Group& group : groups())
    for (const Cell& cell : group.cells)
      fmt::format_to(std::back_inserter(out), "<th scope=\"col\">{}</th>", cell.title);
  out += "</tr></thead>\n";
}

std::string row_class(const StatRow& row) {
  if (row.type != RowType::kServer) return "proxy";
  const bool is_backup = row[Column::kBck].number() != 0;
  return std::string(is_backup ? "backup " : "active ") +
         std::string(state_class(plain(row, Column::kStatus)));
}

void append_hint(std::string& out, const std::string& hint) {
  if (hint.empty()) return;
  out += " title=\"";
  append_escaped(out, hint);
  out += '"';
}

void append_row(std::string& out, const StatRow& row) {
  fmt::format_to(std::back_inserter(out), "<tr class=\"{}\"><th scope=\"row\"", row_class(row));
  append_hint(out, address_hint(row));
  out += '>';
  append_escaped(out, plain(row, Column::kSvname));
  out += "</th>";
  for (const Group& group : groups()) {
    for (const Cell& cell : group.cells) {
      out += "<td";
      if (!cell.css.empty()) fmt::format_to(std::back_inserter(out), " class=\"{}\"", cell.css);
      if (cell.hint != nullptr) append_hint(out, cell.hint(row));
      out += '>';
      append_escaped(out, cell.text(row));
      out += "</td>";
    }
  }
  out += "</tr>\n";
}

/// Opens and closes the frame around the rows of one proxy.
class Frames {
 public:
  Frames(std::string& out, const config::Snapshot& snapshot) : out_(out), snapshot_(snapshot) {}

  void add(const StatRow& row) {
    if (!open_ || row.iid != *open_) begin(row);
    append_row(out_, row);
  }
  void end() {
    if (open_) out_ += "</tbody></table></div></section>\n";
    open_.reset();
  }

 private:
  void begin(const StatRow& row) {
    end();
    open_ = row.iid;
    out_ += row.type == RowType::kFrontend ? "<section id=\"frontend-" : "<section id=\"backend-";
    append_escaped(out_, plain(row, Column::kPxname));
    out_ += "\"><h2>";
    append_escaped(out_, plain(row, Column::kPxname));
    out_ += row.type == RowType::kFrontend ? "<small>frontend" : "<small>backend, ";
    if (row.type != RowType::kFrontend)
      append_escaped(out_, snapshot_.backends[row.index].balance.policy);
    out_ += "</small></h2><div class=\"scroll\"><table>\n";
    append_table_head(out_);
    out_ += "<tbody>\n";
  }

  std::string& out_;
  const config::Snapshot& snapshot_;
  std::optional<std::uint32_t> open_;
};

void append_link(std::string& out, std::string_view uri, std::string_view options,
                 std::string_view words) {
  out += "<a href=\"";
  append_escaped(out, uri);
  fmt::format_to(std::back_inserter(out), "{}\">{}</a>\n", options, words);
}

void append_header(std::string& out, const Source& source, const PageOptions& options) {
  out += "<header><h1>tandem ";
  append_escaped(out, source.process.version);
  out += "</h1><p>";
  // Monitoring templates read the version from these words.
  if (source.stat.snapshot.runtime_compat)
    fmt::format_to(std::back_inserter(out), "{} version {}, released ", control::kCompatName,
                   control::kCompatVersion);
  append_escaped(out, source.process.release_date);
  out += "</p>\n<nav>";
  append_link(out, options.uri, "", "Refresh");
  append_link(out, options.uri, ";refresh", fmt::format("every {} s", kRefreshSeconds));
  append_link(out, options.uri, ";up", "Only up");
  append_link(out, options.uri, ";csv;norefresh", "CSV");
  append_link(out, options.uri, ";json", "JSON");
  out += "</nav></header>\n";
}

void append_process(std::string& out, const Source& source) {
  const upstream::ProcessShared& shared = source.stat.shared.process;
  const figures::WorkerTotals totals = source.stat.totals.process();
  const figures::ProcessRates& rates = source.stat.totals.process_rates();
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(source.stat.fleet.now() -
                                                                       source.process.started);
  const auto to = std::back_inserter(out);
  out += "<div class=\"process\">\n";
  fmt::format_to(to, "<div><b>pid = </b> {} (process #1, nbproc = 1, nbthread = {})</div>\n",
                 source.process.pid, source.stat.snapshot.global.nbthread);
  // The markup of the next line is what monitoring templates look for.
  fmt::format_to(to, "<div><b>uptime = </b> {}</div>\n", control::format_uptime(uptime));
  fmt::format_to(to, "<div><b>system limits:</b> ulimit-n = {}</div>\n",
                 grouped(static_cast<std::int64_t>(source.process.descriptors_limit)));
  fmt::format_to(
      to, "<div><b>maxconn = </b> {}; <b>current conns = </b> {}; conn rate = {}/sec</div>\n",
      grouped(shared.maxconn.load()), grouped(shared.connections.load()),
      grouped(static_cast<std::int64_t>(rates.connections.now)));
  fmt::format_to(to, "<div>request rate = {}/sec; bit rate = {} kbps</div>\n",
                 grouped(static_cast<std::int64_t>(rates.requests.now)),
                 grouped(static_cast<std::int64_t>(rates.bytes_out.now * 8 / 1000)));
  fmt::format_to(to, "<div>Running tasks: 0/0; idle = {} %</div>\n", totals.idle_percent);
  out += "<div><b>node = </b> ";
  append_escaped(out, source.stat.snapshot.global.node);
  out += "</div>\n";
  if (!source.stat.snapshot.global.description.empty()) {
    out += "<div>";
    append_escaped(out, source.stat.snapshot.global.description);
    out += "</div>\n";
  }
  out += "</div>\n";
}

void append_readiness(std::string& out, const Source& source) {
  const std::string reason = why_not_ready(source);
  if (reason.empty()) return;
  out += "<p class=\"notready\">Not ready: ";
  append_escaped(out, reason);
  out += "</p>\n";
}

void append_legend(std::string& out) {
  struct Entry {
    std::string_view color;
    std::string_view words;
  };
  static constexpr std::array<Entry, 10> kEntries = {
      {{"up", "active UP"},
       {"going-down", "active UP, going down"},
       {"down", "active or backup DOWN"},
       {"going-up", "active DOWN, going up"},
       {"backup-up", "backup UP"},
       {"backup-going-down", "backup UP, going down"},
       {"backup-going-up", "backup DOWN, going up"},
       {"drain", "DRAIN or NOLB"},
       {"maint", "MAINT"},
       {"no-check", "no check"}}};
  out += "<ul class=\"legend\" aria-label=\"Colours\">";
  for (const Entry& entry : kEntries)
    fmt::format_to(std::back_inserter(out), "<li style=\"background:var(--{})\">{}</li>",
                   entry.color, entry.words);
  out += "</ul>\n";
}

}  // namespace

std::string write_page(const Source& source, const PageOptions& options) {
  std::string out;
  out += "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n";
  out += "<title>Statistics Report for tandem on ";
  append_escaped(out, source.stat.snapshot.global.node);
  out += "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  if (options.refreshes)
    fmt::format_to(std::back_inserter(out), "<meta http-equiv=\"refresh\" content=\"{}\">\n",
                   kRefreshSeconds);
  out += "<link rel=\"icon\" href=\"data:,\">\n<style>";
  out += kPageStyle;
  out += "</style></head>\n<body>\n";
  append_header(out, source, options);
  append_readiness(out, source);
  append_process(out, source);
  if (source.pair != nullptr) append_pair(out, *source.pair, source.stat.fleet.now());
  append_legend(out);
  Frames frames(out, source.stat.snapshot);
  control::visit_rows(source.stat, options.filter,
                      [&frames](const StatRow& row) { frames.add(row); });
  frames.end();
  out +=
      "<footer>Hold the pointer over a name, total, current sessions or check for more.</footer>\n";
  return out + "</body></html>\n";
}

}  // namespace tandem::lb::admin
