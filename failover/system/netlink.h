// NetlinkSocket: one blocking socket to the kernel for requests that are answered at once
// (addresses, links, nf_tables batches). It builds no message of its own and watches nothing: see
// route.h.
#pragma once

#include "common/file_descriptor.h"
#include "common/result.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

struct nlattr;
struct nlmsghdr;

namespace tandem::failover::system {

/// What the kernel answered to a request that it did not carry out.
struct KernelError {
  int number = 0;     // errno; ETIMEDOUT when it did not answer at all
  std::string words;  // the kernel's own explanation where it gave one, else strerror()
};
using Answer = std::expected<void, KernelError>;

[[nodiscard]] std::unexpected<KernelError> kernel_error(int number);

/// Calls `take` with each whole attribute of a message behind a header of `header_bytes`. False:
/// the message is too short for that header.
bool each_attribute(const nlmsghdr& message, std::size_t header_bytes,
                    const std::function<void(const nlattr&)>& take);
/// The same with each whole attribute within another.
void each_nested(const nlattr& outer, const std::function<void(const nlattr&)>& take);

/// Where one message, or a batch that ends in one, is put together. Too small for a message is a
/// programming error.
class MessageBuffer {
 public:
  static constexpr std::size_t kBytesMax = 16384;

  /// Begins a message behind those that are there; it is complete when the next begins.
  nlmsghdr* begin(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence);
  /// Room of `size` bytes, zeroed, behind the header of the message begun last.
  template <class Header>
  Header* extra() {
    return static_cast<Header*>(extra_bytes(sizeof(Header)));
  }
  void put(std::uint16_t type, std::span<const std::uint8_t> value);
  /// In host order; nf_tables wants its numbers in network order: use put().
  void put_u32(std::uint16_t type, std::uint32_t value);
  /// With the terminating zero.
  void put_text(std::uint16_t type, const std::string& value);
  /// Opens a nested attribute; close() in reverse order.
  std::size_t open(std::uint16_t type);
  void close(std::size_t nest);
  /// All messages so far; valid until the next call.
  [[nodiscard]] std::span<const char> bytes();

 private:
  void* extra_bytes(std::size_t size);
  void finish_message();

  alignas(8) std::array<char, kBytesMax> bytes_{};
  std::size_t begun_at_ = 0;
  nlmsghdr* message_ = nullptr;
};

/// Move-only. Thread: one. A call blocks while the kernel works (it takes locks that the whole
/// machine shares: microseconds as a rule), and at most kAnswerTimeout for the answer.
class NetlinkSocket {
 public:
  static constexpr std::chrono::milliseconds kAnswerTimeout{500};
  using Take = std::function<void(const nlmsghdr&)>;

  /// `protocol`: NETLINK_ROUTE or NETLINK_NETFILTER. Errors: no such protocol in this kernel, no
  /// descriptors left.
  [[nodiscard]] static Result<NetlinkSocket> open(int protocol);

  /// Reserves `count` numbers for the messages of one exchange; the first of them.
  [[nodiscard]] std::uint32_t reserve(std::uint32_t count) noexcept;
  /// Sends messages numbered from `first` on and waits until the one numbered `last` is answered;
  /// that one must carry NLM_F_ACK or be a dump. What the kernel sends beside acknowledgements is
  /// given to `take`. Errors: the first that the kernel reports; with a dump also EINTR, if the
  /// picture changed while it was being drawn.
  [[nodiscard]] Answer exchange(std::span<const char> messages, std::uint32_t first,
                                std::uint32_t last, const Take& take = {});

 private:
  struct Progress;

  explicit NetlinkSocket(FileDescriptor socket) noexcept;
  void read_answer(const nlmsghdr& message, const Take& take, Progress& progress) const;

  FileDescriptor socket_;
  std::uint32_t sequence_ = 0;
  std::vector<char> received_;
};

}  // namespace tandem::failover::system
