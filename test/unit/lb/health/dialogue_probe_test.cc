// Dialogues over real sockets: each kind from the table, whole and byte by byte, and what the
// connection itself may do: refuse, fall silent, break off, talk without end.
#include "test/unit/lb/health/probe_harness.h"

#include <catch2/catch.hpp>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::health {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using config::Check;
using config::CheckStep;

/// What the server says once it has heard something that ends with `after`; empty: at once.
struct Turn {
  std::string after;
  std::string answer;
};

/// One connection that follows the turns, and closes after the last one only if told to.
class Speaker final : public LoopbackPeer {
 public:
  Speaker(event::Poller& poller, int fd, std::deque<Turn> turns, Script::Then then, bool in_bytes)
      : LoopbackPeer(poller, fd), turns_(std::move(turns)), then_(then), in_bytes_(in_bytes) {
    take_turns();
  }

 private:
  void on_ready() override {
    hear(heard_);
    take_turns();
  }

  void take_turns() {
    while (!turns_.empty() && heard_.ends_with(turns_.front().after)) {
      heard_.clear();
      output_ += turns_.front().answer;
      turns_.pop_front();
    }
    if (is_open()) speak();
  }

  void speak() {
    const std::size_t size = in_bytes_ ? std::min<std::size_t>(output_.size(), 1) : output_.size();
    if (size > 0) {
      const iovec piece{.iov_base = output_.data(), .iov_len = size};
      output_.erase(0, write({&piece, 1}).bytes);
    }
    if (!output_.empty()) {
      if (writable()) poller().again(*this);  // in the next turn; else an edge tells
      return;
    }
    if (!turns_.empty()) return;
    if (then_ == Script::Then::kClose) ::shutdown(fd(), SHUT_WR);
    if (then_ == Script::Then::kReset) close_with_reset();
  }

  std::deque<Turn> turns_;
  Script::Then then_;
  bool in_bytes_;
  std::string heard_;
  std::string output_;
};

std::string result_of(const Check& check, const std::deque<Turn>& turns,
                      Script::Then then = Script::Then::kStayOpen, bool in_bytes = false,
                      Milliseconds timeout = ProbeHarness::kGenerous) {
  ProbeHarness harness;
  const LoopbackServer server(harness.poller(), [&](int fd) {
    return std::make_unique<Speaker>(harness.poller(), fd, turns, then, in_bytes);
  });
  return show(harness.probe(server.address(), check, timeout));
}

Check of(Check::Type type) {
  Check check;
  check.type = type;
  check.user = type == Check::Type::kRedis || type == Check::Type::kSmtp ? "" : "monitor";
  return check;
}
Check ping_steps() {
  Check check;
  check.steps = {{CheckStep::Kind::kSend, "PING\r\n"}, {CheckStep::Kind::kExpect, "+PONG"}};
  return check;
}

struct Row {
  Check check;
  std::deque<Turn> turns;
  std::string result;
};

std::vector<Row> good_rows() {
  const std::string handshake =
      "\x2f\0\0\0\x0a"s + "8.0.36\0"s + std::string(13, 'x') + "\xff\xf7" + std::string(24, 'y');
  Check replica = of(Check::Type::kPgsql);
  replica.role = Check::Role::kReplica;
  return {
      {ping_steps(), {{"PING\r\n", "+PONG\r\n"}}, "L7OK 0 "},
      {of(Check::Type::kRedis), {{"PING\r\n", "+PONG\r\n"}}, "L7OK 0 Redis server is ok"},
      {of(Check::Type::kSmtp),
       {{"", "220 mx ESMTP\r\n"}, {"HELO localhost\r\n", "250 mx\r\n"}},
       "L7OK 250 mx"},
      {of(Check::Type::kMysql),
       {{"", handshake}, {"mysql_native_password\0"s, "\7\0\0\2\0\0\0\2\0\0\0"s}},
       "L7OK 0 MySQL server is ok: 8.0.36"},
      {of(Check::Type::kPgsql),
       {{"tandem-check\0\0"s, "R\0\0\0\x08\0\0\0\x0a"s}},
       "L7OK 0 PostgreSQL server is ok"},
      {replica,
       {{"tandem-check\0\0"s, "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I"s},
        {"pg_is_in_recovery()\0"s, "D\0\0\0\x0b\0\1\0\0\0\1tZ\0\0\0\5I"s}},
       "L7OK 0 PostgreSQL server is ok: replica"},
  };
}

TEST_CASE("each kind passes against a server that answers well, however it is cut") {
  for (const Row& row : good_rows()) {
    INFO(row.result);
    CHECK(result_of(row.check, row.turns) == row.result);
    CHECK(result_of(row.check, row.turns, Script::Then::kClose) == row.result);
    CHECK(result_of(row.check, row.turns, Script::Then::kStayOpen, true) == row.result);
  }
}

TEST_CASE("each kind fails against a server that is silent, closes, resets or talks nonsense") {
  for (const Row& row : good_rows()) {
    INFO(row.result);
    CHECK(result_of(row.check, {{"never", ""}}, Script::Then::kStayOpen, false, 20ms)
              .starts_with("L7TOUT 0 waited for "));
    CHECK(result_of(row.check, {}, Script::Then::kClose)
              .starts_with("L7RSP 0 connection closed before "));
    CHECK(
        result_of(row.check, {{"", "garbage\r\n"}}, Script::Then::kClose).starts_with("L7RSP 0 "));
    const std::string half = row.turns.front().answer.substr(0, 4);
    CHECK(result_of(row.check, {{row.turns.front().after, half}}, Script::Then::kClose)
              .starts_with("L7RSP 0 "));
    CHECK(result_of(row.check, {{"", std::string(300'000, 'x')}}).starts_with("L7RSP 0 "));
    // One that resets at once may be quicker than the end of connecting.
    CHECK(result_of(row.check, {{row.turns.front().after, ""}}, Script::Then::kReset)
              .ends_with(" 0 Connection reset by peer"));
  }
}

TEST_CASE("the time limit of a dialogue holds over all, not since the last byte") {
  Check check = ping_steps();
  check.steps.back().bytes = "never";
  CHECK(result_of(check, {{"PING\r\n", std::string(15'000, 'a')}}, Script::Then::kStayOpen, true,
                  50ms)
            .starts_with("L7RSP 0 step 2 of 2 did not match: got a"));
}

TEST_CASE("nobody listening is a connection problem for every kind") {
  for (const Row& row : good_rows()) {
    ProbeHarness harness;
    CHECK(show(harness.probe(harness.dead_address(), row.check)) == "L4CON 0 Connection refused");
  }
}

TEST_CASE("a server that says why it refuses and closes at once is heard") {
  CHECK(result_of(of(Check::Type::kRedis), {{"", "-DENIED protected mode\r\n"}},
                  Script::Then::kClose) == "L7STS 0 DENIED protected mode");
}

}  // namespace
}  // namespace tandem::lb::health
