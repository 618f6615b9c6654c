// tandem-origin: a scripted application server for tests and benchmarks. What the paths do is
// written in plan.h.
#include "common/text.h"
#include "test/support/origin/server.h"

#include <getopt.h>

#include <cstdio>
#include <string>

namespace tandem::testing {
namespace {

constexpr const char* kUsage =
    "Usage: tandem-origin [--name NAME] [--listen ADDRESS | --port N] [--default TARGET]\n"
    "                     [--force TARGET] [--healthz TARGET] [--idle-close MS]\n"
    "                     [--record FOLDER] [--raw-folder FOLDER]\n"
    "Says \"listening on ADDRESS:PORT\" when it does; port 0, the default, is any free one.\n"
    "Targets are such as /bytes/1024?delay=50, /status/503, /freeze "
    "(test/support/origin/plan.h).\n";

constexpr int kBadUsage = 2;

struct Arguments {
  Server::Options server;
  Script::Options script;
  std::string listen = "127.0.0.1:0";
};

bool read_milliseconds(const char* text, std::optional<std::chrono::milliseconds>& into) {
  const auto value = parse_decimal(text);
  if (value) into = std::chrono::milliseconds(*value);
  return value.has_value();
}

bool take(int option, const char* value, Arguments& arguments) {
  switch (option) {
    case 'n':
      arguments.script.name = value;
      return true;
    case 'l':
      arguments.listen = value;
      return true;
    case 'p':
      arguments.listen = "127.0.0.1:" + std::string(value);
      return true;
    case 'd':
      arguments.script.default_target = value;
      return true;
    case 'f':
      arguments.script.force = value;
      return true;
    case 'z':
      arguments.script.healthz = value;
      return true;
    case 'r':
      arguments.server.record_folder = value;
      return true;
    case 'w':
      arguments.script.raw_folder = value;
      return true;
    case 'i':
      return read_milliseconds(value, arguments.server.idle_close);
    default:
      return false;
  }
}

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  const option options[] = {{"name", required_argument, nullptr, 'n'},
                            {"listen", required_argument, nullptr, 'l'},
                            {"port", required_argument, nullptr, 'p'},
                            {"default", required_argument, nullptr, 'd'},
                            {"force", required_argument, nullptr, 'f'},
                            {"healthz", required_argument, nullptr, 'z'},
                            {"record", required_argument, nullptr, 'r'},
                            {"raw-folder", required_argument, nullptr, 'w'},
                            {"idle-close", required_argument, nullptr, 'i'},
                            {nullptr, 0, nullptr, 0}};
  int found = 0;
  while ((found = getopt_long(argc, argv, "", options, nullptr)) != -1) {
    if (!take(found, optarg, arguments)) return false;
  }
  return optind == argc;
}

int complain(const std::string& what) {
  std::fprintf(stderr, "tandem-origin: %s\n", what.c_str());
  return kBadUsage;
}

int run(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fputs(kUsage, stderr);
    return kBadUsage;
  }
  const auto listen = SocketAddress::parse(arguments.listen);
  if (!listen) return complain(arguments.listen + ": " + listen.error().message);
  arguments.server.listen = *listen;
  Script script(std::move(arguments.script));
  std::string complaint;
  if (!script.is_sound(complaint)) return complain(complaint);
  const auto server = Server::open(std::move(arguments.server), std::move(script));
  if (!server) return complain(server.error().message);
  std::printf("listening on %s\n", (*server)->address().text().c_str());
  std::fflush(stdout);
  (*server)->run();
}

}  // namespace
}  // namespace tandem::testing

int main(int argc, char** argv) { return tandem::testing::run(argc, argv); }
