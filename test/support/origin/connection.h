// Connection: one connection that the origin accepted, from request to request. It does what the
// script says and asks the server for nothing but time and its own end. Thread: the server's.
#pragma once

#include "common/file_descriptor.h"
#include "test/support/origin/request.h"
#include "test/support/origin/script.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tandem::testing {

class Connection {
 public:
  struct Shared {
    Script& script;
    Counters& counters;
    std::optional<std::chrono::milliseconds> idle_close;
    std::string& read_buffer;
  };

  /// `record`: where the bytes received go; may be empty.
  Connection(Shared shared, FileDescriptor socket, std::uint64_t number, FileDescriptor record);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Readiness changed, edge by edge. False: this connection is over; destroy it.
  [[nodiscard]] bool on_ready(bool readable, bool writable, bool peer_closed);
  /// The wait asked for by wanted_wait() is over. False: destroy it.
  [[nodiscard]] bool on_time();
  /// How long to wait until on_time(), asked for since the last call; nullopt: nothing new.
  [[nodiscard]] std::optional<std::chrono::milliseconds> take_wanted_wait();
  /// False: a wait that was asked for earlier no longer matters.
  [[nodiscard]] bool is_waiting() const { return waiting_; }

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  enum class Phase : std::uint8_t { kHead, kBody, kDelay, kAnswer, kTunnel, kFrozen };

  [[nodiscard]] bool advance();
  [[nodiscard]] bool receive();
  [[nodiscard]] bool take_input();
  [[nodiscard]] bool take_head();
  void take_body();
  void begin_answer();
  void make_answer();
  /// A line sent to /-/set: one that Script knows, or "peak", which counts the peak anew.
  [[nodiscard]] bool set(std::string_view line);
  void answer_with(const Plan& plan, std::string_view body);
  [[nodiscard]] bool send_answer();
  [[nodiscard]] bool end_answer();
  [[nodiscard]] bool tunnel();
  [[nodiscard]] bool send_some(std::string_view bytes, std::size_t& sent);
  void become_idle();
  void wait(std::chrono::milliseconds duration);
  void enter_flight();
  void leave_flight();
  void reset_peer();
  [[nodiscard]] std::string echo() const;

  Shared shared_;
  FileDescriptor socket_;
  FileDescriptor record_;
  std::uint64_t number_;
  std::uint64_t requests_ = 0;
  Phase phase_ = Phase::kHead;
  bool readable_ = true;
  bool writable_ = true;
  bool peer_closed_ = false;  // an event said so; bytes before the end may still be unread
  bool ended_ = false;        // the peer has finished sending
  bool waiting_ = false;
  bool in_flight_ = false;
  std::optional<std::chrono::milliseconds> wanted_wait_;

  std::string input_;  // received and not yet taken
  std::string head_;   // of the present request, which points into it
  Request request_;
  BodyReader body_;
  std::shared_ptr<const PreparedPlan> plan_;
  Wire made_;                   // an answer made for this request alone
  const Wire* wire_ = nullptr;  // in plan_ or made_
  std::size_t sent_ = 0;
  std::size_t allowed_ = 0;  // how far the answer may be sent by now
  std::size_t end_ = 0;      // where the answer stops or breaks off
};

}  // namespace tandem::testing
