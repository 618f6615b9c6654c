#include "failover/system/nf_tables.h"

#include "common/file_descriptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cstddef>
#include <memory>
#include <utility>

namespace tandem::failover::system {
namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const noexcept { nft_ctx_free(context); }
};

/// libnftables' own, with its socket; of the thread, since it is not made for several.
struct Context {
  ino_t network = 0;  // the namespace that its socket is in
  std::unique_ptr<nft_ctx, FreeContext> context;
};

/// The namespace that the calling thread is in.
ino_t current_network() {
  struct stat status{};
  return ::stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

bool is_netfilter_socket(int fd) {
  int protocol = -1;
  int domain = -1;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
         ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK &&
         protocol == NETLINK_NETFILTER;
}

/// Its socket does not end with the image of the process: programs that are run would have it. The
/// library does not tell its number; it is the lowest that was free.
std::unique_ptr<nft_ctx, FreeContext> make_context() {
  FileDescriptor probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int lowest = probe.get();
  probe.reset();
  std::unique_ptr<nft_ctx, FreeContext> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (context && is_netfilter_socket(lowest)) ::fcntl(lowest, F_SETFD, FD_CLOEXEC);
  return context;
}

/// Kept: closing its socket after something was deleted waits for the kernel to be through with
/// that, 12 ms (24 at worst) where adverts are due every 10. nullptr: out of memory.
nft_ctx* context_here() {
  thread_local Context kept;
  const ino_t network = current_network();
  if (!kept.context || kept.network != network) {
    kept.context = make_context();
    kept.network = network;
  }
  return kept.context.get();
}

std::array<std::uint8_t, 8> big_endian(std::uint64_t value) {
  return std::bit_cast<std::array<std::uint8_t, 8>>(
      std::endian::native == std::endian::little ? std::byteswap(value) : value);
}

void put_batch_mark(MessageBuffer& buffer, int mark, std::uint32_t sequence) {
  buffer.begin(static_cast<std::uint16_t>(mark), 0, sequence);
  put_nf_family(buffer, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

}  // namespace

bool is_table_name(std::string_view name) noexcept {
  const auto is_word = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !name.empty() && std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
         std::ranges::all_of(name, is_word);
}

std::uint16_t nf_tables_type(int message) noexcept {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
}

void put_nf_family(MessageBuffer& buffer, std::uint8_t family, std::uint16_t resource) {
  auto* header = buffer.extra<nfgenmsg>();
  header->nfgen_family = family;
  header->version = NFNETLINK_V0;
  header->res_id = htons(resource);
}

std::expected<NetlinkSocket, KernelError> open_nf_tables() {
  auto opened = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!opened) return std::unexpected(KernelError{0, opened.error().message});
  MessageBuffer buffer;
  const std::uint32_t number = opened->reserve(1);
  buffer.begin(nf_tables_type(NFT_MSG_GETGEN), NLM_F_ACK, number);
  put_nf_family(buffer, AF_UNSPEC);
  if (const Answer answer = opened->exchange(buffer.bytes(), number, number); !answer)
    return std::unexpected(answer.error());
  return *std::move(opened);
}

Result<void> run_nft(const std::string& commands) {
  nft_ctx* const context = context_here();
  if (context == nullptr) return fail("nf_tables: out of memory");
  // Empties what an earlier call has left there.
  nft_ctx_buffer_output(context);
  nft_ctx_buffer_error(context);
  if (nft_run_cmd_from_buffer(context, commands.c_str()) == 0) return {};
  std::string_view words = nft_ctx_get_error_buffer(context);
  words = words.substr(0, words.find('\n'));
  return fail(fmt::format("nf_tables: {}", words.empty() ? "refused" : words));
}

// ---- SetBatch -----------------------------------------------------------------------------------

SetBatch::SetBatch(NetlinkSocket& socket, std::uint32_t sequences_max)
    : socket_(socket), first_(socket.reserve(sequences_max)), next_(first_) {
  put_batch_mark(buffer_, NFNL_MSG_BATCH_BEGIN, next_++);
}

nlmsghdr* SetBatch::begin(int type, std::uint16_t flags, const TimedSet& set) {
  nlmsghdr* begun = buffer_.begin(nf_tables_type(type), flags, next_++);
  put_nf_family(buffer_, set.family);
  buffer_.put_text(NFTA_SET_ELEM_LIST_TABLE, set.table);
  buffer_.put_text(NFTA_SET_ELEM_LIST_SET, set.name);
  return begun;
}

void SetBatch::put(const TimedSet& set, bool v6, std::span<const IpAddress> addresses,
                   Milliseconds for_time) {
  message_ = begin(NFT_MSG_DELSETELEM, 0, set);
  if (for_time <= Milliseconds::zero()) return;
  message_ = begin(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set);
  const std::size_t list = buffer_.open(NFTA_SET_ELEM_LIST_ELEMENTS);
  const auto timeout = big_endian(static_cast<std::uint64_t>(for_time.count()));
  for (const IpAddress& address : addresses) {
    if (address.is_v6() != v6) continue;
    const std::size_t element = buffer_.open(NFTA_LIST_ELEM);
    const std::size_t key = buffer_.open(NFTA_SET_ELEM_KEY);
    buffer_.put(NFTA_DATA_VALUE, address.bytes());
    buffer_.close(key);
    buffer_.put(NFTA_SET_ELEM_TIMEOUT, timeout);
    buffer_.close(element);
  }
  buffer_.close(list);
}

Answer SetBatch::commit() {
  if (message_ == nullptr) return {};
  // The last one carries the acknowledgement of the whole.
  message_->nlmsg_flags |= NLM_F_ACK;
  const std::uint32_t last = next_ - 1;
  put_batch_mark(buffer_, NFNL_MSG_BATCH_END, next_);
  return socket_.exchange(buffer_.bytes(), first_, last);
}

}  // namespace tandem::failover::system
