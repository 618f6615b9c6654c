// The watching end against a data plane that the test plays.
#include "failover/pulse_watch.h"

#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace tandem::failover {
namespace {

using Fitness = pulse::Condition::Fitness;

/// The listening end; `peer` once somebody has connected.
struct DataPlane {
  std::string path = "/tmp/tandem-pulse-" + std::to_string(::getpid());
  FileDescriptor listener;
  FileDescriptor peer;

  DataPlane() = default;
  ~DataPlane() { ::unlink(path.c_str()); }
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  [[nodiscard]] SocketAddress address() const { return *SocketAddress::parse("unix:" + path); }

  void listen() {
    ::unlink(path.c_str());
    listener.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const SocketAddress at = address();
    REQUIRE(::bind(listener.get(), at.data(), at.size()) == 0);
    REQUIRE(::listen(listener.get(), 4) == 0);
  }
  void accept() {
    peer.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(peer);
  }
  pulse::Packet hear() const {
    std::array<char, pulse::kPacketBytesMax> bytes;
    const ssize_t count = ::recv(peer.get(), bytes.data(), bytes.size(), 0);
    REQUIRE(count > 0);
    return *pulse::decode(std::span(bytes).first(static_cast<std::size_t>(count)));
  }
  pulse::Hello hello() const { return std::get<pulse::Hello>(hear()); }
  void say(const pulse::Packet& packet) const {
    const std::string bytes = pulse::encode(packet);
    REQUIRE(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
  }
  void die() {
    peer.reset();
    listener.reset();
    ::unlink(path.c_str());
  }
};

struct World {
  event::Loop loop;
  event::Poller poller{loop};
  DataPlane lb;
  int changes = 0;
  std::unique_ptr<PulseWatch> watch;

  explicit World(Milliseconds hang = Milliseconds(60'000), bool needs_ready = true) {
    watch = std::make_unique<PulseWatch>(
        poller,
        PulseWatch::Settings{.address = lb.address(), .hang = hang, .needs_ready = needs_ready},
        [this] { ++changes; });
  }
  void connect() {
    lb.listen();
    watch->start();
    lb.accept();
  }
  void run_until(bool is_ok) {
    while (watch->tracked().is_ok != is_ok) loop.run_once();
  }
  void become_fit() {
    lb.say(pulse::Beat{.worker = 0});
    lb.say(pulse::Condition{.workers = 1});
    run_until(true);
  }
};

}  // namespace

TEST_CASE("A data plane that does not run is not well, and known to be so at once") {
  World world;
  CHECK_FALSE(world.watch->is_known());
  world.watch->start();
  CHECK(world.watch->is_known());
  CHECK_FALSE(world.watch->tracked().is_ok);
  CHECK(world.watch->tracked().why ==
        "does not run (unix:" + world.lb.path + ": No such file or directory)");
  CHECK(world.changes == 1);
}

TEST_CASE("A data plane that begins later is found") {
  World world;
  world.watch->start();
  world.lb.listen();
  world.loop.run_once();  // the next try
  world.lb.accept();
  world.lb.say(pulse::Condition{.workers = 1});
  world.run_until(true);
  CHECK(world.changes == 2);
}

TEST_CASE("A data plane that beats and is fit is well, until it dies") {
  World world;
  world.connect();
  CHECK(world.lb.hello().period == Milliseconds(1'000));  // a quarter of the hang time, bounded
  CHECK_FALSE(world.watch->is_known());
  world.become_fit();
  CHECK(world.watch->is_known());
  world.lb.die();
  world.run_until(false);
  CHECK(world.watch->tracked().why == "has died");
}

TEST_CASE("What the data plane says of itself counts") {
  struct Row {
    Fitness fitness;
    bool needs_ready;
    std::string why;
  };
  const auto row = GENERATE(Row{Fitness::kStopping, true, "is stopping"},
                            Row{Fitness::kStopping, false, "is stopping"},
                            Row{Fitness::kNotReady, true, "is not ready: no descriptors"},
                            Row{Fitness::kNotReady, false, ""});
  World world(Milliseconds(60'000), row.needs_ready);
  world.connect();
  world.become_fit();
  world.lb.say(pulse::Condition{.workers = 1, .fitness = row.fitness, .why = "no descriptors"});
  if (row.why.empty()) {
    // Nothing changes: what comes next does.
    world.lb.die();
    world.run_until(false);
    CHECK(world.watch->tracked().why == "has died");
  } else {
    world.run_until(false);
    CHECK(world.watch->tracked().why == row.why);
    world.become_fit();
  }
}

TEST_CASE("A full data plane is well, and has less of a right") {
  World world;
  world.connect();
  world.become_fit();
  CHECK(world.watch->room().is_ok);
  world.lb.say(pulse::Condition{.workers = 1, .fitness = Fitness::kExhausted, .why = "it is full"});
  while (world.watch->room().is_ok) world.loop.run_once();
  CHECK(world.watch->tracked().is_ok);
  CHECK(world.watch->room().weight < 0);
  CHECK(world.watch->room().why == "it is full");
  world.lb.say(pulse::Condition{.workers = 1});
  while (!world.watch->room().is_ok) world.loop.run_once();
  CHECK(world.changes == 3);
}

TEST_CASE("A worker that falls silent hangs, and is trusted only after a while") {
  World world(Milliseconds(40));
  world.connect();
  world.become_fit();
  world.run_until(false);
  CHECK(world.watch->tracked().why.starts_with("hangs: worker 0 has not turned for "));
  CHECK(world.changes == 2);
  const Instant back = Clock::now();
  while (!world.watch->tracked().is_ok) {
    world.lb.say(pulse::Beat{.worker = 0});
    world.loop.run_once();
  }
  CHECK(Clock::now() - back >= PulseWatch::kTrustAfter - Milliseconds(50));
}

TEST_CASE("A worker that waits for a CPU does not hang; one that runs without turning does") {
  struct Row {
    bool wants_to_run;
    Milliseconds runs;  // more, from each look to the next
    int hang_times;     // of silence until it is given up
  };
  const auto row = GENERATE(Row{false, Milliseconds(0), 1},   // stopped, or waiting for a lock
                            Row{true, Milliseconds(10), 1},   // in a circle
                            Row{true, Milliseconds(0), 10});  // starved
  const Milliseconds hang(40);
  World world(hang);
  Duration ran{0};
  world.watch = std::make_unique<PulseWatch>(
      world.poller,
      PulseWatch::Settings{.address = world.lb.address(),
                           .hang = hang,
                           .thread_time =
                               [&](std::int32_t process, std::uint32_t thread) {
                                 CHECK(process == ::getpid());
                                 CHECK(thread == 77);
                                 ran += row.runs;
                                 return system::ThreadTime{.wants_to_run = row.wants_to_run,
                                                           .ran = ran};
                               }},
      [] {});
  world.connect();
  world.lb.say(pulse::Beat{.worker = 0, .thread = 77});
  world.lb.say(pulse::Condition{.workers = 1});
  world.run_until(true);
  const Instant beaten = Clock::now();
  world.run_until(false);
  CHECK(world.watch->tracked().why.starts_with("hangs: worker 0 has not turned for "));
  CHECK(Clock::now() - beaten > row.hang_times * hang - hang / 4);
}

TEST_CASE("A starved worker that is given a CPU again was never ill") {
  World world(Milliseconds(40));
  int looks = 0;
  world.watch = std::make_unique<PulseWatch>(
      world.poller,
      PulseWatch::Settings{.address = world.lb.address(),
                           .hang = Milliseconds(40),
                           .thread_time =
                               [&](std::int32_t, std::uint32_t) {
                                 ++looks;
                                 return system::ThreadTime{.wants_to_run = true};
                               }},
      [&] { ++world.changes; });
  world.connect();
  world.lb.say(pulse::Beat{.worker = 0, .thread = 77});
  world.lb.say(pulse::Condition{.workers = 1});
  world.run_until(true);
  const int changes = world.changes;
  while (looks < 8) world.loop.run_once();
  world.lb.say(pulse::Beat{.worker = 0, .thread = 77});
  world.lb.say(pulse::Condition{.workers = 1, .fitness = Fitness::kStopping});
  world.run_until(false);
  CHECK(world.watch->tracked().why == "is stopping");
  CHECK(world.changes == changes + 1);
}

TEST_CASE("Each worker has to beat, the one that never did too") {
  World world(Milliseconds(40));
  world.connect();
  world.lb.say(pulse::Condition{.workers = 2});
  while (world.watch->tracked().why.find("worker 1") == std::string::npos) {
    world.lb.say(pulse::Beat{.worker = 0});
    world.loop.run_once();
  }
  CHECK_FALSE(world.watch->tracked().is_ok);
}

TEST_CASE("Settings of servers pass through, both ways") {
  World world;
  std::vector<pulse::ServerSetting> heard;
  int connections = 0;
  world.watch->set_exchange(
      {.on_connected = [&connections] { ++connections; },
       .on_setting = [&heard](const pulse::ServerSetting& s) { heard.push_back(s); },
       .on_room = {}});
  const pulse::ServerSetting setting{pulse::ServerSetting::What::kAdmin, 1, 10, "app/web1"};
  CHECK_FALSE(world.watch->send(setting));  // nobody is there yet
  world.connect();
  CHECK(connections == 1);
  world.lb.hello();
  CHECK(world.watch->send(setting));
  CHECK(world.lb.hear() == pulse::Packet(setting));
  world.lb.say(setting);
  while (heard.empty()) world.loop.run_once();
  CHECK(heard == std::vector{setting});
  world.lb.die();
  world.run_until(false);
  world.lb.listen();
  while (connections == 1) world.loop.run_once();  // another process, that knows nothing
}

TEST_CASE("What finds no room is not sent, and room is told of; nothing is lost or sent twice") {
  World world;
  int sent = 0;
  const auto send_all = [&world, &sent] {
    while (sent < 2'000 && world.watch->send(pulse::ServerSetting{
                               pulse::ServerSetting::What::kWeight, 1,
                               static_cast<std::uint64_t>(sent) + 1, "app/web1"}))
      ++sent;
  };
  world.watch->set_exchange({.on_connected = send_all, .on_setting = {}, .on_room = send_all});
  world.connect();
  CHECK(sent > 0);
  CHECK(sent < 2'000);
  world.lb.hello();
  for (std::uint64_t i = 1; i <= 2'000; ++i) {
    while (static_cast<std::uint64_t>(sent) < i) world.loop.run_once();
    CHECK(std::get<pulse::ServerSetting>(world.lb.hear()).stamp == i);
  }
}

TEST_CASE("Packets of another language say nothing") {
  World world;
  world.connect();
  world.become_fit();
  REQUIRE(::send(world.lb.peer.get(), "\x02hello", 6, MSG_NOSIGNAL) == 6);
  world.lb.say(pulse::Condition{.workers = 1, .fitness = Fitness::kStopping});
  world.run_until(false);
  CHECK(world.watch->tracked().why == "is stopping");
}

}  // namespace tandem::failover
