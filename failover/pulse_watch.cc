#include "failover/pulse_watch.h"

#include "common/file_descriptor.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::failover {
namespace {

constexpr std::size_t kWorkersMax = 1024;

/// Two faults are one and the same as long as only their numbers differ: "for 212 ms" grows.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

}  // namespace

PulseWatch::PulseWatch(event::Poller& poller, Settings settings, std::function<void()> on_change)
    : Socket(poller),
      settings_(std::move(settings)),
      on_change_(std::move(on_change)),
      timer_(poller.loop(), [this] { on_time(); }) {
  tracked_ = {.name = "data plane", .is_ok = false, .why = "is not connected yet"};
  room_ = {.name = "room in the data plane", .weight = kFullWeight};
}

PulseWatch::~PulseWatch() = default;

void PulseWatch::start() { connect(); }

/// Four beats in the hang time: two may be late before anybody is suspected.
Milliseconds PulseWatch::period() const {
  return std::clamp(settings_.hang / 4, pulse::kPeriodMin, pulse::kPeriodMax);
}

void PulseWatch::connect() {
  FileDescriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const SocketAddress& address = settings_.address;
  const std::string hello = pulse::encode(pulse::Hello{.period = period()});
  if (!fd || ::connect(fd.get(), address.data(), address.size()) != 0 ||
      ::send(fd.get(), hello.data(), hello.size(), MSG_NOSIGNAL) < 0)
    return lose(fmt::format("does not run ({}: {})", address.text(), std::strerror(errno)));
  connected_at_ = Clock::now();
  attach(fd.release());
  if (!watch()) return lose("cannot be watched: no memory");
  expected_at_ = connected_at_ + period();
  timer_.start_periodic(period(), period());
  drain();
}

void PulseWatch::lose(std::string why) {
  close();
  condition_.reset();
  beats_.clear();
  is_known_ = true;
  timer_.start(kRetryEvery);
  become(std::move(why));
}

void PulseWatch::on_ready() { drain(); }

void PulseWatch::drain() {
  std::array<char, pulse::kPacketBytesMax> bytes;
  while (is_open()) {
    const event::Transfer transfer = read(bytes);
    if (transfer.status == event::Transfer::Status::kBlocked) break;
    if (transfer.status != event::Transfer::Status::kDone) return lose("has died");
    // A packet of another version says nothing; without beats the judgement comes by itself.
    if (const auto packet = pulse::decode(std::span(bytes).first(transfer.bytes))) take(*packet);
  }
  if (is_open()) judge();
}

void PulseWatch::take(const pulse::Packet& packet) {
  if (const auto* beat = std::get_if<pulse::Beat>(&packet)) {
    if (beat->worker >= kWorkersMax) return;
    if (beats_.size() <= beat->worker) beats_.resize(beat->worker + 1U);
    beats_[beat->worker] = Clock::now();
  } else if (const auto* condition = std::get_if<pulse::Condition>(&packet)) {
    condition_ = *condition;
  }
}

void PulseWatch::on_time() {
  if (!is_open()) return connect();
  const Instant now = Clock::now();
  // Who was asleep itself has no opinion on who else was: first everything that came is read, and
  // the next time counts.
  const bool overslept = now - expected_at_ > 2 * period();
  expected_at_ = now + period();
  if (overslept) {
    for (Instant& beat : beats_) beat = std::max(beat, now);
    connected_at_ = std::max(connected_at_, now);
  }
  drain();
}

void PulseWatch::judge() {
  std::string why = fault();
  const bool is_waiting = !condition_ && why.empty();
  if (is_waiting) return;  // neither an answer nor a reason to worry yet
  is_known_ = true;
  become(std::move(why));
}

/// Empty: nothing is wrong.
std::string PulseWatch::fault() {
  const Instant now = Clock::now();
  const std::size_t workers =
      condition_ ? condition_->workers : std::max<std::size_t>(1, beats_.size());
  for (std::size_t w = 0; w < workers; ++w) {
    const Instant last = w < beats_.size() ? std::max(beats_[w], connected_at_) : connected_at_;
    if (now - last <= settings_.hang) continue;
    hung_at_ = now;
    return fmt::format("hangs: worker {} has not turned for {} ms", w, to_milliseconds(now - last));
  }
  using enum pulse::Condition::Fitness;
  if (!condition_) return {};
  if (hung_at_ != Instant{} && now - hung_at_ < kTrustAfter) return "hung a moment ago";
  if (condition_->fitness == kStopping) return "is stopping";
  if (condition_->fitness == kNotReady && settings_.needs_ready)
    return fmt::format("is not ready: {}", condition_->why);
  return {};
}

void PulseWatch::become(std::string why) {
  const bool is_full = condition_ && condition_->fitness == pulse::Condition::Fitness::kExhausted;
  const bool room_changed = change(room_, is_full ? condition_->why : std::string());
  if (change(tracked_, std::move(why)) || room_changed) on_change_();
}

/// @return whether it has become another.
bool PulseWatch::change(machine::Tracked& tracked, std::string why) {
  if (without_numbers(why) == without_numbers(tracked.why)) return false;
  tracked.is_ok = why.empty();
  tracked.why = std::move(why);
  return true;
}

}  // namespace tandem::failover
