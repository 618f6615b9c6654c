// Connection: one client of the admin server, HTTP/1.1 with keep-alive, one request at a time; and
// the set of all of them. It decodes and writes; what is answered, the endpoints know.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "lb/admin/endpoints.h"
#include "lb/http/h1_decoder.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::lb::admin {

class Connections;

/// Owned by Connections; leaves it by itself. Thread: the poller's.
class Connection final : public event::Socket {
 public:
  static constexpr std::uint32_t kHeadBytesMax = 8192;
  /// From the first wait for a request to its whole head, idle keep-alive included.
  static constexpr std::chrono::seconds kRequestMax{15};
  /// From the whole head to the last byte of the answer.
  static constexpr std::chrono::seconds kResponseMax{30};

  Connection(event::Poller& poller, Connections& owner, const Endpoints& endpoints);
  ~Connection() override;

  /// Takes over a connected, non-blocking descriptor and serves it. May end it at once.
  void begin(int fd);

 private:
  enum class Stage : std::uint8_t { kRequest, kRendering, kResponse };
  /// A body that another thread makes. Shared with that work, which may outlast the connection.
  struct Rendering {
    Connection* owner;  // nullptr: gone
    std::string body;
  };

  void on_ready() override { serve(); }
  void serve();
  /// False: nothing more to do now, or ended.
  [[nodiscard]] bool read_request();
  [[nodiscard]] bool fill();
  void answer_request();
  void refuse(int status);
  void render(Reply reply);
  void respond(Reply reply);
  [[nodiscard]] bool flush();
  [[nodiscard]] bool next_request();
  void drain();
  void end();

  Connections& owner_;
  const Endpoints& endpoints_;
  event::Timer timeout_;
  Stage stage_ = Stage::kRequest;
  http::RequestDecoder decoder_;
  http::RequestHead head_;
  std::string input_;
  std::string output_;
  std::size_t written_ = 0;
  bool is_head_ = false;  // the request is HEAD
  bool keeps_alive_ = false;
  std::shared_ptr<Rendering> rendering_;
};

/// Owner: the server. Thread: the poller's.
class Connections {
 public:
  /// More wait in the listener's queue.
  static constexpr std::size_t kMax = 64;

  void add(std::unique_ptr<Connection> connection);
  void remove(Connection& connection, event::Poller& poller);
  [[nodiscard]] bool has_room() const noexcept { return connections_.size() < kMax; }
  /// Called when a connection has left, and there is room for another.
  void when_room(std::function<void()> callback) { on_room_ = std::move(callback); }

 private:
  std::vector<std::unique_ptr<Connection>> connections_;
  std::function<void()> on_room_;
};

}  // namespace tandem::lb::admin
