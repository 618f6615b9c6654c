#include "failover/actuator.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tandem::failover {
namespace {

namespace fs = std::filesystem;

config::Node node(std::string name, std::string_view address) {
  return {.name = std::move(name), .address = *IpAddress::parse(address)};
}

IpPrefix prefix(std::string_view text) { return *IpPrefix::parse(text); }

/// A network whose interface is a shell script: who has the address stands in a file.
struct World {
  fs::path folder = fs::temp_directory_path() / ("tandem-actuator-" + std::to_string(::getpid()));
  event::Loop loop;
  EventLog events;
  ActuatorFigures figures;
  config::Settings settings;
  config::Router router{.name = "main", .vips = {prefix("192.0.2.10/24")}};
  bool other_is_active = false;

  World() {
    fs::create_directory(folder);
    settings.interface = "eth0";
    settings.self = node("one", "192.0.2.1");
    settings.peers = {node("two", "192.0.2.2")};
    settings.actuator = config::Actuator{.exec = shell("echo $TANDEM_NODE >$FOLDER/has"),
                                         .read_back = shell("cat $FOLDER/has"),
                                         .timeout = Milliseconds(20'000),
                                         .retry = Milliseconds(5),
                                         .interval = Milliseconds(5)};
  }
  ~World() { fs::remove_all(folder); }

  std::vector<std::string> shell(const std::string& text) const {
    return {"/bin/sh", "-c", "FOLDER=" + folder.string() + "; " + text, "sh"};
  }
  std::string read(std::string_view name) const {
    std::ostringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  }
  Actuator make() {
    return Actuator({.loop = loop,
                     .settings = settings,
                     .router = router,
                     .events = events,
                     .figures = figures,
                     .other_is_active = [this] { return other_is_active; }});
  }
  template <class Condition>
  void wait(Condition condition) {
    while (!condition()) loop.run_once();
  }
  bool has_event(std::string_view words) const {
    for (const Event& event : events.events())
      if (event.words.find(words) != std::string::npos) return true;
    return false;
  }
};

}  // namespace

TEST_CASE("A program's words and environment say what is to be moved") {
  World world;
  world.settings.actuator->exec =
      world.shell("echo $* >$FOLDER/words; env | grep ^TANDEM_ | sort >$FOLDER/environment");
  world.settings.actuator->read_back.clear();
  Actuator actuator = world.make();
  actuator.acquire(false);
  CHECK(actuator.words() == "running: soon");
  world.wait([&] { return actuator.state() == "done"; });
  CHECK(world.read("words") == "acquire 192.0.2.10 main one\n");
  CHECK(world.read("environment") ==
        "TANDEM_ACTION=acquire\n"
        "TANDEM_ADDRESS=192.0.2.10\n"
        "TANDEM_INTERFACE=eth0\n"
        "TANDEM_NODE=one\n"
        "TANDEM_NODE_ADDRESS=192.0.2.1\n"
        "TANDEM_PREFIX=192.0.2.10/24\n"
        "TANDEM_ROUTER=main\n");
  CHECK(actuator.words().starts_with("done 0."));
  CHECK(world.figures.runs.at({"acquire", "done"}) == 1);
  CHECK(world.figures.took > std::chrono::nanoseconds(0));
}

TEST_CASE("What a program complains of is the reason that is shown") {
  World world;
  world.settings.actuator->exec = world.shell("echo trying >&2; echo 'no quota' >&2; exit 3");
  world.settings.actuator->retry = Milliseconds(600'000);
  Actuator actuator = world.make();
  actuator.acquire(false);
  world.wait([&] { return actuator.state() == "failed"; });
  CHECK(actuator.plan().fault() == "acquire 192.0.2.10 ended with status 3: no quota");
  CHECK(actuator.words().find("; again in ") != std::string::npos);
  CHECK(world.has_event("actuator: acquire 192.0.2.10 ended with status 3: no quota"));
}

TEST_CASE("A program that hangs is ended, with what it has started, and tried again") {
  World world;
  world.settings.actuator->timeout = Milliseconds(5);
  world.settings.actuator->exec = world.shell("sleep 600");
  Actuator actuator = world.make();
  actuator.acquire(false);
  world.wait([&] { return world.figures.runs[{"acquire", "timeout"}] == 2; });
  CHECK(actuator.plan().fault() == "acquire 192.0.2.10 took longer than 5ms");
}

TEST_CASE("What others move away is noticed and taken back") {
  World world;
  Actuator actuator = world.make();
  actuator.acquire(false);
  world.wait([&] { return actuator.state() == "done"; });
  std::ofstream(world.folder / "has") << "192.0.2.2\n";
  world.wait([&] { return world.figures.moved_away == 1 && actuator.state() == "done"; });
  CHECK(world.read("has") == "one\n");
  CHECK(world.has_event("actuator: two has 192.0.2.10, which was this node's"));
  CHECK(world.has_event("actuator: the network sends the addresses here again"));
}

TEST_CASE("While the other node has a right to it, it is left there") {
  World world;
  Actuator actuator = world.make();
  actuator.acquire(false);
  world.wait([&] { return actuator.state() == "done"; });
  world.other_is_active = true;
  std::ofstream(world.folder / "has") << "two";
  world.wait([&] { return world.figures.runs[{"read_back", "elsewhere"}] == 3; });
  CHECK(world.read("has") == "two");
  CHECK(actuator.plan().fault() ==
        "two has 192.0.2.10; not taken back while the other node is active");
}

TEST_CASE("Who lets go ends what still runs, and releases if it is asked to") {
  World world;
  world.settings.actuator->exec =
      world.shell("echo $1 >>$FOLDER/ran; test $1 = release || sleep 600");
  world.settings.actuator->release = GENERATE(false, true);
  Actuator actuator = world.make();
  actuator.acquire(false);
  world.wait([&] { return world.read("ran") == "acquire\n"; });
  actuator.release();
  bool is_idle = false;
  actuator.when_idle([&] { is_idle = true; });
  world.wait([&] { return is_idle; });
  CHECK(world.figures.runs.at({"acquire", "superseded"}) == 1);
  CHECK(world.read("ran") ==
        (world.settings.actuator->release ? "acquire\nrelease\n" : "acquire\n"));
  CHECK(actuator.state() == "idle");
}

TEST_CASE("Nothing that runs is idle at once") {
  World world;
  Actuator actuator = world.make();
  bool is_idle = false;
  actuator.when_idle([&] { is_idle = true; });
  CHECK(is_idle);
}

TEST_CASE("Whoever has an address is called by the name of the node") {
  const World world;
  struct Row {
    std::string_view said;
    std::string_view owner;
  };
  const Row rows[] = {{"one\n", ""},
                      {"192.0.2.1", ""},
                      {"  one  \n\n", ""},
                      {"a word before\none\n", ""},
                      {"two", "two"},
                      {"192.0.2.2\n", "two"},
                      {"", "nobody"},
                      {" \n", "nobody"},
                      {"i-0abc\x1b[31m", "\"i-0abc [31m\""},
                      {"One", "\"One\""}};
  for (const Row& row : rows) {
    INFO(row.said);
    CHECK(owner_in_words(world.settings, row.said) == row.owner);
  }
}

TEST_CASE("The network is not asked to move link-local addresses") {
  const config::Router router{.vips = {prefix("fe80::1/64"), prefix("2001:db8::1/64")}};
  CHECK(Actuator::movable(router) == std::vector{prefix("2001:db8::1/64")});
}

}  // namespace tandem::failover
