// The "smtp" check: the banner, HELO or EHLO, QUIT (RFC 5321 section 4.2).
//
//   reply = *( code "-" text CRLF ) code [ SP text ] CRLF
#include "common/text.h"
#include "lb/health/dialogue.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::health {
namespace {

/// RFC 5321 section 4.5.3.1.5 says 512; some servers are more talkative.
constexpr std::size_t kLineBytesMax = 2048;

class SmtpDialogue final : public Dialogue {
 public:
  explicit SmtpDialogue(const config::Check& check) : check_(check) {}

 private:
  enum class Phase { kBanner, kHello };

  void open() override {}  // the server speaks first

  bool read_message() override {
    const std::size_t end = input().find('\n');
    const std::string_view line = input().substr(0, end);
    if (line.size() > kLineBytesMax) return refuse("the line has no end");
    if (end == std::string_view::npos) return false;
    if (!line.ends_with('\r') || line.find('\r') != line.size() - 1 || line.size() < 4)
      return refuse("the answer is not SMTP");
    const std::string text(line.substr(0, line.size() - 1));
    consume(end + 1);
    return take_line(text);
  }

  bool take_line(const std::string& line) {
    const auto code = parse_decimal(std::string_view(line).substr(0, 3));
    const char mark = line.size() > 3 ? line[3] : ' ';
    if (!code || *code < 200 || *code > 599 || (mark != ' ' && mark != '-'))
      return refuse("the answer is not SMTP");
    const int number = static_cast<int>(*code);
    if (code_ != 0 && code_ != number) return refuse("the lines of a reply differ in their code");
    if (code_ == 0) text_ = line.substr(std::min<std::size_t>(line.size(), 4));
    code_ = number;
    if (mark == '-') return true;
    take_reply();
    code_ = 0;
    return true;
  }

  void take_reply() {
    if (phase_ == Phase::kBanner) {
      if (code_ != 220) return leave(Status::kL7Sts);
      phase_ = Phase::kHello;
      return say(fmt::format("{} {}\r\n", check_.hello, check_.domain));
    }
    leave(code_ >= 300 ? Status::kL7Sts : Status::kL7Okd);
  }

  /// Politely: what only closes is logged as a lost connection.
  void leave(Status status) {
    say("QUIT\r\n");
    conclude(status, code_, text_);
  }

  [[nodiscard]] std::string awaited() const override {
    return phase_ == Phase::kBanner ? "the banner" : fmt::format("the answer to {}", check_.hello);
  }

  const config::Check& check_;
  Phase phase_ = Phase::kBanner;
  int code_ = 0;      // of the reply that is under way; 0: none is
  std::string text_;  // of its first line
};

}  // namespace

std::unique_ptr<Dialogue> make_smtp_dialogue(const config::Check& check) {
  return std::make_unique<SmtpDialogue>(check);
}

}  // namespace tandem::lb::health
