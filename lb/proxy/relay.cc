#include "lb/proxy/relay.h"

#include "common/check.h"
#include "lb/proxy/h1_body.h"

#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace tandem::lb::proxy {

/// Everything until the sender's end, as it comes. Lives during one run of the pump.
class Relay::Source final : public BodySource {
 public:
  explicit Source(Relay& relay) noexcept : relay_(relay) {}

  http::BodyStep next() override {
    if (unread_.empty()) return {};
    const std::string_view data = std::exchange(unread_, {});
    return {.kind = http::BodyStep::Kind::kData, .consumed = data.size(), .data = data};
  }
  Fill fill() override {
    if (!relay_.from_->readable()) return Fill::kBlocked;
    const event::Transfer transfer = relay_.from_->read(relay_.context_.read_scratch);
    switch (transfer.status) {
      case event::Transfer::Status::kDone:
        unread_ = {relay_.context_.read_scratch.data(), transfer.bytes};
        return Fill::kDone;
      case event::Transfer::Status::kBlocked:
        return Fill::kBlocked;
      case event::Transfer::Status::kEnd:
        return Fill::kEnd;
      case event::Transfer::Status::kFailed:
        break;
    }
    return Fill::kFailed;
  }
  bool ends_with_close() const override { return true; }
  std::string_view trailers() const override { return {}; }
  // What was read has been given to the sink in the same run.
  void park() override { TANDEM_DCHECK(unread_.empty()); }
  void go_on_later() override { relay_.from_->poller().again(*relay_.from_); }
  std::uint64_t spliceable() const override {
    const bool may = relay_.from_->is_plain() && relay_.from_->readable();
    return may ? std::numeric_limits<std::uint64_t>::max() : 0;
  }
  void spliced(std::uint64_t) override {}
  event::Socket& socket() override { return *relay_.from_; }

 private:
  Relay& relay_;
  std::string_view unread_;
};

class Relay::Sink final : public BodySink {
 public:
  explicit Sink(Relay& relay) noexcept : relay_(relay) {}

  bool is_drained() const override { return !relay_.output_.is_waiting(); }
  bool flush() override { return relay_.output_.flush(*relay_.to_); }
  bool send(std::span<const iovec> pieces, bool, std::string_view) override {
    return relay_.output_.send(*relay_.to_, pieces);
  }
  bool can_splice() const override { return relay_.to_->is_plain(); }
  bool begin_splice(std::uint64_t) override { return true; }
  void spliced(std::uint64_t bytes) override { relay_.output_.count_sent(bytes); }
  event::Socket& socket() override { return *relay_.to_; }

 private:
  Relay& relay_;
};

Pump::State Relay::move() {
  if (is_long_ && !has_ended_) return pass_on_long();
  return pass_on_short();
}

bool Relay::drain(Pump::State& state) {
  if (!output_.is_waiting()) return true;
  state = Pump::State::kSinkBroken;
  if (!output_.flush(*to_)) return false;
  state = Pump::State::kWaitsForSink;
  return !output_.is_waiting();
}

Pump::State Relay::pass_on_short() {
  const auto scratch = std::span(context_.read_scratch).first(kSpliceBytesMin);
  Pump::State state{};
  for (int round = 0; round < kRoundsPerTurn; ++round) {
    if (!drain(state)) return state;
    if (has_ended_) return Pump::State::kDone;
    if (!from_->readable()) return Pump::State::kWaitsForSource;
    const event::Transfer transfer = from_->read(scratch);
    switch (transfer.status) {
      case event::Transfer::Status::kBlocked:
        return Pump::State::kWaitsForSource;
      case event::Transfer::Status::kFailed:
        return Pump::State::kSourceBroken;
      case event::Transfer::Status::kEnd:
        has_ended_ = true;
        continue;
      case event::Transfer::Status::kDone:
        break;
    }
    bytes_read_ += transfer.bytes;
    if (!pass_on(scratch.first(transfer.bytes))) return Pump::State::kSinkBroken;
    if (transfer.bytes == scratch.size()) {
      is_long_ = true;
      return pass_on_long();
    }
  }
  context_.poller.again(*from_);
  return Pump::State::kYields;
}

bool Relay::pass_on(std::span<char> bytes) {
  // Mostly all of it is taken at once, and nothing has to be kept.
  std::size_t taken = 0;
  if (to_->writable()) {
    const iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
    const event::Transfer transfer = to_->write({&piece, 1});
    if (transfer.status == event::Transfer::Status::kFailed) return false;
    taken = transfer.bytes;
    output_.count_sent(taken);
    if (taken == bytes.size()) return true;
  }
  const iovec rest{.iov_base = bytes.data() + taken, .iov_len = bytes.size() - taken};
  return output_.send(*to_, {&rest, 1});
}

Pump::State Relay::pass_on_long() {
  const std::uint64_t before = pump_.bytes();
  Source source(*this);
  Sink sink(*this);
  const Pump::State state = pump_.run(source, sink);
  const bool is_over = state == Pump::State::kDone;
  if (state == Pump::State::kYields) source.go_on_later();
  // A stream that trickles is short messages again; and a pump that found no pipe looks anew.
  if (is_over ||
      (state == Pump::State::kWaitsForSource && pump_.bytes() - before < kSpliceBytesMin)) {
    bytes_read_ += pump_.bytes();
    bytes_spliced_ += pump_.bytes_spliced();
    pump_.reset();
    is_long_ = false;
    has_ended_ = is_over;
  }
  return state;
}

}  // namespace tandem::lb::proxy
