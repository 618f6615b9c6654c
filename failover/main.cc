// tandem-failover: the command line, the exit statuses that CONFIG.md promises, and one Daemon
// after another for as long as reloads follow each other.
#include "common/daemon_main.h"
#include "common/log.h"
#include "common/log_thread.h"
#include "failover/config/load.h"
#include "failover/daemon.h"
#include "failover/legacy.h"
#include "failover/peers.h"
#include "failover/system/clock.h"
#include "failover/system/guard.h"
#include "failover/version.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::failover {
namespace {

using daemon::CommandLine;

constexpr const char* kUsage =
    "usage: tandem-failover -f FILE|FOLDER [-f …] [--node NAME]       run\n"
    "       tandem-failover -t -f FILE|FOLDER [-f …] [--node NAME]    only check (-c is the same)\n"
    "       tandem-failover --version | -vv | --help\n";

/// Where a process finds what the one it replaces has left (legacy.h).
constexpr const char* kLegacyVariable = "TANDEM_FAILOVER_LEGACY";

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
  Runner(const CommandLine& line, const std::string& node, char** argv)
      : line_(line), node_(node), argv_(argv) {}

  int run() {
    config::LoadResult loaded = load();
    print_problems(loaded);
    if (loaded.missing_file) return daemon::kNoFile;
    if (loaded.settings == nullptr) return daemon::kBadUsage;
    if (line_.check_only) {
      fmt::print("configuration is valid\n");
      return daemon::kOk;
    }
    if (const auto started = guard_.start(); !started) {
      log::error("{}", started.error().message);
      return daemon::kNotPermitted;
    }
    settle();
    log_off_the_loop();
    return serve(std::move(loaded));
  }

 private:
  config::LoadResult load() const {
    auto identity = config::Identity::of_this_machine(node_);
    identity.find_flaw = [](const config::Peer& peer, const std::string& node) {
      auto usable = credentials_of(peer, node);
      return usable ? std::nullopt : std::optional(std::move(usable.error()));
    };
    return config::load(line_.files, identity);
  }

  /// After the priority was raised, which threads do not inherit: whoever waits for a disk need not
  /// be quick.
  void log_off_the_loop() {
    auto started = LogThread::start();
    if (started)
      log_thread_ = std::move(*started);
    else
      log::warning("the log is written by the loop: {}", started.error().message);
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
          return daemon::kOk;
        case Daemon::End::kReload:
          legacy = daemon.leave();
          before = std::exchange(loaded, std::move(daemon.reloaded()));
          break;
        case Daemon::End::kReplace:
          legacy = daemon.leave();
          guard_.dismiss();
          log_thread_.reset();
          replace_process(legacy, argv_);
          log_off_the_loop();
          if (!guard_.start()) return daemon::kFailed;
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

  static daemon::ExitStatus status_of(const Error& error) {
    return error.message.find("not permitted") != std::string::npos ? daemon::kNotPermitted
                                                                    : daemon::kFailed;
  }

  const CommandLine& line_;
  const std::string& node_;  // empty: as its addresses say
  char** argv_;
  system::Guard guard_;
  std::unique_ptr<LogThread> log_thread_;  // after the guard was forked
  EventLog events_;
  ServerSettings server_settings_;
};

}  // namespace
}  // namespace tandem::failover

int main(int argc, char** argv) {
  using namespace tandem;
  std::string node;
  return daemon::run(
      {.name = "tandem-failover",
       .usage = failover::kUsage,
       .options = {{"node", &node}},
       .flaw = [](const auto& line) { return line.files.empty() ? "say -f FILE" : ""; },
       .print_version = failover::print_version,
       .run = [&](const auto& line) { return failover::Runner(line, node, argv).run(); }},
      argc, argv);
}
