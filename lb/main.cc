// tandem-lb: the command line, and the exit statuses that CONFIG.md promises.
#include "common/log.h"
#include "common/random.h"
#include "http/message.h"
#include "lb/config/load.h"
#include "lb/process.h"
#include "lb/version.h"

#include <fmt/format.h>
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace tandem::lb {
namespace {

enum ExitStatus : int { kOk = 0, kFailed = 1, kBadUsage = 2, kNotPermitted = 4, kNoFile = 6 };

constexpr const char* kUsage =
    "usage: tandem-lb -f FILE|FOLDER [-f …]       run\n"
    "       tandem-lb -t -f FILE|FOLDER [-f …]    only check (-c is the same)\n"
    "       tandem-lb --from :80 --to ADDRESS[,…] run without a file\n"
    "       tandem-lb --version | -vv | --help\n";

struct Options {
  std::vector<std::string> files;
  std::string from;
  std::string to;
  bool check_only = false;
  bool help = false;
  int version = 0;  // 1: one line, 2: everything
};

/// nullopt: a message has been printed.
std::optional<Options> parse(int argc, char** argv) {
  enum : int { kFrom = 256, kTo };
  static const option kLong[] = {{"from", required_argument, nullptr, kFrom},
                                 {"to", required_argument, nullptr, kTo},
                                 {"version", no_argument, nullptr, 'v'},
                                 {"help", no_argument, nullptr, 'h'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  for (int flag = 0; (flag = getopt_long(argc, argv, "f:tcvh", kLong, nullptr)) != -1;) {
    switch (flag) {
      case 'f':
        options.files.emplace_back(optarg);
        break;
      case 't':
      case 'c':
        options.check_only = true;
        break;
      case 'v':
        ++options.version;
        break;
      case 'h':
        options.help = true;
        break;
      case kFrom:
        options.from = optarg;
        break;
      case kTo:
        options.to = optarg;
        break;
      default:
        std::fputs(kUsage, stderr);
        return std::nullopt;
    }
  }
  const bool by_hand = !options.from.empty() || !options.to.empty();
  if (options.help || options.version > 0) return options;
  if (optind < argc) {
    fmt::print(stderr, "tandem-lb: unexpected \"{}\"\n{}", argv[optind], kUsage);
    return std::nullopt;
  }
  if (by_hand && (options.from.empty() || options.to.empty())) {
    fmt::print(stderr, "tandem-lb: --from and --to go together\n{}", kUsage);
    return std::nullopt;
  }
  if (by_hand == !options.files.empty()) {
    fmt::print(stderr, "tandem-lb: say either -f FILE or --from and --to\n{}", kUsage);
    return std::nullopt;
  }
  return options;
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

config::LoadResult load(const Options& options) {
  if (options.files.empty()) return config::load_from_to(options.from, options.to);
  return config::load(options.files);
}

void print_problems(const config::LoadResult& loaded) {
  for (const config::Problem& warning : loaded.warnings)
    fmt::print(stderr, "warning: {}\n", warning.text());
  for (const config::Problem& error : loaded.errors) fmt::print(stderr, "{}\n", error.text());
}

int run(const Options& options) {
  config::LoadResult loaded = load(options);
  print_problems(loaded);
  if (loaded.missing_file) return kNoFile;
  if (loaded.snapshot == nullptr) return kBadUsage;
  if (options.check_only) {
    fmt::print("configuration is valid\n");
    return kOk;
  }
  log::set_level(loaded.snapshot->log_level);
  Process process({.snapshot = loaded.snapshot,
                   .config_hash = loaded.hash,
                   .warnings = static_cast<std::uint32_t>(loaded.warnings.size())});
  if (const auto opened = process.open(); !opened) {
    log::error("{}", opened.error().message);
    return opened.error().message.ends_with("Permission denied") ? kNotPermitted : kFailed;
  }
  return process.run();
}

}  // namespace
}  // namespace tandem::lb

int main(int argc, char** argv) {
  using namespace tandem;
  // Writing to a connection that the peer has closed is an expected error, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  log::set_program("tandem-lb");
  const auto options = lb::parse(argc, argv);
  if (!options) return lb::kBadUsage;
  if (options->help) {
    std::fputs(lb::kUsage, stdout);
    return lb::kOk;
  }
  if (options->version > 0) {
    lb::print_version(options->version > 1);
    return lb::kOk;
  }
  try {
    return lb::run(*options);
  } catch (const std::exception& error) {
    log::error("{}", error.what());
    return lb::kFailed;
  }
}
