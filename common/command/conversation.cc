#include "common/command/conversation.h"

#include "common/text.h"

#include <fmt/format.h>

#include <utility>

namespace tandem::command {
namespace {

std::string_view severity_word(Severity severity) noexcept {
  switch (severity) {
    case Severity::kError:
      return "err";
    case Severity::kWarning:
      return "warning";
    case Severity::kNotice:
      return "notice";
    case Severity::kInfo:
      return "info";
  }
  return "err";
}

std::string prefix(const Session& session, const Reply& reply) {
  if (!reply.severity || reply.text.empty()) return {};
  switch (session.severity_output) {
    case SeverityOutput::kNone:
      return {};
    case SeverityOutput::kNumber:
      return fmt::format("[{}]: ", std::to_underlying(*reply.severity));
    case SeverityOutput::kString:
      return fmt::format("[{}]: ", severity_word(*reply.severity));
  }
  return {};
}

/// Clients take an empty line for the end of an answer: there must be exactly one, and last.
void append_answer(std::string& output, const Session& session, const Reply& reply) {
  output += prefix(session, reply);
  std::size_t end = reply.text.size();
  while (end > 0 && reply.text[end - 1] == '\n') --end;
  char before = '\n';  // so that the text cannot begin with an empty line either
  for (std::size_t i = 0; i < end; ++i) {
    const char c = reply.text[i];
    if (c == '\n' && before == '\n') output += ' ';
    output += before = c;
  }
  if (end > 0) output += '\n';
  output += '\n';
}

}  // namespace

std::vector<std::string> split_commands(std::string_view line) {
  std::vector<std::string> commands(1);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      commands.back() += line[i++];
      commands.back() += line[i];
    } else if (line[i] == ';') {
      commands.emplace_back();
    } else {
      commands.back() += line[i];
    }
  }
  return commands;
}

std::vector<std::string> split_words(std::string_view command) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == ' ' || c == '\t') {
      in_word = false;
      continue;
    }
    if (!std::exchange(in_word, true)) words.emplace_back();
    const bool escapes = c == '\\' && i + 1 < command.size();
    words.back() += escapes ? command[++i] : c;
  }
  return words;
}

Conversation::Conversation(const CommandTable& table, Level level) : table_(table) {
  session_.level = level;
}

void Conversation::receive(std::string_view bytes) { input_.append(bytes); }

Conversation::Step Conversation::step(std::string& output) {
  if (session_.is_quitting) return Step::kFinished;
  while (next_ == pending_.size() || in_payload_) {
    if (take_line()) continue;
    if (in_payload_ && session_.has_prompt && !std::exchange(greeted_payload_, true))
      output += "+ ";
    if (input_.size() + payload_.size() > kInputBytesMax) return refuse_long_input(output);
    // Whatever came together is answered together; then a plain connection ends.
    const bool is_done = answered_any_ && !session_.is_interactive && !in_payload_;
    return is_done || input_ended_ ? Step::kFinished : Step::kNeedInput;
  }
  run_next(output);
  return session_.is_quitting ? Step::kFinished : Step::kAnswered;
}

Conversation::Step Conversation::refuse_long_input(std::string& output) {
  session_.is_quitting = true;
  append_answer(output, session_,
                Reply::error(fmt::format("Input too long ({} bytes at most).", kInputBytesMax)));
  return Step::kFinished;
}

bool Conversation::take_line() {
  const std::size_t end = input_.find('\n');
  if (end == std::string::npos || end + payload_.size() > kInputBytesMax) return false;
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  if (in_payload_) {
    continue_payload(line);
  } else {
    begin_line(line);
  }
  return true;
}

void Conversation::begin_line(std::string_view line) {
  pending_ = split_commands(line);
  // "a;b;" is two commands; an empty line is one, and answered with the help.
  while (pending_.size() > 1 && trim(pending_.back()).empty()) pending_.pop_back();
  next_ = 0;
  payload_.clear();
  in_payload_ = opens_payload(pending_.back());
  greeted_payload_ = false;
}

/// Takes "<<" or "<<TAG" off the end of a command.
bool Conversation::opens_payload(std::string& command) {
  const std::string_view text = trim(command);
  const std::size_t space = text.find_last_of(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view last = text.substr(space + 1);
  if (!last.starts_with("<<") || last.size() > 2 + kTagBytesMax) return false;
  payload_tag_ = last.substr(2);
  command = std::string(text.substr(0, space));
  return true;
}

void Conversation::continue_payload(std::string_view line) {
  if (line == payload_tag_) {
    in_payload_ = false;
    return;
  }
  payload_.append(line);
  payload_ += '\n';
  greeted_payload_ = false;
}

void Conversation::run_next(std::string& output) {
  const std::string command = std::exchange(pending_[next_++], {});
  const bool is_last = next_ == pending_.size();
  const std::vector<std::string> words = split_words(command);
  Reply reply = Reply::error(fmt::format("Too many words ({} at most).", kWordsMax));
  if (words.size() <= kWordsMax) {
    Invocation invocation{session_, words, is_last ? std::string_view(payload_) : ""};
    reply = table_.run(invocation);
  }
  answered_any_ = true;
  if (is_last) payload_.clear();
  if (session_.is_quitting) return;
  append_answer(output, session_, reply);
  if (session_.has_prompt) output += "> ";
}

}  // namespace tandem::command
