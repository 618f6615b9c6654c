// tandemctl: asks a running tandem, prints the answer and ends.
#include "ctl/arguments.h"
#include "ctl/client.h"
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

enum Exit : int { kDone = 0, kRefused = 1, kBadUsage = 2, kNotReachable = 3 };

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

int print(const Answer& answer, bool as_table) {
  if (answer.is_refused) {
    fmt::print(stderr, "{}", answer.text);
    return kRefused;
  }
  fmt::print("{}", as_table ? status_table(answer.text) : answer.text);
  return kDone;
}

int run(const Arguments& arguments) {
  if (arguments.words.front() == "check") return check(arguments.words);
  const bool is_status = arguments.words.front() == "status";
  const auto words = is_status ? std::vector<std::string>{"show", "stat"} : arguments.words;
  const auto command = runtime_command(words, arguments.json);
  if (!command) return complain(command.error().message, kBadUsage);
  const auto socket = parse_socket(arguments.socket);
  if (!socket)
    return complain(fmt::format("{}: {}", arguments.socket, socket.error().message), kBadUsage);
  const auto answer = ask(*socket, *command);
  if (!answer) return complain(answer.error().message, kNotReachable);
  return print(*answer, is_status && !arguments.json);
}

}  // namespace
}  // namespace tandem::ctl

int main(int count, char** values) {
  using namespace tandem::ctl;
  const auto arguments = parse_arguments({const_cast<const char* const*>(values) + 1,
                                          static_cast<std::size_t>(count > 0 ? count - 1 : 0)},
                                         std::getenv("TANDEM_SOCKET"));
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
