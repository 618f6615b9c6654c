#include "failover/system/netlink.h"

#include "common/check.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::failover::system {
namespace {

// The kernel fills what a reader offers, up to this.
constexpr std::size_t kReceiveBytes = 32768;

// As MNL_ALIGN, which is of mixed sign.
constexpr std::size_t aligned(std::size_t size) { return (size + 3U) & ~std::size_t{3}; }

// The kernel's words on an error (extended acknowledgement); empty where it gives none.
std::string extended_words(const nlmsghdr& message) {
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  std::string words;
  // NETLINK_CAP_ACK is on: of the request only its header comes back.
  each_attribute(message, sizeof(nlmsgerr), [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0) {
      words = mnl_attr_get_str(&attribute);
    }
  });
  return words;
}

void each_until(const void* begin, const char* end,
                const std::function<void(const nlattr&)>& take) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    take(*attribute);
    attribute = mnl_attr_next(attribute);
  }
}

}  // namespace

std::unexpected<KernelError> kernel_error(int number) {
  return std::unexpected(KernelError{number, std::strerror(number)});
}

bool each_attribute(const nlmsghdr& message, std::size_t header_bytes,
                    const std::function<void(const nlattr&)>& take) {
  if (mnl_nlmsg_get_payload_len(&message) < header_bytes) return false;
  // Not libmnl's tail, which counts padding that need not be there.
  each_until(mnl_nlmsg_get_payload_offset(&message, header_bytes),
             reinterpret_cast<const char*>(&message) + message.nlmsg_len, take);
  return true;
}

void each_nested(const nlattr& outer, const std::function<void(const nlattr&)>& take) {
  const auto* begin = static_cast<const char*>(mnl_attr_get_payload(&outer));
  each_until(begin, begin + mnl_attr_get_payload_len(&outer), take);
}

// ---- MessageBuffer ------------------------------------------------------------------------------

nlmsghdr* MessageBuffer::begin(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) {
  finish_message();
  TANDEM_CHECK(begun_at_ + aligned(sizeof(nlmsghdr)) <= kBytesMax);
  message_ = mnl_nlmsg_put_header(bytes_.data() + begun_at_);
  message_->nlmsg_type = type;
  message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message_->nlmsg_seq = sequence;
  return message_;
}

void MessageBuffer::finish_message() {
  if (message_ == nullptr) return;
  begun_at_ += aligned(message_->nlmsg_len);
  message_ = nullptr;
}

void* MessageBuffer::extra_bytes(std::size_t size) {
  TANDEM_CHECK(begun_at_ + message_->nlmsg_len + aligned(size) <= kBytesMax);
  return mnl_nlmsg_put_extra_header(message_, size);
}

void MessageBuffer::put(std::uint16_t type, std::span<const std::uint8_t> value) {
  TANDEM_CHECK(
      mnl_attr_put_check(message_, kBytesMax - begun_at_, type, value.size(), value.data()));
}

void MessageBuffer::put_u32(std::uint16_t type, std::uint32_t value) {
  TANDEM_CHECK(mnl_attr_put_u32_check(message_, kBytesMax - begun_at_, type, value));
}

void MessageBuffer::put_text(std::uint16_t type, const std::string& value) {
  TANDEM_CHECK(mnl_attr_put_strz_check(message_, kBytesMax - begun_at_, type, value.c_str()));
}

std::size_t MessageBuffer::open(std::uint16_t type) {
  const nlattr* nest = mnl_attr_nest_start_check(message_, kBytesMax - begun_at_, type);
  TANDEM_CHECK(nest != nullptr);
  return static_cast<std::size_t>(reinterpret_cast<const char*>(nest) - bytes_.data());
}

void MessageBuffer::close(std::size_t nest) {
  mnl_attr_nest_end(message_, reinterpret_cast<nlattr*>(bytes_.data() + nest));
}

std::span<const char> MessageBuffer::bytes() {
  finish_message();
  return {bytes_.data(), begun_at_};
}

// ---- NetlinkSocket ------------------------------------------------------------------------------

NetlinkSocket::NetlinkSocket(FileDescriptor socket) noexcept
    : socket_(std::move(socket)), received_(kReceiveBytes) {}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket) return fail(fmt::format("netlink socket: {}", std::strerror(errno)));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) < 0) {
    return fail(fmt::format("netlink socket: bind: {}", std::strerror(errno)));
  }
  const auto answer_us =
      std::chrono::duration_cast<std::chrono::microseconds>(kAnswerTimeout).count();
  const timeval timeout{.tv_sec = 0, .tv_usec = answer_us};
  const int on = 1;
  // Older kernels lack the last three, and answer as well without.
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return NetlinkSocket(std::move(socket));
}

std::uint32_t NetlinkSocket::reserve(std::uint32_t count) noexcept {
  const std::uint32_t first = sequence_ + 1;
  sequence_ += count;
  return first;
}

/// How far an exchange has come.
struct NetlinkSocket::Progress {
  std::uint32_t first;
  std::uint32_t last;
  bool is_over = false;
  bool was_interrupted = false;
  Answer answer{};
};

Answer NetlinkSocket::exchange(std::span<const char> messages, std::uint32_t first,
                               std::uint32_t last, const Take& take) {
  if (::send(socket_.get(), messages.data(), messages.size(), 0) < 0) return kernel_error(errno);
  Progress progress{.first = first, .last = last};
  while (!progress.is_over) {
    const ssize_t count = ::recv(socket_.get(), received_.data(), received_.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return kernel_error(errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno);
    }
    int left = static_cast<int>(count);
    const auto* message = reinterpret_cast<const nlmsghdr*>(received_.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      // Anything else answers an exchange that was given up.
      if (message->nlmsg_seq - first <= last - first) read_answer(*message, take, progress);
    }
  }
  if (progress.answer && progress.was_interrupted) return kernel_error(EINTR);
  return progress.answer;
}

void NetlinkSocket::read_answer(const nlmsghdr& message, const Take& take,
                                Progress& progress) const {
  if (message.nlmsg_flags & NLM_F_DUMP_INTR) progress.was_interrupted = true;
  if (message.nlmsg_type != NLMSG_ERROR && message.nlmsg_type != NLMSG_DONE) {
    if (take) take(message);
    return;
  }
  // Both begin with a negative errno, or 0.
  const int error = mnl_nlmsg_get_payload_len(&message) >= sizeof(int)
                        ? -*static_cast<const int*>(mnl_nlmsg_get_payload(&message))
                        : 0;
  if (error != 0 && progress.answer) {
    progress.answer = kernel_error(error);
    std::string words = message.nlmsg_type == NLMSG_ERROR ? extended_words(message) : "";
    if (!words.empty()) progress.answer.error().words = std::move(words);
  }
  // A batch that is refused as a whole is answered at its first message and nowhere else.
  const bool is_refused_whole = error != 0 && message.nlmsg_seq == progress.first;
  if (message.nlmsg_seq == progress.last || is_refused_whole) progress.is_over = true;
}

}  // namespace tandem::failover::system
