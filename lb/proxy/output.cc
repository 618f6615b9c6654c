#include "lb/proxy/output.h"

#include "common/check.h"

#include <algorithm>
#include <array>

namespace tandem::lb::proxy {
namespace {

iovec piece_of(std::string_view bytes) noexcept {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

}  // namespace

void Output::hold(std::string_view head) {
  if (waiting_ == nullptr) {
    held_ = head;
  } else {
    waiting_->bytes.insert(waiting_->bytes.end(), head.begin(), head.end());
  }
}

bool Output::send_behind(event::Socket& socket, std::string_view bytes) {
  hold(bytes);
  return flush(socket);
}

bool Output::send(event::Socket& socket, std::span<const iovec> pieces, bool more) {
  TANDEM_DCHECK(waiting_ == nullptr && pieces.size() <= kPiecesMax);
  if (held_.empty()) return pieces.empty() || write(socket, pieces, more);
  std::array<iovec, kPiecesMax + 1> all;
  all[0] = piece_of(held_);
  std::ranges::copy(pieces, all.begin() + 1);
  held_ = {};
  return write(socket, {all.data(), pieces.size() + 1}, more);
}

bool Output::write(event::Socket& socket, std::span<const iovec> message, bool more) {
  std::size_t written = 0;
  if (socket.writable()) {
    const event::Transfer transfer = socket.write(message, more);
    if (transfer.status == event::Transfer::Status::kFailed) return false;
    written = transfer.bytes;
    bytes_sent_ += written;
  }
  std::size_t wanted = 0;
  for (const iovec& piece : message) wanted += piece.iov_len;
  if (written == wanted) return true;
  keep(message, written);
  return socket.watch();
}

void Output::keep(std::span<const iovec> pieces, std::size_t skip) {
  waiting_ = std::make_unique<Waiting>();
  std::size_t wanted = 0;
  for (const iovec& piece : pieces) wanted += piece.iov_len;
  waiting_->bytes.reserve(wanted - skip);
  for (const iovec& piece : pieces) {
    const std::size_t cut = std::min(skip, piece.iov_len);
    skip -= cut;
    const char* from = static_cast<const char*>(piece.iov_base) + cut;
    waiting_->bytes.insert(waiting_->bytes.end(), from, from + (piece.iov_len - cut));
  }
}

bool Output::flush(event::Socket& socket) {
  if (!held_.empty()) return send(socket, {});
  while (waiting_ != nullptr && socket.writable()) {
    const std::string_view rest(waiting_->bytes.data() + waiting_->sent,
                                waiting_->bytes.size() - waiting_->sent);
    const iovec piece = piece_of(rest);
    const event::Transfer transfer = socket.write({&piece, 1});
    if (transfer.status == event::Transfer::Status::kFailed) return false;
    if (transfer.status == event::Transfer::Status::kBlocked) break;
    bytes_sent_ += transfer.bytes;
    waiting_->sent += transfer.bytes;
    if (waiting_->sent == waiting_->bytes.size()) waiting_.reset();
  }
  return waiting_ == nullptr || socket.watch();
}

void Output::reset() noexcept {
  held_ = {};
  waiting_.reset();
  bytes_sent_ = 0;
}

}  // namespace tandem::lb::proxy
