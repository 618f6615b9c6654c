// Dialogue: a check's conversation with a server in the server's own protocol: what to say, and
// what to make of the answers. Pure: bytes in, bytes and a finding out, so that every reader is
// tested and fuzzed without a socket; dialogue_probe.h puts one on a connection. Internal to
// lb/health.
#pragma once

#include "lb/config/snapshot.h"
#include "lb/health/result.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::lb::health {

/// What a dialogue came to.
struct Finding {
  Status status = Status::kUnknown;
  int code = 0;             // of the protocol: SMTP's reply code, MySQL's error number
  std::string description;  // may hold what the server said, as it came
  std::shared_ptr<const AgentReply> agent = nullptr;  // of an agent that has answered
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Servers are not trusted: a dialogue takes any bytes, in pieces of any size, and finds the same
/// however they are cut.
class Dialogue {
 public:
  /// Bytes a server may say in one check; what goes on longer is an invalid answer. It bounds the
  /// work a server can make of a check, which is done on the control thread.
  static constexpr std::size_t kHeardBytesMax = std::size_t{64} * 1024;

  Dialogue() = default;
  virtual ~Dialogue() = default;
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  /// The connection stands. Once, before anything else.
  void begin() { open(); }
  /// The server has said this. Nothing happens once there is a finding.
  void hear(std::string_view bytes);
  /// The server will say no more. There is a finding afterwards.
  void hear_end();
  /// What it means that time runs out now.
  [[nodiscard]] virtual Finding late() const;

  /// Takes what is to be sent next; with a finding, it is the farewell.
  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
  [[nodiscard]] const std::optional<Finding>& finding() const noexcept { return finding_; }

 protected:
  virtual void open() = 0;
  /// Looks for one whole message at the head of input() and takes it with consume(), or concludes.
  /// False: it takes more bytes to go on.
  virtual bool read_message() = 0;
  /// What the server owes: "the answer to PING".
  [[nodiscard]] virtual std::string awaited() const = 0;
  /// The server has closed too early: concludes.
  virtual void end();

  /// What was heard and not consumed yet. Valid until consume() or a return.
  [[nodiscard]] std::string_view input() const noexcept {
    return std::string_view(input_).substr(consumed_);
  }
  void consume(std::size_t bytes) noexcept { consumed_ += bytes; }
  void say(std::string_view bytes) { output_ += bytes; }
  /// Ends the dialogue. True, so that read_message() can end with it.
  bool conclude(Status status, int code, std::string description);
  bool conclude(Finding finding);
  /// The server does not speak the protocol, or breaks its rules: L7RSP.
  bool refuse(std::string description) {
    return conclude(Status::kL7Rsp, 0, std::move(description));
  }

 private:
  std::string input_;
  std::size_t consumed_ = 0;  // of input_, which is moved up when a reader has run dry
  std::size_t heard_ = 0;
  std::string output_;
  std::optional<Finding> finding_;
};

// The kinds, one file each. `check` must outlive the dialogue.

/// "tcp" with "steps": sends and expects in turn.
[[nodiscard]] std::unique_ptr<Dialogue> make_steps_dialogue(const config::Check& check);
/// AUTH if there is a password, PING, and ROLE if one is asked for.
[[nodiscard]] std::unique_ptr<Dialogue> make_redis_dialogue(const config::Check& check);
/// The startup packet and, if a password or a role is configured, a login and one query.
/// `nonce`: of SCRAM, see tls::ScramClient.
[[nodiscard]] std::unique_ptr<Dialogue> make_pgsql_dialogue(const config::Check& check,
                                                            std::string nonce);
/// The handshake packet and, if there is a user, a login without password.
[[nodiscard]] std::unique_ptr<Dialogue> make_mysql_dialogue(const config::Check& check);
/// Who answers a gRPC check.
struct GrpcPeer {
  std::string authority;
  Milliseconds timeout;  // told to the server
  bool is_encrypted = false;
};
/// grpc.health.v1.Health/Check over HTTP/2.
[[nodiscard]] std::unique_ptr<Dialogue> make_grpc_dialogue(const config::Check& check,
                                                           const GrpcPeer& peer);
/// The line of an agent, see agent_reply.h. `steps` of the check: what it is sent first.
[[nodiscard]] std::unique_ptr<Dialogue> make_agent_dialogue(const config::Check& check);
/// The banner, HELO or EHLO, QUIT.
[[nodiscard]] std::unique_ptr<Dialogue> make_smtp_dialogue(const config::Check& check);

}  // namespace tandem::lb::health
