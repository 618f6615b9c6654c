// Two network namespaces with a cable between them, for tests that need a wire. They belong to the
// test process alone, have no name and vanish with it. Thread: the test's only one.
#pragma once

#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

namespace tandem::netns {

/// How long anything awaited may take on the slowest machine.
inline constexpr std::chrono::seconds kPatience{30};

/// Runs the loop until `condition` holds, calling `meanwhile` every 5 ms. False: patience is over.
inline bool run_until(
    event::Loop& loop, const std::function<bool()>& condition,
    std::function<void()> meanwhile = [] {}) {
  event::Timer tick(loop, [&meanwhile] { meanwhile(); });
  tick.start_periodic(Duration::zero(), std::chrono::milliseconds(5));
  const Instant deadline = Clock::now() + kPatience;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    loop.run_once();
  }
  return true;
}

inline void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

/// Interface "a" in one namespace, "b" in the other: 10.77.0.1, .2 /24; fd77::1, ::2 /64;
/// fe80::1, ::2 /64. The process is in the namespace of "a" while this lives.
class Cable {
 public:
  Cable() : before_(own_namespace()), a_(new_namespace()), b_(new_namespace()) {
    enter(a_);
    plug();
  }
  ~Cable() { ::setns(before_.get(), CLONE_NEWNET); }
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  /// Puts the cable in, with the addresses of both ends.
  void plug() {
    run(fmt::format("ip link add name a type veth peer name b netns /proc/{}/fd/{}", ::getpid(),
                    b_.get()));
    configure("a", 1);
    in_b([this] { configure("b", 2); });
  }
  void unplug() { run("ip link del dev a"); }

  /// What is opened meanwhile belongs to the namespace of "b".
  void in_b(const std::function<void()>& action) {
    enter(b_);
    action();
    enter(a_);
  }

 private:
  static FileDescriptor own_namespace() {
    FileDescriptor fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    REQUIRE(fd);
    return fd;
  }
  static FileDescriptor new_namespace() {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    return own_namespace();
  }
  static void enter(const FileDescriptor& space) {
    REQUIRE(::setns(space.get(), CLONE_NEWNET) == 0);
  }
  static void configure(std::string_view name, int number) {
    run("ip link set lo up");
    run(fmt::format("ip link set dev {} addrgenmode none up", name));
    run(fmt::format("ip addr add 10.77.0.{}/24 dev {}", number, name));
    run(fmt::format("ip addr add fd77::{}/64 dev {} nodad", number, name));
    run(fmt::format("ip addr add fe80::{}/64 dev {} nodad", number, name));
  }

  FileDescriptor before_;
  FileDescriptor a_;
  FileDescriptor b_;
};

}  // namespace tandem::netns
