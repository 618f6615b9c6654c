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
// The rest waits for the next turn: a list of all servers must not keep the timers of others.
constexpr int kPacketsPerTurn = 256;

/// Two faults are one and the same as long as only their numbers differ: "for 212 ms" grows.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

/// The process that listens at the other end of a Unix socket; 0 if the kernel does not say.
std::int32_t process_behind(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 ? credentials.pid : 0;
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
  process_ = process_behind(fd.get());
  attach(fd.release());
  if (!watch()) return lose("cannot be watched: no memory");
  expected_at_ = connected_at_ + period();
  timer_.start_periodic(period(), period());
  if (exchange_.on_connected) exchange_.on_connected();
  drain();
}

void PulseWatch::lose(std::string why) {
  close();
  condition_.reset();
  workers_.clear();
  is_known_ = true;
  timer_.start(kRetryEvery);
  become(std::move(why));
}

void PulseWatch::on_ready() {
  drain();
  if (is_open() && writable() && exchange_.on_room) exchange_.on_room();
}

bool PulseWatch::send(const pulse::Packet& packet) {
  if (!is_open() || !writable()) return false;
  std::string bytes = pulse::encode(packet);
  const iovec whole{.iov_base = bytes.data(), .iov_len = bytes.size()};
  return write({&whole, 1}).status == event::Transfer::Status::kDone;
}

void PulseWatch::drain() {
  std::array<char, pulse::kPacketBytesMax> bytes;
  for (int i = 0; is_open(); ++i) {
    if (i == kPacketsPerTurn) return poller().again(*this);
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
    if (workers_.size() <= beat->worker) workers_.resize(beat->worker + 1U);
    workers_[beat->worker] = {
        .beat = Clock::now(), .thread = beat->thread, .ran_before = std::nullopt};
  } else if (const auto* condition = std::get_if<pulse::Condition>(&packet)) {
    condition_ = *condition;
  } else if (const auto* setting = std::get_if<pulse::ServerSetting>(&packet)) {
    if (exchange_.on_setting) exchange_.on_setting(*setting);
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
    for (Worker& worker : workers_) worker.beat = std::max(worker.beat, now);
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

/// Who has not turned for too long; empty: everybody turns.
std::string PulseWatch::silence() {
  const Instant now = Clock::now();
  const std::size_t count =
      condition_ ? condition_->workers : std::max<std::size_t>(1, workers_.size());
  for (std::size_t w = 0; w < count; ++w) {
    const bool has_beaten = w < workers_.size();
    const Duration silent =
        now - (has_beaten ? std::max(workers_[w].beat, connected_at_) : connected_at_);
    if (has_beaten && is_starved(silent, workers_[w])) continue;
    if (silent <= settings_.hang) continue;
    hung_at_ = now;
    return fmt::format("hangs: worker {} has not turned for {} ms", w, to_milliseconds(silent));
  }
  return {};
}

/// Asked from half the hang time on, so that there are two looks to compare. Whoever has run for a
/// quarter of it in between had the time to turn.
bool PulseWatch::is_starved(Duration silent, Worker& worker) const {
  if (silent <= settings_.hang / 2 || silent > kStarvedMost * settings_.hang) return false;
  if (process_ == 0 || worker.thread == 0) return false;
  const auto time = settings_.thread_time(process_, worker.thread);
  if (!time || !time->wants_to_run) return false;
  if (!worker.ran_before) worker.ran_before = time->ran;
  return time->ran - *worker.ran_before < settings_.hang / 4;
}

/// Empty: nothing is wrong.
std::string PulseWatch::fault() {
  const Instant now = Clock::now();
  if (std::string silent = silence(); !silent.empty()) return silent;
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
