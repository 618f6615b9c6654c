// Any bytes as what a peer says: no crash, the same messages however the stream is cut, and
// whatever is taken means the same after it was written anew. What a session makes of them is tried
// as well. Seeds: test/corpus/peer.
#include "failover/peer/message.h"
#include "failover/peer/session.h"
#include "test/fuzz/oracle.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover::peer {
namespace {

constexpr Instant kBegun{std::chrono::hours(1)};

struct Heard {
  std::vector<Message> messages;
  std::string error;  // what ended it
};

void take_all(Decoder& decoder, Heard& heard) {
  while (heard.error.empty()) {
    auto message = decoder.next();
    if (!message) heard.error = message.error().message;
    if (!message || !*message) return;
    heard.messages.push_back(std::move(**message));
  }
}

Heard whole(std::string_view stream) {
  Decoder decoder;
  Heard heard;
  decoder.feed(stream);
  take_all(decoder, heard);
  return heard;
}

Heard cut(std::string_view stream) {
  Decoder decoder;
  Heard heard;
  std::size_t from = 0;
  for (const std::size_t to : fuzz::cuts(stream, stream.size())) {
    decoder.feed(stream.substr(from, to - from));
    take_all(decoder, heard);
    from = to;
  }
  return heard;
}

void check_again(const Message& message) {
  const auto frame = encode(message);
  if (!frame) return;  // numbers written out may be longer than they came
  const Heard again = whole(*frame);
  fuzz::expect_same("it can be read again", again.error, "");
  fuzz::expect("the same meaning", again.messages == std::vector<Message>{message});
}

void check_session(const std::vector<Message>& messages) {
  Session session({.own_node = "lb1", .peer_node = "lb2", .heartbeat = Milliseconds(100)}, kBegun);
  Instant now = kBegun;
  for (const Message& message : messages) {
    now += Milliseconds(10);
    static_cast<void>(session.beat(session.status(), now));
    if (!session.hear(message, now)) return;
    fuzz::expect("nothing is newer than now", session.as_of() <= now);
    fuzz::expect("nothing is older than the connection", session.as_of() >= kBegun);
    fuzz::expect("silence is bounded", session.silence() >= kSilenceMin &&
                                           session.silence() <= kSilentHeartbeats * kHeartbeatMax);
    fuzz::expect("no time runs backwards",
                 session.round_trip().value_or(Duration::zero()) >= Duration::zero());
  }
}

}  // namespace
}  // namespace tandem::failover::peer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::failover::peer;
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const Heard heard = whole(stream);
  const Heard in_pieces = cut(stream);
  tandem::fuzz::expect_same("the same end", heard.error, in_pieces.error);
  tandem::fuzz::expect("the same messages", heard.messages == in_pieces.messages);
  for (const Message& message : heard.messages) check_again(message);
  check_session(heard.messages);
  return 0;
}
