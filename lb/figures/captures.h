// Captures: the last message each proxy refused, for `show errors`. Workers write on the path of
// an error, under a lock; the control thread reads. Not a log: one request and one response a
// proxy, the older one is forgotten.
#pragma once

#include "common/address.h"
#include "lb/config/snapshot.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::figures {

/// A message that did not parse. Proxies are told by their id (config::Frontend::id, Backend::id).
struct Capture {
  enum class Kind : std::uint8_t { kRequest, kResponse };

  Kind kind = Kind::kRequest;
  std::uint32_t frontend_id = 0;
  std::uint32_t backend_id = 0;  // 0: none was chosen ("<NONE>")
  std::uint32_t server_id = 0;   // 0: none
  SocketAddress client;
  std::size_t position = 0;  // offset in `bytes` of the byte that was refused
  std::size_t length = 0;    // of the whole, when `bytes` was cut
  std::string detail;        // static words of the decoder: "bad header name"
  std::chrono::system_clock::time_point when;
  std::string bytes;        // at most Captures::kBytesMax
  std::uint64_t event = 0;  // counted over all proxies, from 0
};

/// Thread: any.
class Captures {
 public:
  static constexpr std::size_t kBytesMax = 16 * 1024;

  explicit Captures(const config::Snapshot& snapshot);

  /// Keeps a copy of `capture`, `bytes` cut to kBytesMax (`length` is set to its full length).
  /// A request belongs to its frontend, a response to its backend; unknown ids are dropped.
  void record(Capture capture);

  /// What is kept for the proxy `id`, of one kind. A copy.
  [[nodiscard]] std::optional<Capture> last(std::uint32_t id, Capture::Kind kind) const;
  /// Captures so far, kept or forgotten.
  [[nodiscard]] std::uint64_t total() const;

 private:
  struct Slot {
    std::array<std::optional<Capture>, 2> kept;  // by kind
  };

  mutable std::mutex mutex_;
  std::vector<Slot> slots_;  // by proxy id
  std::uint64_t next_event_ = 0;
};

/// The bytes as `show errors` prints them: offset, "  " or "+ " for a continued line, escaped text.
[[nodiscard]] std::string dump_bytes(std::string_view bytes);

}  // namespace tandem::lb::figures
