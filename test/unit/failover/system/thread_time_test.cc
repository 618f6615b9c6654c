#include "failover/system/thread_time.h"

#include <catch2/catch.hpp>
#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace tandem::failover::system {
namespace {

std::optional<ThreadTime> time_of(std::uint32_t thread) { return thread_time(::getpid(), thread); }

}  // namespace

TEST_CASE("A thread that turns in a circle wants to run, and its time grows") {
  std::atomic<std::uint32_t> number = 0;
  std::atomic<bool> is_over = false;
  std::thread circling([&] {
    number = static_cast<std::uint32_t>(::gettid());
    while (!is_over) {
    }
  });
  while (number == 0) std::this_thread::yield();
  const auto first = time_of(number);
  REQUIRE(first);
  auto later = first;
  while (later && later->ran == first->ran) later = time_of(number);
  is_over = true;
  circling.join();
  REQUIRE(later);
  CHECK(first->wants_to_run);
  CHECK(later->ran > first->ran);
}

TEST_CASE("A thread that waits for another does not want to run") {
  std::atomic<std::uint32_t> number = 0;
  sem_t gate;
  REQUIRE(::sem_init(&gate, 0, 0) == 0);
  std::thread waiting([&] {
    number = static_cast<std::uint32_t>(::gettid());
    while (::sem_wait(&gate) != 0) {
    }
  });
  while (number == 0) std::this_thread::yield();
  auto time = time_of(number);
  while (time && time->wants_to_run) time = time_of(number);
  ::sem_post(&gate);
  waiting.join();
  ::sem_destroy(&gate);
  CHECK(time);
}

TEST_CASE("One's own time grows with what one does") {
  const OwnTime first = own_time();
  OwnTime later = first;
  while (later.ran < first.ran + Milliseconds(5)) later = own_time();
  CHECK(first.ran > Duration::zero());
  CHECK(later.waited >= first.waited);
}

TEST_CASE("A thread that is not there has no time") { CHECK_FALSE(thread_time(::getpid(), 1)); }

}  // namespace tandem::failover::system
