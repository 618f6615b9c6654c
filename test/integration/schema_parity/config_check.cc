// config_check FILE…: loads the files as tandem-lb would, without looking names up, says what is
// wrong and ends 0, 2 or 6. "--schema" and "--tables" print what etc/tandem.schema.json and the
// tables of docs/CONFIGURATION.md must be.
#include "config/json_schema.h"
#include "lb/config/load.h"

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tandem::config;
using namespace tandem::lb::config;

void print_tables() {
  for (const Section* section : all_sections()) {
    fmt::print("## {}\n| key | value | default | meaning |\n|---|---|---|---|\n", section->name);
    for (const std::string& row : documentation_rows(*section)) fmt::print("{}\n", row);
    fmt::print("\n{}\n\n", documentation_of_later(*section));
  }
  for (const std::string& row : documentation_of_policies()) fmt::print("{}\n", row);
}

int check(const std::vector<std::string>& paths) {
  Environment environment = Environment::of_this_process();
  environment.resolve = nullptr;
  const LoadResult result = load(paths, environment);
  for (const Problem& problem : result.errors) fmt::print(stderr, "{}\n", problem.text());
  for (const Problem& problem : result.warnings)
    fmt::print(stderr, "{} (warning)\n", problem.text());
  if (result.missing_file) return 6;
  return result.errors.empty() ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return 2;
  if (arguments.front() == "--schema")
    fmt::print("{}", json_schema());
  else if (arguments.front() == "--tables")
    print_tables();
  else
    return check(arguments);
  return 0;
}
