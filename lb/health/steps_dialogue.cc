// The "tcp" check with "steps": HAProxy's tcp-check of send and expect.
#include "lb/health/dialogue.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::health {
namespace {

/// Bytes of a wrong answer that its description shows: they must leave room for the step.
constexpr std::size_t kShownBytes = 40;

class StepsDialogue final : public Dialogue {
 public:
  explicit StepsDialogue(const config::Check& check) : steps_(check.steps) {}

 private:
  using Kind = config::CheckStep::Kind;

  void open() override { go_on(); }

  bool read_message() override {
    const std::string& wanted = steps_[step_].bytes;
    // What was looked through before can only hold the beginning of the text at its end.
    const std::size_t from = looked_at_ - std::min(looked_at_, wanted.size() - 1);
    const std::size_t at = input().find(wanted, from);
    looked_at_ = input().size();
    if (at == std::string_view::npos) return false;
    consume(at + wanted.size());
    looked_at_ = 0;
    ++step_;
    go_on();
    return true;
  }

  /// Sends until something is expected, or to the end.
  void go_on() {
    for (; step_ < steps_.size() && steps_[step_].kind == Kind::kSend; ++step_) {
      say(steps_[step_].bytes);
      // An answer comes after its question: the rest of an earlier one is none.
      consume(input().size());
      looked_at_ = 0;
    }
    if (step_ == steps_.size()) conclude(Status::kL7Okd, 0, "");
  }

  /// Silence is a time-out; an answer that does not hold what is expected is a wrong answer, though
  /// only time can tell.
  [[nodiscard]] Finding late() const override {
    if (input().empty()) return Dialogue::late();
    return {.status = Status::kL7Rsp,
            .code = 0,
            .description = fmt::format("step {} of {} did not match: got {}", step_ + 1,
                                       steps_.size(), input().substr(0, kShownBytes))};
  }

  void end() override {
    if (input().empty()) return Dialogue::end();
    refuse(late().description);
  }

  [[nodiscard]] std::string awaited() const override {
    return fmt::format("the answer of step {} of {}", step_ + 1, steps_.size());
  }

  const std::vector<config::CheckStep>& steps_;
  std::size_t step_ = 0;
  std::size_t looked_at_ = 0;  // of input(): holds no match
};

}  // namespace

std::unique_ptr<Dialogue> make_steps_dialogue(const config::Check& check) {
  return std::make_unique<StepsDialogue>(check);
}

}  // namespace tandem::lb::health
