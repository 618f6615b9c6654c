// Connection: one client of the admin server, HTTP/1.1 with keep-alive, one request at a time; and
// the set of all of them. It decodes and writes; what is answered, the endpoints know.
#pragma once

#include "admin/endpoints.h"
#include "common/event/poller.h"
#include "common/event/socket_set.h"
#include "common/event/timer.h"
#include "http/h1_decoder.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tandem::admin {

/// Owned by the server's SocketSet; leaves it by itself. Thread: the poller's.
class Connection final : public event::Socket {
 public:
  static constexpr std::uint32_t kHeadBytesMax = 8192;
  /// From the first wait for a request to its whole head, idle keep-alive included.
  static constexpr std::chrono::seconds kRequestMax{15};
  /// From the whole head to the last byte of the answer.
  static constexpr std::chrono::seconds kResponseMax{30};

  Connection(event::Poller& poller, event::SocketSet& owner, const Endpoints& endpoints);
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
  void end();

  event::SocketSet& owner_;
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

}  // namespace tandem::admin
