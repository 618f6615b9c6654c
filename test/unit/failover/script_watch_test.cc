#include "failover/script_watch.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace tandem::failover {
namespace {

struct World {
  event::Loop loop;
  config::TrackScript settings{.name = "it",
                               .exec = {"/bin/true"},
                               .interval = Milliseconds(1),
                               .timeout = Milliseconds(20'000),
                               .rise = 2,
                               .fall = 3,
                               .weight = -60};
  int changes = 0;

  /// Runs it until `runs` have ended.
  machine::Tracked after(std::uint64_t runs) {
    ScriptWatch watch(loop, settings, [this] { ++changes; });
    watch.start();
    while (watch.counts().runs < runs) loop.run_once();
    return watch.tracked();
  }
};

}  // namespace

TEST_CASE("A program that ends well is well, and is asked again") {
  World world;
  const machine::Tracked tracked = world.after(3);
  CHECK(tracked.name == "script it");
  CHECK(tracked.is_ok);
  CHECK(tracked.weight == -60);
  CHECK(world.changes == 1);  // the first answer
}

TEST_CASE("What a program says first is believed") {
  World world;
  world.settings.exec = {"/bin/sh", "-c", "exit 3"};
  const machine::Tracked tracked = world.after(1);
  CHECK_FALSE(tracked.is_ok);
  CHECK(tracked.why == "ended with status 3");
}

TEST_CASE("A program that cannot be run has failed") {
  World world;
  world.settings.exec = {"/nowhere/to/be/found"};
  CHECK(world.after(1).why == "no such file or directory");
}

TEST_CASE("A program that hangs is killed and has failed") {
  World world;
  world.settings.exec = {"/bin/sleep", "600"};
  world.settings.timeout = Milliseconds(5);
  CHECK(world.after(1).why == "took longer than 5ms");
}

TEST_CASE("A program that dies of a signal has failed") {
  World world;
  world.settings.exec = {"/bin/sh", "-c", "kill -TERM $$"};
  CHECK(world.after(1).why == "was ended by signal 15 (Terminated)");
}

TEST_CASE("It takes as many failures in a row as were asked for to change an opinion") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tandem-script-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  // Well once, then failing: each run leaves a file more.
  World world;
  world.settings.exec = {
      "/bin/sh", "-c",
      "n=$(ls " + folder.string() + " | wc -l); touch " + folder.string() + "/$n; test $n -lt 1"};
  event::Loop& loop = world.loop;
  ScriptWatch watch(loop, world.settings, [] {});
  watch.start();
  while (watch.counts().failures < 2) loop.run_once();
  CHECK(watch.tracked().is_ok);
  while (watch.counts().failures < 3) loop.run_once();
  CHECK_FALSE(watch.tracked().is_ok);
  std::filesystem::remove_all(folder);
}

}  // namespace tandem::failover
