// tandem-failover: the command line, the exit statuses that CONFIG.md promises, and one Daemon
// after another for as long as reloads follow each other.
#include "common/log.h"
#include "failover/config/load.h"
#include "failover/daemon.h"
#include "failover/legacy.h"
#include "failover/peers.h"
#include "failover/system/clock.h"
#include "failover/system/guard.h"
#include "failover/version.h"

#include <fmt/format.h>
#include <getopt.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover {
namespace {

enum ExitStatus : int { kOk = 0, kFailed = 1, kBadUsage = 2, kNotPermitted = 4, kNoFile = 6 };

constexpr const char* kUsage =
    "usage: tandem-failover -f FILE|FOLDER [-f …] [--node NAME]       run\n"
    "       tandem-failover -t -f FILE|FOLDER [-f …] [--node NAME]    only check (-c is the same)\n"
    "       tandem-failover --version | -vv | --help\n";

/// Where a process finds what the one it replaces has left (legacy.h).
constexpr const char* kLegacyVariable = "TANDEM_FAILOVER_LEGACY";

struct Options {
  std::vector<std::string> files;
  std::string node;
  bool check_only = false;
  bool help = false;
  int version = 0;  // 1: one line, 2: everything
};

/// nullopt: a message has been printed.
std::optional<Options> parse(int argc, char** argv) {
  enum : int { kNode = 256 };
  static const option kLong[] = {{"node", required_argument, nullptr, kNode},
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
      case kNode:
        options.node = optarg;
        break;
      default:
        std::fputs(kUsage, stderr);
        return std::nullopt;
    }
  }
  if (options.help || options.version > 0) return options;
  if (optind < argc) {
    fmt::print(stderr, "tandem-failover: unexpected \"{}\"\n{}", argv[optind], kUsage);
    return std::nullopt;
  }
  if (options.files.empty()) {
    fmt::print(stderr, "tandem-failover: say -f FILE\n{}", kUsage);
    return std::nullopt;
  }
  return options;
}

void print_version(bool everything) {
  fmt::print("tandem-failover version {}\n", kVersion);
  if (!everything) return;
  fmt::print(
      "VRRPv3 (RFC 9568) for IPv4 and IPv6, VRRPv2 (RFC 3768) for IPv4; multicast, unicast\n");
  fmt::print("limits: 16 nodes, 64 addresses, intervals of 10 ms to 40.95 s\n");
}

void print_problems(const config::LoadResult& loaded) {
  for (const auto& warning : loaded.warnings) fmt::print(stderr, "warning: {}\n", warning.text());
  for (const auto& error : loaded.errors) fmt::print(stderr, "{}\n", error.text());
}

void log_problems(const config::LoadResult& loaded) {
  for (const auto& warning : loaded.warnings) log::warning("{}", warning.text());
  for (const auto& error : loaded.errors) log::error("{}", error.text());
}

/// What would be better and is not a must.
void settle() {
  if (const auto locked = system::lock_memory(); !locked)
    log::warning("{}", locked.error().message);
  if (const auto raised = system::raise_priority(); !raised)
    log::warning("{}", raised.error().message);
}

/// What the process before this one has left, once.
Legacy inherited() {
  const char* text = std::getenv(kLegacyVariable);
  if (text == nullptr) return {};
  auto legacy = decode_legacy(text);
  ::unsetenv(kLegacyVariable);
  return legacy ? std::move(*legacy) : Legacy{};
}

/// Comes back only when it fails.
void replace_process(const Legacy& legacy, char** argv) {
  ::setenv(kLegacyVariable, encode_legacy(legacy).c_str(), 1);
  // By its path, where it was called by one: an upgrade has put another file there.
  ::execvp(argv[0], argv);
  log::error("cannot run {} again: {}; going on as before", argv[0], std::strerror(errno));
  ::unsetenv(kLegacyVariable);
}

class Runner {
 public:
  Runner(const Options& options, char** argv) : options_(options), argv_(argv) {}

  int run() {
    config::LoadResult loaded = load();
    print_problems(loaded);
    if (loaded.missing_file) return kNoFile;
    if (loaded.settings == nullptr) return kBadUsage;
    if (options_.check_only) {
      fmt::print("configuration is valid\n");
      return kOk;
    }
    if (const auto started = guard_.start(); !started) {
      log::error("{}", started.error().message);
      return kNotPermitted;
    }
    settle();
    return serve(std::move(loaded));
  }

 private:
  config::LoadResult load() const {
    auto identity = config::Identity::of_this_machine(options_.node);
    identity.find_flaw = [](const config::Peer& peer, const std::string& node) {
      auto usable = credentials_of(peer, node);
      return usable ? std::nullopt : std::optional(std::move(usable.error()));
    };
    return config::load(options_.files, identity);
  }

  int serve(config::LoadResult loaded) {
    Legacy legacy = inherited();
    config::LoadResult before;  // what to go back to when a new configuration cannot be used
    for (;;) {
      log::set_level(loaded.settings->log_level);
      Daemon daemon(parts(loaded, std::move(legacy)));
      if (const auto opened = daemon.open(); !opened) {
        log::error("{}", opened.error().message);
        if (before.settings == nullptr) return status_of(opened.error());
        log::error("the new configuration cannot be used: going on with the one before");
        legacy = daemon.leave();
        loaded = std::exchange(before, {});
        continue;
      }
      switch (daemon.run()) {
        case Daemon::End::kStopped:
          guard_.dismiss();
          log::notice("stopped");
          return kOk;
        case Daemon::End::kReload:
          legacy = daemon.leave();
          before = std::exchange(loaded, std::move(daemon.reloaded()));
          break;
        case Daemon::End::kReplace:
          legacy = daemon.leave();
          guard_.dismiss();
          replace_process(legacy, argv_);
          if (!guard_.start()) return kFailed;
          break;
      }
    }
  }

  Daemon::Parts parts(const config::LoadResult& loaded, Legacy legacy) {
    return {.settings = loaded.settings,
            .config_hash = loaded.hash,
            .guard = guard_,
            .events = events_,
            .server_settings = server_settings_,
            .reload =
                [this] {
                  config::LoadResult again = load();
                  log_problems(again);
                  return again;
                },
            .legacy = std::move(legacy)};
  }

  static ExitStatus status_of(const Error& error) {
    return error.message.find("not permitted") != std::string::npos ? kNotPermitted : kFailed;
  }

  const Options& options_;
  char** argv_;
  system::Guard guard_;
  EventLog events_;
  ServerSettings server_settings_;
};

}  // namespace
}  // namespace tandem::failover

int main(int argc, char** argv) {
  using namespace tandem;
  std::signal(SIGPIPE, SIG_IGN);
  log::set_program("tandem-failover");
  const auto options = failover::parse(argc, argv);
  if (!options) return failover::kBadUsage;
  if (options->help) {
    std::fputs(failover::kUsage, stdout);
    return failover::kOk;
  }
  if (options->version > 0) {
    failover::print_version(options->version > 1);
    return failover::kOk;
  }
  try {
    return failover::Runner(*options, argv).run();
  } catch (const std::exception& error) {
    log::error("{}", error.what());
    return failover::kFailed;
  }
}
