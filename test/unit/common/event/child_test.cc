#include "common/event/child.h"

#include "common/event/timer.h"

#include <catch2/catch.hpp>
#include <sys/wait.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace tandem::event {
namespace {

using Words = std::vector<std::string>;

ChildExit exit_of(const Words& words) {
  Loop loop;
  std::optional<ChildExit> seen;
  const Result<Child> child = Child::run(loop, words, [&](ChildExit exit) { seen = exit; });
  REQUIRE(child);
  CHECK(child->is_running());
  while (!seen) loop.run_once();
  CHECK_FALSE(child->is_running());
  return *seen;
}

TEST_CASE("a program's end is told once, with its status") {
  CHECK(exit_of({"/bin/true"}).status == 0);
  CHECK(exit_of({"/bin/sh", "-c", "exit 7"}).status == 7);
  CHECK(exit_of({"/bin/sh", "-c", "kill -9 $$"}).signal == SIGKILL);
}

TEST_CASE("what does not exist is an error in words") {
  Loop loop;
  const Result<Child> child = Child::run(loop, Words{"/nowhere/to/be/found"}, [](ChildExit) {});
  REQUIRE_FALSE(child);
  CHECK(child.error().message == "no such file or directory");
}

TEST_CASE("a program that is killed takes its children with it") {
  Loop loop;
  std::optional<ChildExit> seen;
  Result<Child> child = Child::run(loop, Words{"/bin/sh", "-c", "sleep 600 & wait"},
                                   [&](ChildExit exit) { seen = exit; });
  REQUIRE(child);
  child->kill();
  while (!seen) loop.run_once();
  CHECK(seen->signal == SIGKILL);
}

TEST_CASE("a child that is let go of is killed, reaped and never heard of again") {
  Loop loop;
  {
    const Result<Child> child = Child::run(loop, Words{"/bin/sleep", "600"},
                                           [](ChildExit) { FAIL("nobody wants to know"); });
    REQUIRE(child);
  }
  // No child is left, running or dead.
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  loop.run();
}

TEST_CASE("a child may be moved while it runs") {
  Loop loop;
  bool ended = false;
  Child holder;
  {
    Result<Child> child = Child::run(loop, Words{"/bin/true"}, [&](ChildExit) { ended = true; });
    REQUIRE(child);
    holder = std::move(*child);
  }
  while (!ended) loop.run_once();
  CHECK_FALSE(holder.is_running());
}

}  // namespace
}  // namespace tandem::event
