#include "lb/admin/metrics_query.h"

#include "common/text.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace tandem::lb::admin {
namespace {

constexpr std::string_view kScopes[] = {"global", "frontend", "backend", "server"};
static_assert(std::size(kScopes) == static_cast<std::size_t>(Scope::kCount));

/// "%2C" becomes ","; what is no such triple stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    unsigned char byte = 0;
    const std::string_view digits = text.substr(1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    const bool is_triple = text.front() == '%' && digits.size() == 2 && error == std::errc() &&
                           end == digits.data() + digits.size();
    decoded += is_triple ? static_cast<char>(byte) : text.front();
    text.remove_prefix(is_triple ? 3 : 1);
  }
  return decoded;
}

/// False: no such scope.
bool add_scope(MetricsQuery& query, std::string_view word) {
  if (word.empty() || word == "*") {
    query.scopes.fill(!word.empty());
    return true;
  }
  const auto found = std::ranges::find(kScopes, word);
  if (found == std::end(kScopes)) return false;
  query.scopes[static_cast<std::size_t>(found - std::begin(kScopes))] = true;
  return true;
}

}  // namespace

Result<MetricsQuery> parse_metrics_query(std::string_view query) {
  MetricsQuery result;
  bool has_scope = false;
  for (const std::string_view parameter : split(query, '&')) {
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string name = percent_decoded(parameter.substr(0, equals));
    if (name == "no-maint") result.hide_maint = true;
    if (name != "scope") continue;
    if (equals == parameter.size()) return fail("scope needs a value: scope=frontend");
    if (!std::exchange(has_scope, true)) result.scopes.fill(false);
    const std::string value = percent_decoded(parameter.substr(equals + 1));
    for (const std::string_view word : split(value, ','))
      if (!add_scope(result, word))
        // As it was sent: what it decodes to might not be fit to print.
        return fail("unknown " + std::string(parameter) +
                    ": a scope is global, frontend, backend, server or *");
  }
  return result;
}

}  // namespace tandem::lb::admin
