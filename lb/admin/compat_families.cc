#include "lb/admin/compat_families.h"

#include "lb/admin/compat_table.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <string_view>

namespace tandem::lb::admin {
namespace {

using control::Column;
using control::RowType;
using prometheus::ClientMetric;
using prometheus::MetricFamily;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct StateName {
  std::string_view name;
  ServerWord word;
};
constexpr StateName kServerStates[] = {{"DOWN", ServerWord::kDown},
                                       {"UP", ServerWord::kUp},
                                       {"MAINT", ServerWord::kMaint},
                                       {"DRAIN", ServerWord::kDrain},
                                       {"NOLB", ServerWord::kNolb}};
/// Frontends and backends know the first two only.
constexpr std::span<const StateName> kProxyStates = std::span(kServerStates).first(2);

constexpr std::string_view kCodes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", "other"};

// ---- the sample --------------------------------------------------------------------------------

void copy_server(CompatRow& row, const Source& source, upstream::ServerId id) {
  row.state = server_word(source.stat.fleet, id);
  row.check = source.stat.fleet.health(id).last.status;
}

CompatRow copy_row(const Source& source, const control::StatRow& from) {
  CompatRow row{.type = from.type, .proxy = from[Column::kPxname].plain()};
  std::ranges::transform(from.values, row.numbers.begin(), [](const control::StatValue& value) {
    return value.is_empty() ? kNone : static_cast<double>(value.number());
  });
  if (from.type == RowType::kServer) {
    row.server = from[Column::kSvname].plain();
    row.is_checked = !from[Column::kCheckStatus].is_empty();
    copy_server(row, source, {from.index, from.server});
  } else {
    const std::string status = from[Column::kStatus].plain();
    row.state = status == "OPEN" || status == "UP" ? ServerWord::kUp : ServerWord::kDown;
  }
  return row;
}

/// Which rows: a backend counts its servers, so that it needs theirs, maintenance or not.
int row_types(const MetricsQuery& query) {
  int types = 0;
  if (query.has(Scope::kFrontend)) types |= 1 << std::to_underlying(RowType::kFrontend);
  if (query.has(Scope::kBackend)) types |= 1 << std::to_underlying(RowType::kBackend);
  if (query.has(Scope::kBackend) || query.has(Scope::kServer))
    types |= 1 << std::to_underlying(RowType::kServer);
  return types;
}

/// Whether the query asks for the row itself.
bool is_wanted(const MetricsQuery& query, const CompatRow& row) {
  if (row.type != RowType::kServer) return true;
  return query.has(Scope::kServer) && !(query.hide_maint && row.state == ServerWord::kMaint);
}

void count_server(ServerCounts& counts, const CompatRow& server) {
  ++counts.by_state[std::to_underlying(server.state)];
  if (server.is_checked) ++counts.by_check[std::to_underlying(server.check)];
}

// ---- the families ------------------------------------------------------------------------------

/// Adds series of one row to a family.
class Series {
 public:
  Series(MetricFamily& family, const CompatRow& row) : family_(family), row_(row) {}

  void add(double value) { append(value); }
  void add(std::string_view label, std::string_view of, double value) {
    append(value).label.push_back({std::string(label), std::string(of)});
  }

 private:
  ClientMetric& append(double value) {
    ClientMetric& metric = family_.metric.emplace_back();
    // Only the one that the family's type names is read.
    metric.counter.value = value;
    metric.gauge.value = value;
    metric.label.reserve(3);
    metric.label.push_back({"proxy", row_.proxy});
    if (row_.type == RowType::kServer) metric.label.push_back({"server", row_.server});
    return metric;
  }

  MetricFamily& family_;
  const CompatRow& row_;
};

void add_codes(Series& series, const CompatRow& row, std::size_t first) {
  for (std::size_t i = 0; i < std::size(kCodes); ++i)
    series.add("code", kCodes[i], row.numbers[first + i]);
}

void add_state(Series& series, const CompatRow& row) {
  const bool is_server = row.type == RowType::kServer;
  for (const StateName& state : is_server ? std::span(kServerStates) : kProxyStates)
    series.add("state", state.name, row.state == state.word ? 1 : 0);
}

/// One series for each result a check can have.
template <class ValueOf>
void add_check_states(Series& series, ValueOf value_of) {
  using enum health::Status;
  for (auto i = std::to_underlying(kHana); i <= std::to_underlying(kProcOk); ++i) {
    const auto status = static_cast<health::Status>(i);
    series.add("state", health::status_code(status), value_of(status));
  }
}

/// HAProxy has no series for what only requests have, where there are none.
bool is_of_requests(Column column) {
  switch (column) {
    case Column::kHrsp1xx:
    case Column::kReqTot:
    case Column::kIntercepted:
    case Column::kCacheLookups:
    case Column::kCacheHits:
      return true;
    default:
      return false;
  }
}

void add_series(Series series, const CompatRow& row, const CompatStatFamily& info) {
  const auto column = std::to_underlying(info.column);
  const double number = row.numbers[column];
  if (number != number && is_of_requests(info.column)) return;
  const double or_zero = number == number ? number : 0;
  switch (info.shape) {
    case CompatShape::kNumber:
      return series.add(number);
    case CompatShape::kMilliseconds:
      return series.add(number / 1e3);
    case CompatShape::kCodes:
      return add_codes(series, row, column);
    case CompatShape::kState:
      return add_state(series, row);
    case CompatShape::kCheckNumber:
      return row.is_checked ? series.add(or_zero) : void();
    case CompatShape::kCheckMilliseconds:
      return row.is_checked ? series.add(or_zero / 1e3) : void();
    case CompatShape::kCheckState:
      if (!row.is_checked) return;
      return add_check_states(series, [&row](auto status) { return row.check == status ? 1 : 0; });
    case CompatShape::kServersByState:
      for (const StateName& state : kServerStates)
        series.add("state", state.name, row.servers.by_state[std::to_underlying(state.word)]);
      return;
    case CompatShape::kServersByChecks:
      return add_check_states(
          series, [&row](auto status) { return row.servers.by_check[std::to_underlying(status)]; });
  }
}

MetricFamily make_family(std::string_view prefix, const CompatStatFamily& info) {
  MetricFamily family;
  family.name = std::string(prefix) + std::string(info.name);
  family.help = info.help.empty() ? control::column_info(info.column).description : info.help;
  family.type = info.type;
  return family;
}

MetricFamily make_family(const CompatInfoFamily& info, const control::StatValue& value) {
  MetricFamily family;
  family.name = std::string(kCompatProcessPrefix) + std::string(info.name);
  family.help = info.help;
  family.type = info.type;
  ClientMetric& metric = family.metric.emplace_back();
  const bool is_version = info.name == "build_info";
  if (is_version) metric.label.push_back({"version", value.plain()});
  metric.gauge.value = is_version ? 1 : static_cast<double>(value.number());
  metric.counter.value = metric.gauge.value;
  return family;
}

}  // namespace

CompatSample take_compat_sample(const Source& source, const MetricsQuery& query) {
  CompatSample sample;
  if (query.has(Scope::kGlobal)) sample.info = control::make_info(source.stat, source.process);
  ServerCounts counts;
  // A backend's row follows those of its servers.
  const control::StatFilter filter{.types = row_types(query), .with_details = false};
  control::visit_rows(source.stat, filter, [&](const control::StatRow& from) {
    CompatRow row = copy_row(source, from);
    if (row.type == RowType::kServer) count_server(counts, row);
    if (row.type == RowType::kBackend) row.servers = std::exchange(counts, {});
    if (is_wanted(query, row)) sample.rows.push_back(std::move(row));
  });
  return sample;
}

std::vector<MetricFamily> compat_families(const CompatSample& sample) {
  std::vector<MetricFamily> families;
  for (const CompatInfoFamily& info : compat_info_families()) {
    const auto field = std::ranges::find(sample.info, info.key, &control::InfoField::key);
    if (field != sample.info.end()) families.push_back(make_family(info, field->value));
  }
  for (const RowType type : {RowType::kFrontend, RowType::kBackend, RowType::kServer}) {
    for (const CompatStatFamily& info : compat_stat_families()) {
      if ((info.rows & (1U << std::to_underlying(type))) == 0) continue;
      MetricFamily& family = families.emplace_back(make_family(compat_prefix(type), info));
      for (const CompatRow& row : sample.rows)
        if (row.type == type) add_series({family, row}, row, info);
    }
  }
  return families;
}

}  // namespace tandem::lb::admin
