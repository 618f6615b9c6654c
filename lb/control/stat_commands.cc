// show stat.
#include "common/text.h"
#include "lb/control/commands.h"
#include "lb/control/names.h"
#include "lb/control/stat_table.h"

#include <charconv>
#include <expected>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Reply;

struct StatQuery {
  enum class Form : std::uint8_t { kCsv, kTyped, kJson };
  StatFilter filter;
  Form form = Form::kCsv;
  bool with_descriptions = false;
};

bool take_option(StatQuery& query, std::string_view word) {
  if (word == "typed") {
    query.form = StatQuery::Form::kTyped;
  } else if (word == "json") {
    query.form = StatQuery::Form::kJson;
  } else if (word == "desc") {
    query.with_descriptions = true;
  } else if (word == "up") {
    query.filter.hide_down = true;
  } else if (word == "no-maint") {
    query.filter.hide_maint = true;
  } else {
    return false;
  }
  return true;
}

/// "-1", "4"; nullopt: no number.
std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The three words "<iid or name> <type> <sid>". False: no proxy of that name.
bool take_object(StatQuery& query, const config::Snapshot& snapshot, Invocation& invocation,
                 std::size_t at) {
  const std::string_view proxy = invocation.word(at);
  if (const auto id = parse_number(proxy)) {
    if (*id >= 0) query.filter.iid = static_cast<std::uint32_t>(*id);
  } else {
    query.filter.iid = find_proxy_id(snapshot, proxy);
    if (!query.filter.iid) return false;
  }
  query.filter.types = parse_number(invocation.word(at + 1)).value_or(-1);
  const int sid = parse_number(invocation.word(at + 2)).value_or(-1);
  if (sid >= 0) query.filter.sid = static_cast<std::uint32_t>(sid);
  return true;
}

std::expected<StatQuery, std::string_view> parse(const config::Snapshot& snapshot,
                                                 Invocation& invocation) {
  StatQuery query;
  query.filter.with_details = invocation.session.level >= command::Level::kOperator;
  std::size_t at = 2;
  if (invocation.word(at) == "domain") {
    if (invocation.word(at + 1) != "proxy") return std::unexpected("Invalid statistics domain.");
    at += 2;
  }
  bool has_object = false;
  while (at < invocation.words.size()) {
    if (take_option(query, invocation.word(at))) {
      ++at;
    } else if (!has_object && !invocation.word(at + 2).empty()) {
      if (!take_object(query, snapshot, invocation, at)) return std::unexpected("No such proxy.");
      has_object = true;
      at += 3;
    } else {
      return std::unexpected(
          "Usage: show stat [domain proxy] [{<iid>|<proxy>} <type> <sid>] [typed|json] [desc] "
          "[up|no-maint]");
    }
  }
  return query;
}

std::string json(const StatSource& source, const StatQuery& query) {
  std::string out = "[";
  visit_rows(source, query.filter, [&](const StatRow& row) {
    if (out.size() > 1) out += ',';
    write_json(row, query.with_descriptions, out);
  });
  return out + "]";
}

std::string typed(const StatSource& source, const StatQuery& query) {
  std::string out;
  visit_rows(source, query.filter,
             [&](const StatRow& row) { write_typed(row, query.with_descriptions, out); });
  return out;
}

Reply show_stat(const ControlContext& context, Invocation& invocation) {
  const auto query = parse(context.snapshot, invocation);
  if (!query) return Reply::error(std::string(query.error()));
  const StatSource source = context.source();
  switch (query->form) {
    case StatQuery::Form::kTyped:
      return Reply::data(typed(source, *query));
    case StatQuery::Form::kJson:
      return Reply::data(json(source, *query));
    case StatQuery::Form::kCsv:
      break;
  }
  return Reply::data(stat_csv(source, query->filter));
}

}  // namespace

void add_stat_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"show stat", command::Level::kUser, "show stat [desc|json|no-maint|typed|up]*",
             "report counters for each proxy and server",
             [&context](Invocation& invocation) { return show_stat(context, invocation); }});
}

}  // namespace tandem::lb::control
