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

ChildExit exit_of(ChildSettings settings) {
  Loop loop;
  std::optional<ChildExit> seen;
  const Result<Child> child =
      Child::run(loop, std::move(settings), [&](ChildExit exit) { seen = std::move(exit); });
  REQUIRE(child);
  while (!seen) loop.run_once();
  return *seen;
}

TEST_CASE("what a program says is kept if it is asked for") {
  ChildSettings settings{.words = {"/bin/sh", "-c", "echo here; echo there >&2; exit 3"}};
  CHECK(exit_of(settings).output.empty());
  settings.keeps_output = true;
  const ChildExit exit = exit_of(settings);
  CHECK(exit.status == 3);
  CHECK(exit.output == "here\n");
  CHECK(exit.errors == "there\n");
}

TEST_CASE("a program that says more than is kept does not wait, and the end of it is kept") {
  const ChildExit exit = exit_of(
      {.words = {"/bin/sh", "-c", "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done"},
       .keeps_output = true});
  CHECK(exit.status == 0);
  CHECK(exit.output.size() == Child::kOutputMax);
  CHECK(exit.output.ends_with("line 29999\n"));
}

TEST_CASE("who outlives a program and holds its output delays nothing") {
  const ChildExit exit =
      exit_of({.words = {"/bin/sh", "-c", "sleep 600 & echo $!"}, .keeps_output = true});
  CHECK(exit.status == 0);
  ::kill(std::stoi(exit.output), SIGKILL);
}

TEST_CASE("what is said of the environment stands in place of this process's own") {
  REQUIRE(::setenv("TANDEM_TEST_OWN", "own", 1) == 0);
  REQUIRE(::setenv("TANDEM_TEST_SAID", "own", 1) == 0);
  const ChildExit exit =
      exit_of({.words = {"/bin/sh", "-c", "echo $TANDEM_TEST_OWN $TANDEM_TEST_SAID"},
               .environment = {"TANDEM_TEST_SAID=said"},
               .keeps_output = true});
  CHECK(exit.output == "own said\n");
}

TEST_CASE("what does not exist is an error in words") {
  Loop loop;
  const Result<Child> child = Child::run(loop, Words{"/nowhere/to/be/found"}, [](ChildExit) {});
  REQUIRE_FALSE(child);
  CHECK(child.error().message == "no such file or directory");
  const Result<Child> heard =
      Child::run(loop, ChildSettings{.words = {"/nowhere/to/be/found"}, .keeps_output = true},
                 [](ChildExit) {});
  CHECK_FALSE(heard);
  loop.run();
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
