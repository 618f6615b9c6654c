// The main() of the tests between network namespaces: skipped (exit status 77) where they cannot be
// made.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

/// Tried in a child, so that this process stays where it is.
bool can_make_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWNET) == 0 && ::geteuid() == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

bool is_listing(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with("--list")) return true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  if (!is_listing(argc, argv) && !can_make_namespaces()) {
    std::puts("skipped: needs root, to make network namespaces");
    return kSkipped;
  }
  return Catch::Session().run(argc, argv);
}
