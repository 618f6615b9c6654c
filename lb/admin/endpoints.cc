#include "lb/admin/endpoints.h"

#include "admin/auth.h"
#include "common/daemon.h"
#include "common/text.h"
#include "lb/admin/compat_families.h"
#include "lb/admin/metric_families.h"
#include "lb/admin/metrics_query.h"
#include "lb/admin/page.h"
#include "lb/admin/pair.h"
#include "lb/admin/readiness.h"
#include "lb/control/stat_table.h"
#include "metrics/exposition.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace tandem::lb::admin {
namespace {

/// What follows the stats URI, without "/"; nullopt: the path is another one.
std::optional<std::string_view> statistics_options(std::string_view path, std::string_view uri) {
  if (uri.ends_with('/')) uri.remove_suffix(1);
  if (!path.starts_with(uri)) return std::nullopt;
  path.remove_prefix(uri.size());
  if (path.starts_with('/')) path.remove_prefix(1);
  if (!path.empty() && !path.starts_with(';')) return std::nullopt;
  return path;
}

std::string json_rows(const control::StatSource& source, const control::StatFilter& filter) {
  std::string out = "[";
  control::visit_rows(source, filter, [&out](const control::StatRow& row) {
    if (out.size() > 1) out += ',';
    control::write_json(row, true, out);
  });
  return out + "]\n";
}

std::string typed_rows(const control::StatSource& source, const control::StatFilter& filter) {
  std::string out;
  control::visit_rows(source, filter, [&out](const control::StatRow& row) {
    control::write_typed(row, false, out);
  });
  return out;
}

}  // namespace

Reply Endpoints::answer(const Request& request) const {
  if (!request.is_get)
    return {.status = 405, .body = "Only GET and HEAD: this page changes nothing.\n"};
  if (request.path == "/live") return {.body = "alive\n"};
  if (request.path == "/ready") return ready();
  const bool is_metrics = request.path == settings_.metrics_uri;
  const auto options = statistics_options(request.path, settings_.stats_uri);
  if (!is_metrics && !options) {
    if (request.path == "/") return {.status = 302, .location = settings_.stats_uri};
    return {.status = 404, .body = "No such page.\n"};
  }
  if (needs_password(request))
    return {.status = 401, .body = "A user name and a password are needed.\n"};
  return is_metrics ? metrics(request.query) : statistics(*options);
}

bool Endpoints::needs_password(const Request& request) const {
  return !settings_.auth.empty() &&
         !tandem::admin::is_authorized(settings_.auth, request.authorization);
}

Reply Endpoints::ready() const {
  const std::string reason = why_not_ready(source_);
  if (reason.empty()) return {.body = "ready\n"};
  return {.status = 503, .body = reason + "\n"};
}

Reply Endpoints::metrics(std::string_view text) const {
  const Result<MetricsQuery> query = parse_metrics_query(text);
  if (!query) return {.status = 400, .body = query.error().message + "\n"};
  Reply reply{.content_type = std::string(metrics::kExpositionContentType)};
  std::optional<CompatSample> compat;
  if (source_.stat.snapshot.metrics_compat) compat = take_compat_sample(source_, *query);
  reply.later = [own = take_sample(source_, *query), compat = std::move(compat)]() mutable {
    if (own.query.has(Scope::kGlobal)) own.process.descriptors_open = daemon::open_descriptors();
    auto families = FamiliesCollectable(std::move(own)).Collect();
    if (compat) std::ranges::move(compat_families(*compat), std::back_inserter(families));
    return metrics::expose(std::move(families));
  };
  return reply;
}

Reply Endpoints::statistics(std::string_view options) const {
  const std::vector<std::string_view> words = split(options, ';');
  const auto has = [&words](std::string_view word) { return std::ranges::count(words, word) != 0; };
  const control::StatFilter filter{.hide_maint = has("no-maint"), .hide_down = has("up")};
  if (has("csv")) return {.body = control::stat_csv(source_.stat, filter)};
  if (has("json"))
    return {.content_type = "application/json", .body = json_rows(source_.stat, filter)};
  if (has("pair"))
    return {.content_type = "application/json",
            .body = pair_json(source_.pair, source_.stat.fleet.now())};
  if (has("typed")) return {.body = typed_rows(source_.stat, filter)};
  const PageOptions page{.uri = settings_.stats_uri, .filter = filter, .refreshes = has("refresh")};
  return {.content_type = "text/html; charset=utf-8", .body = write_page(source_, page)};
}

}  // namespace tandem::lb::admin
