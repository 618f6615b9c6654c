// tandem-lb: the command line, and the exit statuses that CONFIG.md promises.
#include "common/daemon_main.h"
#include "common/log.h"
#include "common/random.h"
#include "http/message.h"
#include "lb/config/load.h"
#include "lb/process.h"
#include "lb/version.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace tandem::lb {
namespace {

using daemon::CommandLine;

constexpr const char* kUsage =
    "usage: tandem-lb -f FILE|FOLDER [-f …]       run\n"
    "       tandem-lb -t -f FILE|FOLDER [-f …]    only check (-c is the same)\n"
    "       tandem-lb --from :80 --to ADDRESS[,…] run without a file\n"
    "       tandem-lb --version | -vv | --help\n";

/// Without a file: what to listen on and where to pass it.
struct FromTo {
  std::string from;
  std::string to;
};

std::string flaw(const CommandLine& line, const FromTo& by_hand) {
  const bool has_one = !by_hand.from.empty() || !by_hand.to.empty();
  if (has_one && (by_hand.from.empty() || by_hand.to.empty())) return "--from and --to go together";
  if (has_one == !line.files.empty()) return "say either -f FILE or --from and --to";
  return {};
}

void print_version(bool everything) {
  fmt::print("tandem-lb version {} {}\n", kVersion, kReleaseDate);
  if (!everything) return;
  const http::Limits limits;
  fmt::print("built with {} ({})\n", kCompiler, kBuildType);
  fmt::print("HTTP/1.1, HTTP/1.0, WebSocket; splice(2); policies, checks: docs/CONFIGURATION.md\n");
  fmt::print("limits: head {} bytes, request line {} bytes, {} fields, trailers {} bytes\n",
             limits.head_bytes_max, limits.line_bytes_max, limits.fields_max,
             limits.trailer_bytes_max);
}

config::LoadResult load(const CommandLine& line, const FromTo& by_hand) {
  if (line.files.empty()) return config::load_from_to(by_hand.from, by_hand.to);
  return config::load(line.files);
}

void print_problems(const config::LoadResult& loaded) {
  for (const config::Problem& warning : loaded.warnings)
    fmt::print(stderr, "warning: {}\n", warning.text());
  for (const config::Problem& error : loaded.errors) fmt::print(stderr, "{}\n", error.text());
}

int run(const CommandLine& line, const FromTo& by_hand) {
  config::LoadResult loaded = load(line, by_hand);
  print_problems(loaded);
  if (loaded.missing_file) return daemon::kNoFile;
  if (loaded.snapshot == nullptr) return daemon::kBadUsage;
  if (line.check_only) {
    fmt::print("configuration is valid\n");
    return daemon::kOk;
  }
  log::set_level(loaded.snapshot->log_level);
  Process process({.snapshot = loaded.snapshot,
                   .config_hash = loaded.hash,
                   .warnings = static_cast<std::uint32_t>(loaded.warnings.size())});
  if (const auto opened = process.open(); !opened) {
    log::error("{}", opened.error().message);
    return opened.error().message.ends_with("Permission denied") ? daemon::kNotPermitted
                                                                 : daemon::kFailed;
  }
  return process.run();
}

}  // namespace
}  // namespace tandem::lb

int main(int argc, char** argv) {
  using namespace tandem;
  lb::FromTo by_hand;
  return daemon::run({.name = "tandem-lb",
                      .usage = lb::kUsage,
                      .options = {{"from", &by_hand.from}, {"to", &by_hand.to}},
                      .flaw = [&](const auto& line) { return lb::flaw(line, by_hand); },
                      .print_version = lb::print_version,
                      .run = [&](const auto& line) { return lb::run(line, by_hand); }},
                     argc, argv);
}
