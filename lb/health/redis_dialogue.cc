// The "redis" check, in RESP: AUTH with a password, PING, and ROLE if one is asked for.
//
//   answer = "+" text CRLF / "-" text CRLF / "*" count CRLF element … / "$" length CRLF bytes CRLF
//
// A server that still loads its data answers ROLE, but not PING: so PING goes first.
#include "common/text.h"
#include "lb/health/dialogue.h"

#include <fmt/format.h>

#include <initializer_list>

namespace tandem::lb::health {
namespace {

/// Longest line of an answer; Redis ends its own errors far earlier.
constexpr std::size_t kLineBytesMax = 1024;

std::string command(std::initializer_list<std::string_view> words) {
  std::string bytes = fmt::format("*{}\r\n", words.size());
  for (const std::string_view word : words)
    bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return bytes;
}

class RedisDialogue final : public Dialogue {
 public:
  explicit RedisDialogue(const config::Check& check) : check_(check) {}

 private:
  enum class Phase { kAuth, kPing, kRole, kRoleLength, kRoleWord };

  void open() override {
    if (check_.password.empty()) return ping();
    phase_ = Phase::kAuth;
    say(check_.user.empty() ? command({"AUTH", check_.password})
                            : command({"AUTH", check_.user, check_.password}));
  }

  void ping() {
    phase_ = Phase::kPing;
    say(command({"PING"}));
  }

  bool read_message() override {
    const std::size_t end = input().find('\n');
    const std::string_view line = input().substr(0, end);
    if (line.size() > kLineBytesMax) return refuse("the line has no end");
    if (end == std::string_view::npos) return false;
    if (!line.ends_with('\r') || line.find('\r') != line.size() - 1)
      return refuse("the answer is not Redis");
    const std::string text(line.substr(0, line.size() - 1));
    consume(end + 1);
    return take(text);
  }

  bool take(const std::string& line) {
    if (phase_ != Phase::kRoleWord && line.starts_with('-')) return take_error(line.substr(1));
    switch (phase_) {
      case Phase::kAuth:
        if (line != "+OK") return refuse("the answer to AUTH is not +OK");
        ping();
        return true;
      case Phase::kPing:
        return take_pong(line);
      case Phase::kRole:
        if (!line.starts_with('*') || parse_decimal(line.substr(1)).value_or(0) == 0)
          return refuse("the answer to ROLE is no list");
        phase_ = Phase::kRoleLength;
        return true;
      case Phase::kRoleLength:
        return take_length(line);
      case Phase::kRoleWord:
        return take_role(line);
    }
    return true;
  }

  bool take_error(const std::string& error) {
    // Of the answer to AUTH only the first word: a server that does not know the command repeats
    // what it was sent, and descriptions are logged.
    if (phase_ != Phase::kAuth) return conclude(Status::kL7Sts, 0, error);
    return conclude(Status::kL7Sts, 0,
                    fmt::format("AUTH was refused: {}", error.substr(0, error.find(' '))));
  }

  bool take_pong(const std::string& line) {
    if (line != "+PONG") return refuse("the answer to PING is not +PONG");
    if (check_.role == config::Check::Role::kAny)
      return conclude(Status::kL7Okd, 0, "Redis server is ok");
    phase_ = Phase::kRole;
    say(command({"ROLE"}));
    return true;
  }

  bool take_length(const std::string& line) {
    const auto length = line.starts_with('$') ? parse_decimal(line.substr(1)) : std::nullopt;
    if (!length || *length > kLineBytesMax) return refuse("the answer to ROLE names no role");
    role_bytes_ = *length;
    phase_ = Phase::kRoleWord;
    return true;
  }

  bool take_role(const std::string& word) {
    const bool master = word == "master";
    if (word.size() != role_bytes_ || (!master && word != "slave" && word != "sentinel"))
      return refuse("the answer to ROLE names no role");
    const bool wants_master = check_.role == config::Check::Role::kPrimary;
    if (word == (wants_master ? "master" : "slave"))
      return conclude(Status::kL7Okd, 0,
                      fmt::format("Redis server is ok: {}", wants_master ? "master" : "replica"));
    return conclude(Status::kL7Sts, 0,
                    fmt::format("role is {}", word == "slave" ? "replica" : word));
  }

  [[nodiscard]] std::string awaited() const override {
    return fmt::format("the answer to {}", phase_ == Phase::kAuth   ? "AUTH"
                                           : phase_ == Phase::kPing ? "PING"
                                                                    : "ROLE");
  }

  const config::Check& check_;
  Phase phase_ = Phase::kPing;
  std::uint64_t role_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> make_redis_dialogue(const config::Check& check) {
  return std::make_unique<RedisDialogue>(check);
}

}  // namespace tandem::lb::health
