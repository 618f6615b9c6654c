// Any bytes as what a checked server says: no crash, the same finding and the same words of ours
// however the stream is cut, and a bound on both. The first byte chooses the kind of check. Seeds:
// test/corpus/checks.
#include "test/fuzz/oracle.h"
#include "test/unit/lb/health/dialogue_harness.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::health {
namespace {

using config::Check;

/// What a check says in all: a startup packet, a password, a query; steps are the operator's.
constexpr std::size_t kSaidBytesMax = 4096;
/// HTTP/2 answers what it hears: no frame with more than it has itself, but for those of nine
/// bytes.
constexpr std::size_t kAnswersFor = 3;

Check of(Check::Type type, Check::Role role = Check::Role::kAny, std::string password = "") {
  Check check;
  check.type = type;
  check.role = role;
  check.user = "monitor";
  check.password = std::move(password);
  return check;
}

/// No step sends after one that expects: what came before a question is forgotten when it is
/// asked, and when that is depends on the cuts.
Check steps() {
  Check check;
  check.steps = {{config::CheckStep::Kind::kSend, "PING\r\n"},
                 {config::CheckStep::Kind::kExpect, "aab"},
                 {config::CheckStep::Kind::kExpect, std::string("\0\xff", 2)}};
  return check;
}

const std::array kChecks = {
    steps(),
    of(Check::Type::kRedis),
    of(Check::Type::kRedis, Check::Role::kPrimary, "secret"),
    of(Check::Type::kRedis, Check::Role::kReplica),
    of(Check::Type::kPgsql),
    of(Check::Type::kPgsql, Check::Role::kPrimary, "secret"),
    of(Check::Type::kPgsql, Check::Role::kReplica),
    of(Check::Type::kMysql),
    of(Check::Type::kSmtp),
    of(Check::Type::kGrpc),
    of(Check::Type::kAgent),
};

struct Heard {
  std::string sent;
  std::string result;
};

Heard heard(const Check& check, std::string_view stream, const std::vector<std::size_t>& cuts) {
  const auto dialogue = make_dialogue(check);
  dialogue->begin();
  Heard all{.sent = dialogue->take_output(), .result = {}};
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    dialogue->hear(stream.substr(from, to - from));
    all.sent += dialogue->take_output();
    from = to;
  }
  const std::size_t answers = check.type == Check::Type::kGrpc ? kAnswersFor * stream.size() : 0;
  fuzz::expect("a bound on what is said", all.sent.size() <= kSaidBytesMax + answers);
  const bool is_open = !dialogue->finding();
  if (is_open) {
    all.result = "late: " + show(dialogue->late()) + " closed: ";
    dialogue->hear_end();
  }
  fuzz::expect("the end is a finding", dialogue->finding().has_value());
  const Finding finding = *dialogue->finding();
  fuzz::expect("no server passes by closing", !is_open || !is_passed(finding.status));
  fuzz::expect("a code only where one is told", finding.code == 0 || has_code(finding.status));
  all.result += show(finding);
  return all;
}

}  // namespace
}  // namespace tandem::lb::health

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  using namespace tandem::lb::health;
  if (size == 0) return 0;
  const auto& check = kChecks[data[0] % kChecks.size()];
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Heard whole = heard(check, stream, {stream.size()});
  const Heard in_pieces = heard(check, stream, fuzz::cuts(stream, stream.size()));
  fuzz::expect_same("the same finding", whole.result, in_pieces.result);
  fuzz::expect_same("the same words", whole.sent, in_pieces.sent);
  return 0;
}
