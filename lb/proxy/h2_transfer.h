// What both kinds of HTTP/2 connection do alike: frames between a socket and a session.
#pragma once

#include "common/event/poller.h"
#include "lb/http2/session.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tandem::lb::proxy {

enum class H2Transfer : std::uint8_t {
  kDone,    // nothing is left to read, or to write, for now
  kYields,  // there is more; others first
  kGone,    // the connection is
  kStops,   // whoever takes what was read wants no more
};

/// Reads in a turn before others get theirs, and how much at once.
inline constexpr int kH2ReadsPerTurn = 4;
inline constexpr std::size_t kH2ReadBytes = 64 * 1024;
/// Writes in a turn.
inline constexpr int kH2WritesPerTurn = 16;

/// `take(bytes)` is given what comes, and says whether it goes on.
template <class Take>
[[nodiscard]] H2Transfer read_frames(event::Socket& socket, const http2::Session& session,
                                     std::span<char> scratch, Take take) {
  for (int reads = 0; socket.readable(); ++reads) {
    // A peer that reads nothing gets to ask for nothing more.
    if (session.has_output() && !socket.writable()) return H2Transfer::kDone;
    if (reads == kH2ReadsPerTurn) return H2Transfer::kYields;
    const event::Transfer transfer = socket.read(scratch.first(kH2ReadBytes));
    if (transfer.status == event::Transfer::Status::kBlocked) break;
    if (transfer.status != event::Transfer::Status::kDone) return H2Transfer::kGone;
    if (!take(scratch.first(transfer.bytes))) return H2Transfer::kStops;
  }
  return socket.hung_up() ? H2Transfer::kGone : H2Transfer::kDone;
}

/// Writes what the session has; `went_on()` after each write, of which more may come, says whether
/// to go on.
template <class WentOn>
[[nodiscard]] H2Transfer write_frames(event::Socket& socket, http2::Session& session,
                                      WentOn went_on) {
  for (int writes = 0; socket.writable(); ++writes) {
    const std::string_view bytes = session.output();
    if (bytes.empty()) break;
    if (writes == kH2WritesPerTurn) return H2Transfer::kYields;
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    const event::Transfer transfer = socket.write({&piece, 1});
    if (transfer.status == event::Transfer::Status::kBlocked) break;
    if (transfer.status != event::Transfer::Status::kDone) return H2Transfer::kGone;
    session.output_sent(transfer.bytes);
    if (!went_on(transfer.bytes)) return H2Transfer::kStops;
  }
  return H2Transfer::kDone;
}

}  // namespace tandem::lb::proxy
