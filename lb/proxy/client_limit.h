// ClientLimit: how long a client may take for what an exchange waits for: `timeout client`, which a
// reader starts anew with whatever it takes, and a sender only with a rate.
#pragma once

#include "common/time.h"
#include "lb/proxy/client_side.h"

#include <chrono>
#include <cstdint>

namespace tandem::lb::proxy {

/// Pure: its owner keeps the time. Owner: a client's connection or stream.
class ClientLimit {
 public:
  [[nodiscard]] ClientWait waits_for() const noexcept { return waits_for_; }
  void reset() noexcept { waits_for_ = ClientWait::kNothing; }

  /// The exchange waits for `wait`. `sent`: bytes that have reached the client; `received`: of the
  /// request's body. True: the limit begins anew.
  [[nodiscard]] bool begin(ClientWait wait, std::uint64_t sent, std::uint64_t received) noexcept {
    const bool goes_on = waits_for_ == wait;
    waits_for_ = wait;
    if (wait == ClientWait::kNothing) return false;
    // The limit of an upload is not moved by each byte: at its end the bytes are counted. That of a
    // reader is moved by what it takes, whatever else it does.
    const bool has_read = take_progress(sent);
    if (goes_on && (wait == ClientWait::kToSend || !has_read)) return false;
    received_ = received;
    return true;
  }

  /// The limit has passed. False: enough came of an upload meanwhile, and it begins anew.
  [[nodiscard]] bool is_broken(std::uint64_t received, Duration limit) noexcept {
    if (waits_for_ != ClientWait::kToSend) return true;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(limit).count();
    const std::uint64_t least = kBodyBytesPerSecondMin * static_cast<std::uint64_t>(seconds);
    if (received - received_ < least) return true;
    received_ = received;
    return false;
  }

  /// Whether the client has read since this was asked last.
  [[nodiscard]] bool take_progress(std::uint64_t sent) noexcept {
    const bool has_read = sent != sent_;
    sent_ = sent;
    return has_read;
  }

 private:
  // An upload slower than this over a whole `timeout client` is cut.
  static constexpr std::uint64_t kBodyBytesPerSecondMin = 64;

  ClientWait waits_for_ = ClientWait::kNothing;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace tandem::lb::proxy
