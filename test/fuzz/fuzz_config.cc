// Any bytes as a configuration: no crash, every problem points into the text and is one line, and a
// configuration without errors has a snapshot whose references hold. Seeds: etc, etc/examples.
#include "common/check.h"
#include "common/jsonc.h"
#include "common/text.h"
#include "config/shape.h"
#include "lb/config/build.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace tandem;
using namespace tandem::config;
using namespace tandem::lb::config;

/// Nothing of the machine, no name resolved: the same bytes always go the same way.
const Environment& environment() {
  static const Environment kEnvironment{
      .variable = [](std::string_view name) -> std::optional<std::string> {
        if (name == "CREDENTIALS_DIRECTORY" || name.size() > 4) return std::nullopt;
        return "value";
      },
      .resolve = [](std::string_view) -> Result<SocketAddress> { return fail("unknown"); },
      .host_name = "host",
      .cpus = 2};
  return kEnvironment;
}

void check_problems(const Problems& problems, std::string_view text) {
  const auto lines = split(text, '\n');
  for (const Problem& problem : problems) {
    TANDEM_CHECK(problem.line >= 1 && static_cast<std::size_t>(problem.line) <= lines.size());
    const std::string_view line = lines[static_cast<std::size_t>(problem.line) - 1];
    TANDEM_CHECK(problem.column >= 1);
    TANDEM_CHECK(static_cast<std::size_t>(problem.column) <= line.size() + 1);
    TANDEM_CHECK(problem.pointer.empty() || problem.pointer.starts_with('/'));
    TANDEM_CHECK(!problem.message.empty());
    TANDEM_CHECK(problem.text().find('\n') == std::string::npos);
  }
}

void check_snapshot(const Snapshot& snapshot) {
  TANDEM_CHECK(!snapshot.frontends.empty());
  TANDEM_CHECK(snapshot.global.nbthread > 0);
  for (const Frontend& frontend : snapshot.frontends) {
    TANDEM_CHECK(!frontend.binds.empty());
    TANDEM_CHECK(frontend.default_backend.value_or(0) < snapshot.backends.size() ||
                 !frontend.default_backend);
    for (const Rule& rule : frontend.rules)
      if (const auto* use = std::get_if<UseBackend>(&rule.action))
        TANDEM_CHECK(use->backend < snapshot.backends.size());
  }
  for (const Backend& backend : snapshot.backends)
    for (const Server& server : backend.servers)
      TANDEM_CHECK(server.weight <= 256 && server.rise > 0 && server.fall > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Report report;
  // Files that the text names are looked for in a folder that does not exist.
  jsonc::Document document = jsonc::parse(text, report.add_source("/nonexistent/fuzz.jsonc"));
  TANDEM_CHECK(document.complete || !document.faults.empty());
  for (const jsonc::Fault& fault : document.faults)
    report.error(fault.at, fault.pointer, fault.message);
  Snapshot snapshot;
  if (document.complete) {
    check_shape(document.root, environment(), report);
    if (document.root.type == jsonc::Type::kObject)
      build(document.root, environment(), report, snapshot);
    if (!report.has_errors()) check_snapshot(snapshot);
  }
  check_problems(report.take_errors(), text);
  check_problems(report.take_warnings(), text);
  return 0;
}
