#include "failover/file_watch.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tandem::failover {
namespace {

namespace fs = std::filesystem;

/// A folder of its own, gone at the end.
struct World {
  fs::path folder = fs::temp_directory_path() / ("tandem-file-" + std::to_string(::getpid()));
  config::TrackFile settings{.name = "it", .path = folder / "it", .weight = -2};
  event::Loop loop;
  event::Poller poller{loop};
  int changes = 0;

  World() { fs::create_directory(folder); }
  ~World() { fs::remove_all(folder); }

  void write(std::string_view text, std::string_view name = "it") const {
    std::ofstream(folder / name) << text;
  }
  /// Runs until what `watch` shows says this.
  void wait(const FileWatch& watch, std::string_view why) {
    while (watch.tracked().why != why) loop.run_once();
  }
};

FileWord number(std::int64_t number) { return {.number = number, .fault = {}, .is_there = true}; }
FileWord fault(std::string words) {
  return {.number = 0, .fault = std::move(words), .is_there = true};
}

}  // namespace

TEST_CASE("A file holds one number, with blanks around it, or nothing, which is 1") {
  struct Row {
    std::string_view text;
    FileWord word;
  };
  const Row rows[] = {
      {"0", number(0)},
      {"5\n", number(5)},
      {" \t-20 \r\n", number(-20)},
      {"1000000", number(1'000'000)},
      {"", number(1)},
      {"\n", number(1)},
      {"1000001", fault("holds a number beyond 1000000")},
      {"-1000001", fault("holds a number beyond 1000000")},
      {"99999999999999999999", fault("holds a number beyond 1000000")},
      {"bob is at work", fault("does not hold a number")},
      {"5 6", fault("does not hold a number")},
      {"5%", fault("does not hold a number")},
      {"+5", fault("does not hold a number")},
      {"0x10", fault("does not hold a number")},
      {"-", fault("does not hold a number")},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read_file_text(row.text) == row.word);
  }
}

TEST_CASE("What is not a regular file is not opened") {
  const World world;
  const std::string path = world.settings.path;
  SECTION("nothing there") { CHECK(read_number_file(path) == FileWord{}); }
  SECTION("its folder is a file") {
    world.write("5");
    CHECK(read_number_file(path + "/it") == FileWord{});
  }
  SECTION("a FIFO, which would make whoever opens it wait") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(read_number_file(path) == fault("is not a regular file"));
  }
  SECTION("a folder") {
    fs::create_directory(path);
    CHECK(read_number_file(path) == fault("is not a regular file"));
  }
  SECTION("a device") {
    fs::create_symlink("/dev/zero", path);
    CHECK(read_number_file(path) == fault("is not a regular file"));
  }
  SECTION("a link to itself") {
    fs::create_symlink(path, path);
    CHECK(read_number_file(path) == fault("cannot be read: Too many levels of symbolic links"));
  }
  SECTION("more than a number may be long") {
    world.write(std::string(kFileBytesMax, ' ') + "5");
    CHECK(read_number_file(path) == fault("is too long for a number"));
  }
  SECTION("as long as a number may be") {
    world.write(std::string(kFileBytesMax - 1, ' ') + "5");
    CHECK(read_number_file(path) == number(5));
  }
}

TEST_CASE("The number times the weight is added; without weight it takes the right away") {
  struct Row {
    int weight;
    FileWord word;
    bool is_ok;
    std::optional<int> adds;
    std::string_view why;
  };
  const Row rows[] = {
      {-60, {}, true, 0, "is not there"},
      {-60, number(0), true, 0, "says 0"},
      {-60, number(1), false, -60, "says 1"},
      {-3, number(20), false, -60, "says 20"},
      {-3, number(-20), true, 60, "says -20"},
      {2, number(10), true, 20, "says 10"},
      {2, number(-10), false, -20, "says -10"},
      {253, number(-1'000'000), false, -253'000'000, "says -1000000"},
      {0, {}, true, std::nullopt, "is not there"},
      {0, number(0), true, std::nullopt, "says 0"},
      {0, number(-7), false, std::nullopt, "says -7"},
      // What cannot be understood is never of use.
      {-60, fault("is odd"), false, -60, "is odd"},
      {60, fault("is odd"), false, 0, "is odd"},
      {0, fault("is odd"), false, std::nullopt, "is odd"},
  };
  for (const Row& row : rows) {
    INFO(row.weight << " and " << row.why);
    const machine::Tracked tracked =
        weigh_file({.name = "it", .path = {}, .weight = row.weight}, row.word);
    CHECK(tracked.name == "file it");
    CHECK(tracked.is_ok == row.is_ok);
    CHECK(tracked.adds == row.adds);
    CHECK(tracked.why == row.why);
  }
}

TEST_CASE("What is written counts, however it comes to be there") {
  World world;
  FileWatch watch(world.poller, world.settings, [&] { ++world.changes; });
  watch.start();
  CHECK(watch.tracked().is_ok);
  CHECK(world.changes == 0);

  world.write("20");
  world.wait(watch, "says 20");
  CHECK(watch.tracked().adds == -40);
  CHECK(world.changes == 1);
  // As careful programs write: beside it, then over it.
  world.write("30", "new");
  fs::rename(world.folder / "new", world.settings.path);
  world.wait(watch, "says 30");
  // As Kubernetes does: the file is a link, and what it leads to is exchanged.
  world.write("40", "other");
  fs::remove(world.settings.path);
  fs::create_symlink("other", world.settings.path);
  world.wait(watch, "says 40");
  world.write("50", "other");
  world.wait(watch, "says 50");
  fs::remove(world.settings.path);
  world.wait(watch, "is not there");
  CHECK(watch.tracked().is_ok);
}

TEST_CASE("What is there from the beginning is known at once") {
  World world;
  world.write("3");
  FileWatch watch(world.poller, world.settings, [&] { ++world.changes; });
  watch.start();
  CHECK(watch.tracked().why == "says 3");
  CHECK(world.changes == 1);
}

TEST_CASE("A folder may come later, and come again") {
  World world;
  world.settings.path = world.folder / "later" / "it";
  FileWatch watch(world.poller, world.settings, [] {});
  watch.start();
  for (const char* text : {"7", "8"}) {
    fs::create_directory(world.folder / "later");
    world.write(text, "later/it");
    world.wait(watch, std::string("says ") + text);
    fs::remove_all(world.folder / "later");
    world.wait(watch, "is not there");
  }
}

}  // namespace tandem::failover
