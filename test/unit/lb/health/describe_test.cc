#include "lb/health/describe.h"

#include <catch2/catch.hpp>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;

ChangeFacts facts(const Result* result, std::uint32_t active, std::uint32_t backup = 0) {
  return {.backend = "app",
          .server = "web1",
          .result = result,
          .active_left = active,
          .backup_left = backup};
}

TEST_CASE("a server that goes down says why, and what is left") {
  const Result refused{Status::kL4Con, 0, 0ms, "Connection refused"};
  CHECK(describe_change(Change::kDown, facts(&refused, 1)) ==
        "Server app/web1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", "
        "check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 "
        "remaining in queue.");
}

TEST_CASE("a check with a code tells it") {
  const Result unavailable{Status::kL7Sts, 503, 12ms, "Service Unavailable"};
  CHECK(describe_change(Change::kDown, facts(&unavailable, 0, 1)) ==
        "Server app/web1 is DOWN, reason: Layer7 wrong status, code: 503, info: \"Service "
        "Unavailable\", check duration: 12ms. 0 active and 1 backup servers left. Running on "
        "backup. 0 sessions active, 0 requeued, 0 remaining in queue.");
}

TEST_CASE("what was not measured or has no words is left out") {
  const Result late{Status::kL4Tout, 0, 2001ms, ""};
  CHECK(describe_change(Change::kDown, facts(&late, 0)) ==
        "Server app/web1 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 0 active and 0 "
        "backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.");
  const Result live{.status = Status::kHana, .description = "10 errors in a row"};
  CHECK(describe_change(Change::kDown, facts(&live, 2))
            .starts_with("Server app/web1 is DOWN, reason: Health analyze, info: \"10 errors in a "
                         "row\". 2 active"));
}

TEST_CASE("a server that comes up counts what is online") {
  const Result passed{Status::kL7Okd, 200, 3ms, "OK"};
  ChangeFacts all = facts(&passed, 2, 1);
  all.requeued = 4;
  all.queued = 7;
  CHECK(describe_change(Change::kUp, all) ==
        "Server app/web1 is UP, reason: Layer7 check passed, code: 200, info: \"OK\", check "
        "duration: 3ms. 2 active and 1 backup servers online. 4 sessions requeued, 7 total in "
        "queue.");
}

TEST_CASE("commands have their own words") {
  struct Row {
    Change change;
    std::string_view beginning;
  };
  const Row rows[] = {
      {Change::kStopping, "Server app/web1 is stopping. 1 active and 0 backup servers left. 5 "},
      {Change::kMaint,
       "Server app/web1 is going DOWN for maintenance. 1 active and 0 backup "
       "servers left. 5 sessions active, "},
      {Change::kMaintWhileDown, "Server app/web1 was DOWN and now enters maintenance. 1 active"},
      {Change::kLeavesMaint,
       "Server app/web1 is UP (leaving forced maintenance). 1 active and 0 "
       "backup servers online."},
      {Change::kDrain, "Server app/web1 enters drain state. 1 active and 0 backup servers left."},
      {Change::kLeavesDrain, "Server app/web1 is UP (leaving forced drain). 1 active"},
      {Change::kLeavesDrainDown, "Server app/web1 is DOWN (leaving forced drain). 1 active"},
  };
  for (const Row& row : rows) {
    ChangeFacts all = facts(nullptr, 1);
    all.sessions = 5;
    INFO(row.beginning);
    CHECK(describe_change(row.change, all).starts_with(row.beginning));
  }
}

TEST_CASE("an empty backend is announced") {
  CHECK(describe_empty_backend("app") == "backend app has no server available!");
}

}  // namespace
}  // namespace tandem::lb::health
