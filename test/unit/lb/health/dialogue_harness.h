// Dialogues without sockets: what they say and find when a server says this or that, whole and byte
// by byte.
#pragma once

#include "lb/health/dialogue.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::health {

inline std::unique_ptr<Dialogue> make_dialogue(const config::Check& check) {
  switch (check.type) {
    case config::Check::Type::kPgsql:
      return make_pgsql_dialogue(check, "nonce");
    case config::Check::Type::kMysql:
      return make_mysql_dialogue(check);
    case config::Check::Type::kRedis:
      return make_redis_dialogue(check);
    case config::Check::Type::kSmtp:
      return make_smtp_dialogue(check);
    case config::Check::Type::kAgent:
      return make_agent_dialogue(check);
    case config::Check::Type::kGrpc:
      return make_grpc_dialogue(check, {.authority = "web1", .timeout = Milliseconds(3000)});
    case config::Check::Type::kTcp:
    case config::Check::Type::kTls:
    case config::Check::Type::kHttp:
      break;
  }
  return make_steps_dialogue(check);
}

inline std::string show(const Finding& finding) {
  return std::string(status_code(finding.status)) + " " + std::to_string(finding.code) + " " +
         finding.description;
}

/// One check of a server that says `answers`, each after it has been told something.
class Talk {
 public:
  Talk(const config::Check& check, const std::vector<std::string>& answers, bool byte_by_byte)
      : dialogue_(make_dialogue(check)) {
    dialogue_->begin();
    sent_ = dialogue_->take_output();
    for (const std::string& answer : answers) {
      const std::size_t step = byte_by_byte || answer.empty() ? 1 : answer.size();
      for (std::size_t at = 0; at < answer.size(); at += step) {
        dialogue_->hear(std::string_view(answer).substr(at, step));
        sent_ += dialogue_->take_output();
      }
    }
  }

  [[nodiscard]] const std::string& sent() const noexcept { return sent_; }
  /// "open" while there is none.
  [[nodiscard]] std::string result() const {
    return dialogue_->finding() ? show(*dialogue_->finding()) : "open";
  }
  [[nodiscard]] std::string result_when_late() const { return show(dialogue_->late()); }
  [[nodiscard]] std::string result_when_closed() {
    dialogue_->hear_end();
    return result();
  }

 private:
  std::unique_ptr<Dialogue> dialogue_;
  std::string sent_;
};

}  // namespace tandem::lb::health
