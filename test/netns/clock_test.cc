#include "failover/system/clock.h"

#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string_view>

namespace tandem::failover::system {
namespace {

using std::chrono::seconds;

/// Runs `action` in a child; what it returns.
bool in_child(const std::function<bool()>& action) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action() ? 0 : 1);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

TEST_CASE("time spent in suspend is seen, and counted in boot_now") {
  // A time namespace plays the suspend: its boot time is ahead of its monotonic time.
  CHECK(in_child([] {
    if (::unshare(CLONE_NEWTIME) != 0) return false;
    const FileDescriptor offsets(::open("/proc/self/timens_offsets", O_WRONLY));
    constexpr std::string_view kAhead = "boottime 3600 0";
    if (::write(offsets.get(), kAhead.data(), kAhead.size()) < 0) return false;
    return in_child([] {
      return suspended() >= seconds(3599) && suspended() < seconds(86400 * 365) &&
             boot_now() - Clock::now() >= seconds(3599);
    });
  }));
}

TEST_CASE("a raised priority is for the thread alone: what it starts is ordinary") {
  CHECK(in_child([] {
    if (!raise_priority().has_value()) return false;
    if ((::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) != SCHED_RR) return false;
    return in_child([] { return ::sched_getscheduler(0) == SCHED_OTHER; });
  }));
}

TEST_CASE("memory is locked where that is allowed, and said where not") {
  CHECK(in_child([] { return lock_memory().has_value(); }));
  CHECK(in_child([] {
    if (::setuid(65534) != 0) return false;
    const Result<void> locked = lock_memory();
    const Result<void> raised = raise_priority();
    return !locked && locked.error().message.contains("CAP_IPC_LOCK") && !raised &&
           raised.error().message.contains("CAP_SYS_NICE");
  }));
}

}  // namespace
}  // namespace tandem::failover::system
