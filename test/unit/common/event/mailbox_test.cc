#include "common/event/mailbox.h"

#include <catch2/catch.hpp>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace tandem::event {
namespace {

TEST_CASE("messages run in the order of posting, on the loop's thread") {
  Loop loop;
  Mailbox mailbox(loop);
  std::vector<int> order;
  const auto thread = std::this_thread::get_id();
  for (int i = 0; i < 5; ++i) {
    mailbox.post([&, i] {
      CHECK(std::this_thread::get_id() == thread);
      order.push_back(i);
    });
  }
  CHECK(order.empty());
  while (order.size() < 5) loop.run_once();
  CHECK(order == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("a message posted by a message runs in a later turn") {
  Loop loop;
  Mailbox mailbox(loop);
  int depth = 0;
  mailbox.post([&] {
    depth = 1;
    mailbox.post([&] { depth = 2; });
    CHECK(depth == 1);
  });
  while (depth != 2) loop.run_once();
  CHECK(depth == 2);
}

TEST_CASE("messages of several threads all arrive, each thread's in order") {
  constexpr int kThreads = 4;
  constexpr int kMessages = 500;
  Loop loop;
  Mailbox mailbox(loop);
  std::vector<int> last(kThreads, -1);
  int arrived = 0;
  bool is_ordered = true;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kMessages; ++i) {
        mailbox.post([&, t, i] {
          auto& before = last[static_cast<std::size_t>(t)];
          is_ordered = is_ordered && before == i - 1;
          before = i;
          ++arrived;
        });
      }
    });
  }
  while (arrived < kThreads * kMessages) loop.run_once();
  threads.clear();
  CHECK(is_ordered);
}

TEST_CASE("messages that never ran are destroyed with the mailbox") {
  Loop loop;
  const auto token = std::make_shared<int>(0);
  {
    Mailbox mailbox(loop);
    mailbox.post([token] { FAIL("nobody ran the loop"); });
    CHECK(token.use_count() == 2);
  }
  CHECK(token.use_count() == 1);
}

TEST_CASE("a message may own what cannot be copied, and lets it go once it has run") {
  Loop loop;
  Mailbox mailbox(loop);
  const auto token = std::make_shared<int>(7);
  int seen = 0;
  mailbox.post([&seen, held = std::make_unique<std::shared_ptr<int>>(token)] { seen = **held; });
  while (seen == 0) loop.run_once();
  CHECK(seen == 7);
  CHECK(token.use_count() == 1);
}

}  // namespace
}  // namespace tandem::event
