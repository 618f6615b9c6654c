// What main() of both daemons has in common: the command line with the options that both
// understand, the exit statuses that CONFIG.md promises, and what is to be said before and after.
// Thread: the main one, before there are others.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace tandem::daemon {

enum ExitStatus : int { kOk = 0, kFailed = 1, kBadUsage = 2, kNotPermitted = 4, kNoFile = 6 };

struct CommandLine {
  std::vector<std::string> files;  // -f, in order
  bool check_only = false;         // -t, -c
  bool help = false;               // -h, --help
  int version = 0;                 // -v, --version; 1: one line, 2: everything
};

/// "--name VALUE" of one program alone.
struct OwnOption {
  const char* name = nullptr;
  std::string* value = nullptr;  // filled in; what comes later counts
};

struct Program {
  const char* name = nullptr;   // "tandem-lb"
  const char* usage = nullptr;  // ends with a line break
  std::vector<OwnOption> options;
  /// What such a command line lacks, in words; empty: nothing.
  std::function<std::string(const CommandLine&)> flaw;
  std::function<void(bool everything)> print_version;
  /// @return the exit status.
  std::function<int(const CommandLine&)> run;
};

/// The whole of main(). @return the exit status.
[[nodiscard]] int run(const Program& program, int argc, char** argv);

}  // namespace tandem::daemon
