#include "common/daemon_main.h"

#include "common/log.h"

#include <fmt/format.h>
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

namespace tandem::daemon {
namespace {

/// Numbers that no letter has.
constexpr int kFirstOwn = 256;

std::vector<option> long_options(const std::vector<OwnOption>& own) {
  std::vector<option> options;
  for (std::size_t i = 0; i < own.size(); ++i)
    options.push_back({own[i].name, required_argument, nullptr, kFirstOwn + static_cast<int>(i)});
  options.push_back({"version", no_argument, nullptr, 'v'});
  options.push_back({"help", no_argument, nullptr, 'h'});
  options.push_back({nullptr, 0, nullptr, 0});
  return options;
}

/// False: there is no such option; the library has said so.
bool take(int flag, const std::vector<OwnOption>& own, CommandLine& line) {
  if (flag >= kFirstOwn) {
    *own[static_cast<std::size_t>(flag - kFirstOwn)].value = optarg;
    return true;
  }
  switch (flag) {
    case 'f':
      line.files.emplace_back(optarg);
      return true;
    case 't':
    case 'c':
      line.check_only = true;
      return true;
    case 'v':
      ++line.version;
      return true;
    case 'h':
      line.help = true;
      return true;
    default:
      return false;
  }
}

/// nullopt: a message has been printed.
std::optional<CommandLine> read(const Program& program, int argc, char** argv) {
  const std::vector<option> known = long_options(program.options);
  optind = 0;  // of the library: it begins anew, whatever it has read before (getopt(3))
  CommandLine line;
  for (int flag = 0; (flag = getopt_long(argc, argv, "f:tcvh", known.data(), nullptr)) != -1;) {
    if (take(flag, program.options, line)) continue;
    std::fputs(program.usage, stderr);
    return std::nullopt;
  }
  if (line.help || line.version > 0) return line;
  std::string flaw;
  if (optind < argc)
    flaw = fmt::format("unexpected \"{}\"", argv[optind]);
  else
    flaw = program.flaw(line);
  if (flaw.empty()) return line;
  fmt::print(stderr, "{}: {}\n{}", program.name, flaw, program.usage);
  return std::nullopt;
}

}  // namespace

int run(const Program& program, int argc, char** argv) {
  // Writing to a connection that the peer has closed is an expected error, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  log::set_program(program.name);
  const auto line = read(program, argc, argv);
  if (!line) return kBadUsage;
  if (line->help) {
    std::fputs(program.usage, stdout);
    return kOk;
  }
  if (line->version > 0) {
    program.print_version(line->version > 1);
    return kOk;
  }
  try {
    return program.run(*line);
  } catch (const std::exception& error) {
    log::error("{}", error.what());
    return kFailed;
  }
}

}  // namespace tandem::daemon
