// tandemctl: asks a running tandem, prints the answer and ends.
#include "ctl/arguments.h"
#include "ctl/client.h"
#include "ctl/moving.h"
#include "ctl/status.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tandem::ctl {
namespace {

int complain(std::string_view message, Exit status) {
  fmt::print(stderr, "tandemctl: {}\n", message);
  return status;
}

/// Becomes `tandem-lb -t -f FILE`, the one beside this program before any other.
int check(const std::vector<std::string>& words) {
  if (words.size() != 2) return complain("check needs one file", kBadUsage);
  char own[PATH_MAX] = {};
  const ssize_t length = ::readlink("/proc/self/exe", own, sizeof own - 1);
  const std::string here(own, length > 0 ? static_cast<std::size_t>(length) : 0);
  const std::string beside = here.substr(0, here.rfind('/') + 1) + "tandem-lb";
  const char* const arguments[] = {"tandem-lb", "-t", "-f", words[1].c_str(), nullptr};
  ::execv(beside.c_str(), const_cast<char* const*>(arguments));
  ::execvp("tandem-lb", const_cast<char* const*>(arguments));
  return complain(fmt::format("cannot run tandem-lb: {}", std::strerror(errno)), kNotReachable);
}

/// Of a socket that can be read, see run().
Result<Answer> ask_at(const std::string& socket, std::string_view command) {
  return ask(*parse_socket(socket), command);
}

int print(const Result<Answer>& answer) {
  if (!answer) return complain(answer.error().message, kNotReachable);
  if (answer->is_refused) {
    fmt::print(stderr, "{}", answer->text);
    return kRefused;
  }
  fmt::print("{}", answer->text);
  return kDone;
}

/// The pair, where there is one, and the data plane.
int status(const Arguments& arguments) {
  if (arguments.json) return print(ask_at(arguments.socket, "show stat json"));
  if (const auto pair = ask_at(arguments.failover_socket, "show failover"); pair)
    fmt::print("{}\n", pair->text);
  auto answer = ask_at(arguments.socket, "show stat");
  if (answer && !answer->is_refused) answer->text = status_table(answer->text);
  return print(answer);
}

int run(const Arguments& arguments) {
  if (arguments.words.front() == "check") return check(arguments.words);
  for (const std::string& socket : {arguments.socket, arguments.failover_socket})
    if (const auto address = parse_socket(socket); !address)
      return complain(fmt::format("{}: {}", socket, address.error().message), kBadUsage);
  if (arguments.words.front() == "status") return status(arguments);
  if (is_moving(arguments.words)) return run_moving(arguments);
  const auto command = runtime_command(arguments.words, arguments.json);
  if (!command) return complain(command.error().message, kBadUsage);
  return print(ask_at(
      is_for_failover(arguments.words) ? arguments.failover_socket : arguments.socket, *command));
}

}  // namespace
}  // namespace tandem::ctl

int main(int count, char** values) {
  using namespace tandem::ctl;
  const auto arguments =
      parse_arguments({const_cast<const char* const*>(values) + 1,
                       static_cast<std::size_t>(count > 0 ? count - 1 : 0)},
                      {.socket = std::getenv("TANDEM_SOCKET"),
                       .failover_socket = std::getenv("TANDEM_FAILOVER_SOCKET")});
  if (!arguments) {
    fmt::print(stderr, "tandemctl: {}\n{}", arguments.error().message, usage());
    return kBadUsage;
  }
  if (arguments->help) {
    fmt::print("{}", usage());
    return kDone;
  }
  return run(*arguments);
}
