#include "metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <locale>
#include <sstream>
#include <utility>

namespace tandem::metrics {

std::string escape_help(std::string_view help) {
  std::string escaped;
  escaped.reserve(help.size());
  for (const char c : help) {
    if (c == '\\')
      escaped += "\\\\";
    else if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

std::string expose(std::vector<prometheus::MetricFamily> families) {
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  for (prometheus::MetricFamily& family : families) family.help = escape_help(family.help);
  std::ostringstream out;
  out.imbue(std::locale::classic());
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace tandem::metrics
