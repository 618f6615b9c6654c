#include "lb/health/agent_reply.h"

#include "common/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::health {
namespace {

constexpr std::string_view kBlanks = " \t,";
constexpr std::string_view kMaxconn = "maxconn:";

std::optional<bool> health_of(std::string_view word) {
  if (equals_ignoring_case(word, "up")) return true;
  for (const std::string_view bad : {"down", "fail", "stopped"})
    if (equals_ignoring_case(word, bad)) return false;
  return std::nullopt;
}

std::optional<AgentReply::Admin> admin_of(std::string_view word) {
  if (equals_ignoring_case(word, "ready")) return AgentReply::Admin::kReady;
  if (equals_ignoring_case(word, "drain")) return AgentReply::Admin::kDrain;
  if (equals_ignoring_case(word, "maint")) return AgentReply::Admin::kMaint;
  return std::nullopt;
}

bool is_weight(std::string_view word) {
  return word[0] >= '0' && word[0] <= '9' && word.find('%') != std::string_view::npos;
}

void take_word(AgentReply& reply, std::string_view word) {
  if (const auto health = health_of(word)) {
    reply.is_up = health;
    reply.word = word;
  } else if (const auto admin = admin_of(word)) {
    reply.admin = admin;
  } else if (is_weight(word)) {
    reply.weight = word;
  } else if (equals_ignoring_case(word.substr(0, kMaxconn.size()), kMaxconn)) {
    reply.maxconn = word.substr(kMaxconn.size());
  } else if (reply.error.empty()) {
    reply.error = word;
  }
}

std::string_view without_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

}  // namespace

AgentReply read_agent_reply(std::string_view line) {
  AgentReply reply;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) return reply;
    if (line[0] == '#') {
      reply.reason = without_blanks(line.substr(1));
      return reply;
    }
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    take_word(reply, line.substr(0, end));
    line.remove_prefix(end);
  }
}

Status status_of(const AgentReply& reply) noexcept {
  if (!reply.is_up) return Status::kChecked;
  return *reply.is_up ? Status::kL7Okd : Status::kL7Sts;
}

std::string describe(const AgentReply& reply, std::string_view warning) {
  if (!reply.is_whole) return "Ignoring incomplete line from agent";
  if (reply.is_up) {
    // Why a server is down matters more than what else was wrong.
    std::string_view why = reply.reason;
    if (why.empty() || *reply.is_up) {
      if (!warning.empty()) why = warning;
      if (!reply.error.empty()) why = reply.error;
    }
    return fmt::format("via agent : {}{}{}{}", reply.word, why.empty() ? "" : " (", why,
                       why.empty() ? "" : ")");
  }
  if (!reply.error.empty()) return "agent reports an error : " + reply.error;
  if (!warning.empty()) return "agent warns : " + std::string(warning);
  return {};
}

}  // namespace tandem::lb::health
