// An agent check: what the agent is to be sent first, if anything, and its one line.
#include "lb/health/agent_reply.h"
#include "lb/health/dialogue.h"

#include <algorithm>
#include <utility>

namespace tandem::lb::health {
namespace {

class AgentDialogue final : public Dialogue {
 public:
  explicit AgentDialogue(const config::Check& check) : check_(check) {}

 private:
  void open() override {
    for (const config::CheckStep& step : check_.steps) say(step.bytes);
  }

  bool read_message() override {
    const std::size_t end = input().find_first_of("\r\n");
    if (std::min(end, input().size()) > AgentReply::kLineBytesMax)
      return refuse("the line of the agent has no end");
    if (end == std::string_view::npos) return false;
    return take(read_agent_reply(input().substr(0, end)));
  }

  void end() override {
    if (input().empty()) return Dialogue::end();
    AgentReply reply;
    reply.is_whole = false;
    take(std::move(reply));
  }

  bool take(AgentReply reply) {
    const auto kept = std::make_shared<const AgentReply>(std::move(reply));
    return conclude(
        {.status = status_of(*kept), .code = 0, .description = describe(*kept), .agent = kept});
  }

  [[nodiscard]] std::string awaited() const override { return "the line of the agent"; }

  const config::Check& check_;
};

}  // namespace

std::unique_ptr<Dialogue> make_agent_dialogue(const config::Check& check) {
  return std::make_unique<AgentDialogue>(check);
}

}  // namespace tandem::lb::health
