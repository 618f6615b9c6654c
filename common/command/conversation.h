// Conversation: the line protocol of a control socket, bytes in, bytes out; no socket, no clock.
//
//   line      = command *( ";" command ) [ CR ] LF        "\" takes the next character as it is
//   command   = word *( SP word ) [ SP "<<" [ tag ] ]     the last of a line may have a payload
//   payload   = *( text LF ) ( LF | tag LF )
//   answer    = text LF                                   after text: one empty line
//
// By default the connection ends after what has been received in one go is answered; "prompt"
// makes it stay, with "> " before each line and "+ " before each line of a payload.
#pragma once

#include "common/command/table.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::command {

/// Splits a line into commands at each ";" that is not escaped. Escapes are left in place.
[[nodiscard]] std::vector<std::string> split_commands(std::string_view line);

/// Splits a command into words and takes the escapes away.
[[nodiscard]] std::vector<std::string> split_words(std::string_view command);

/// Owner: a connection. Thread: its own.
class Conversation {
 public:
  /// A line with its payload, in bytes; more is refused and ends the conversation.
  static constexpr std::size_t kInputBytesMax = 64 * 1024;
  static constexpr std::size_t kWordsMax = 64;
  static constexpr std::size_t kTagBytesMax = 64;

  enum class Step : std::uint8_t {
    kAnswered,   // one command was run; there may be more
    kNeedInput,  // nothing whole to run
    kFinished,   // close once the output is written
  };

  /// `table` outlives it.
  Conversation(const CommandTable& table, Level level);

  /// Takes what was read from the peer. Call step() until it needs input before the next.
  void receive(std::string_view bytes);
  /// The peer will send no more.
  void end_of_input() noexcept { input_ended_ = true; }
  /// Runs at most one command and appends its answer to `output`.
  [[nodiscard]] Step step(std::string& output);

  [[nodiscard]] const Session& session() const noexcept { return session_; }

 private:
  [[nodiscard]] bool take_line();
  void begin_line(std::string_view line);
  void continue_payload(std::string_view line);
  [[nodiscard]] bool opens_payload(std::string& command);
  void run_next(std::string& output);
  [[nodiscard]] Step refuse_long_input(std::string& output);

  const CommandTable& table_;
  Session session_;
  std::string input_;
  std::vector<std::string> pending_;  // commands of the present line
  std::size_t next_ = 0;
  bool in_payload_ = false;
  bool greeted_payload_ = false;
  std::string payload_tag_;
  std::string payload_;
  bool answered_any_ = false;
  bool input_ended_ = false;
};

}  // namespace tandem::command
