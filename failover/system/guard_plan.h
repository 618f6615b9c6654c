// What the guard does if the daemon dies, as values and as the one message in which the daemon
// tells it. Neither end of the conversation: those are guard.h (the daemon's) and guard_process.h.
// Packing is for the daemon; unpacking allocates nothing, because the guard must not. Pure, any
// thread.
#pragma once

#include "common/ip_address.h"
#include "common/result.h"
#include "failover/system/link_socket.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tandem::failover::system {

/// A packet that is ready to go.
struct Farewell {
  int socket = -1;  // a sending one, with everything set; borrowed
  RawAddress destination;
  std::vector<std::uint8_t> payload;
};

/// In this order: the addresses first, so that nobody takes over what is still here.
struct GuardPlan {
  /// Complete rtnetlink requests (header and all, each padded to 4 bytes), one behind the other;
  /// see add_withdrawal(). With NLM_F_ACK the guard can say how many were carried out.
  std::vector<std::uint8_t> requests;
  std::vector<Farewell> farewells;
};

/// Adds the request to delete `address` from the interface of that index.
void add_withdrawal(GuardPlan& plan, unsigned index, const IpPrefix& address);

/// Of a packed plan: a hundred virtual routers with a few addresses each.
inline constexpr std::size_t kGuardMessageBytesMax = 64 * 1024;
/// Different sockets in one plan.
inline constexpr std::size_t kGuardSocketsMax = 64;

enum class GuardOrder : std::uint32_t {
  kHold = 1,     // this plan replaces the one before
  kDismiss = 2,  // the end is an orderly one: do nothing and go
};

struct PackedPlan {
  std::vector<std::uint8_t> message;
  std::vector<int> sockets;  // to be sent along, each once
};

/// Error: more than the bounds above.
[[nodiscard]] Result<PackedPlan> pack(const GuardPlan& plan);
[[nodiscard]] std::vector<std::uint8_t> pack_dismissal();

/// One farewell within a message.
struct PackedFarewell {
  std::size_t socket = 0;  // index into those that came along
  RawAddress destination;
  std::span<const std::uint8_t> payload;
};

/// Reads a message; keeps a view of it. What does not fit its own lengths is refused or ends the
/// list: the guard trusts the daemon, not that nothing was written over.
class GuardMessage {
 public:
  /// nullopt: not one of ours.
  [[nodiscard]] static std::optional<GuardMessage> read(
      std::span<const std::uint8_t> bytes) noexcept;

  [[nodiscard]] GuardOrder order() const noexcept { return order_; }
  [[nodiscard]] std::span<const std::uint8_t> requests() const noexcept { return requests_; }
  /// Nothing is held.
  [[nodiscard]] bool is_empty() const noexcept { return requests_.empty() && farewells_.empty(); }
  /// Farewells one after the other; nullopt: no more.
  [[nodiscard]] std::optional<PackedFarewell> next_farewell() noexcept;

 private:
  GuardOrder order_ = GuardOrder::kHold;
  std::span<const std::uint8_t> requests_;
  std::span<const std::uint8_t> farewells_;
};

}  // namespace tandem::failover::system
