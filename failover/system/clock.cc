#include "failover/system/clock.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace tandem::failover::system {
namespace {

std::chrono::nanoseconds read_clock(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);  // cannot fail: both clocks are older than any kernel we run on
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

bool has_capability(unsigned number) noexcept {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[number / 32].effective >> (number % 32) & 1U) != 0;
}

/// Raises the limit as far as we may. @return whether locking can never run into it.
bool may_lock_any_amount() noexcept {
  if (has_capability(CAP_IPC_LOCK)) return true;
  const rlimit all{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  return ::setrlimit(RLIMIT_MEMLOCK, &all) == 0;
}

}  // namespace

Duration suspended() noexcept {
  // The order of the reads makes the answer too small by the time between them, never negative
  // by more: a machine that never slept must not seem to have.
  const auto awake_and_asleep = read_clock(CLOCK_BOOTTIME);
  const auto awake = read_clock(CLOCK_MONOTONIC);
  const auto asleep = awake_and_asleep - awake;
  return asleep > std::chrono::milliseconds(1) ? asleep : Duration::zero();
}

Instant boot_now() noexcept { return Clock::now() + suspended(); }

Result<void> lock_memory() {
  if (!may_lock_any_amount())
    return fail(
        "memory is not locked and may be paged out: needs CAP_IPC_LOCK or LimitMEMLOCK=infinity");
  if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
    return fail(fmt::format("memory is not locked and may be paged out: {}", std::strerror(errno)));
  return {};
}

Result<void> raise_priority() {
  const sched_param parameter{.sched_priority = kLoopPriority};
  if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameter) == 0) return {};
  return fail(
      fmt::format("no real-time priority, a busy machine may delay adverts: {} (needs CAP_SYS_NICE "
                  "or LimitRTPRIO={})",
                  std::strerror(errno), kLoopPriority));
}

}  // namespace tandem::failover::system
