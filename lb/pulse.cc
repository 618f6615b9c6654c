#include "lb/pulse.h"

#include "common/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <utility>

namespace tandem::lb {
namespace {

// The table of descriptors grows to the highest number: half a megabyte at most.
constexpr rlim_t kNumberMax = 65'536;
constexpr int kNumbersSpare = 32;
// Taken from and told to one watcher before others get their turn.
constexpr int kPacketsPerTurn = 128;
// Of settings that a watcher has not taken yet: three of each of 50,000 servers, and some news.
constexpr std::size_t kUntoldMax = 200'000;

enum class Sent : std::uint8_t { kDone, kNoRoom, kGone };

Sent send_packet(int fd, const std::string& packet) {
  const ssize_t count = ::send(fd, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) return Sent::kDone;
  return errno == EAGAIN || errno == EINTR ? Sent::kNoRoom : Sent::kGone;
}

/// False: the watcher has gone. One who does not read misses beats; that is its affair.
bool send_news(int fd, const std::string& packet) { return send_packet(fd, packet) != Sent::kGone; }

/// Of Unix sockets so defined: POLLOUT while no more than a quarter of the buffer is in use. An
/// edge comes when the watcher has read.
bool has_room(int fd) {
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&room, 1, 0) > 0 && (room.revents & POLLOUT) != 0;
}

/// When a process is killed the kernel closes its descriptors from the highest number down, so that
/// a watcher with a low one hears of it after every client: 186 ms later with 9,000 of them
/// (measured), 14 ms with a high one.
FileDescriptor with_high_number(FileDescriptor fd) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fd;
  const auto least = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, kNumberMax)) - kNumbersSpare;
  FileDescriptor high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, std::max(least, 0)));
  return high ? std::move(high) : std::move(fd);
}

}  // namespace

// ---- Heart -------------------------------------------------------------------------------------

Heart::Heart(event::Loop& loop, std::uint16_t worker)
    : worker_(worker), timer_(loop, [this] { beat(); }) {}

void Heart::beat_for(Watcher watcher, Milliseconds period) {
  watchers_.push_back(std::move(watcher));
  timer_.start_periodic(Duration::zero(), period);
}

void Heart::beat() {
  const std::string packet = pulse::encode(
      pulse::Beat{.worker = worker_, .thread = static_cast<std::uint32_t>(::gettid())});
  std::erase_if(watchers_,
                [&packet](const Watcher& watcher) { return !send_news(watcher->get(), packet); });
  if (watchers_.empty()) timer_.stop();
}

// ---- one watcher -------------------------------------------------------------------------------

class PulseListener::Peer final : public event::Socket {
 public:
  Peer(event::Poller& poller, PulseListener& owner)
      : Socket(poller), owner_(owner), timer_(poller.loop(), [this] { tell(); }) {}
  ~Peer() override { close_here(); }

  void begin(int fd) {
    attach(fd);
    if (!watch()) return end();
    on_ready();
  }

  void tell() {
    if (!greeted_ || !is_open()) return;
    if (!send_news(fd(), pulse::encode(owner_.callbacks_.condition()))) end();
  }

  void tell(const pulse::ServerSetting& setting) {
    if (!greeted_ || !is_open()) return;
    queue(setting);
    send_untold();
  }

  [[nodiscard]] const std::vector<IpAddress>& leaving() const noexcept { return leaving_; }

 private:
  void on_ready() override {
    read_packets();
    send_untold();
  }

  void read_packets() {
    for (int i = 0; is_open(); ++i) {
      if (i == kPacketsPerTurn) return poller().again(*this);
      std::array<char, pulse::kPacketBytesMax> bytes;
      const event::Transfer transfer = read(bytes);
      if (transfer.status == event::Transfer::Status::kBlocked) return;
      if (transfer.status != event::Transfer::Status::kDone) return end();
      const auto packet = pulse::decode(std::span(bytes).first(transfer.bytes));
      if (!packet || !take(*packet)) {
        log::warning("a client of the pulse socket speaks another language: closed");
        return end();
      }
    }
  }

  /// False: it does not belong here.
  [[nodiscard]] bool take(const pulse::Packet& packet) {
    const Callbacks& callbacks = owner_.callbacks_;
    if (const auto* hello = std::get_if<pulse::Hello>(&packet)) {
      if (greeted_) return false;
      greet(*hello);
      return true;
    }
    if (!greeted_) return false;
    if (const auto* setting = std::get_if<pulse::ServerSetting>(&packet)) {
      if (callbacks.on_setting) callbacks.on_setting(*setting);
      return true;
    }
    if (const auto* leaving = std::get_if<pulse::Leaving>(&packet)) {
      leaving_ = leaving->addresses;
      owner_.look_who_leaves();
      return true;
    }
    if (const auto* picture = std::get_if<pulse::Picture>(&packet)) {
      if (callbacks.on_picture) callbacks.on_picture(*picture);
      return true;
    }
    return false;
  }

  void greet(const pulse::Hello& hello) {
    FileDescriptor shared(::fcntl(fd(), F_DUPFD_CLOEXEC, fd()));
    if (!shared) return end();
    greeted_ = true;
    owner_.callbacks_.beat_for(std::make_shared<const FileDescriptor>(std::move(shared)),
                               hello.period);
    tell();
    timer_.start_periodic(hello.period, hello.period);
    if (!owner_.callbacks_.settings) return;
    for (const pulse::ServerSetting& setting : owner_.callbacks_.settings()) queue(setting);
  }

  void queue(const pulse::ServerSetting& setting) { untold_.push_back(pulse::encode(setting)); }

  /// Leaves most of the socket's buffer free: beats must not find it full.
  void send_untold() {
    if (is_open() && untold_.size() > kUntoldMax) {
      log::warning("a watcher of the pulse socket does not read: closed");
      return end();
    }
    for (int i = 0; is_open() && !untold_.empty(); ++i) {
      if (i == kPacketsPerTurn) return poller().again(*this);
      if (!has_room(fd())) return;
      const Sent sent = send_packet(fd(), untold_.front());
      if (sent == Sent::kGone) return end();
      if (sent == Sent::kNoRoom) return;
      untold_.pop_front();
    }
  }

  void end() {
    timer_.stop();
    close_here();
    std::erase(owner_.told_, this);
    owner_.look_who_leaves();
    if (owner_.told_.empty() && owner_.callbacks_.on_alone) owner_.callbacks_.on_alone();
    owner_.peers_.retire(*this);
  }

  /// The workers still have the connection open: closing our own descriptor would leave it
  /// registered with the poller.
  void close_here() {
    if (!is_open()) return;
    ::shutdown(fd(), SHUT_RDWR);
    const FileDescriptor closed(detach());
  }

  PulseListener& owner_;
  event::Timer timer_;
  bool greeted_ = false;
  std::deque<std::string> untold_;
  std::vector<IpAddress> leaving_;
};

// ---- PulseListener -----------------------------------------------------------------------------

PulseListener::PulseListener(event::Poller& poller, Callbacks callbacks)
    : Socket(poller), callbacks_(std::move(callbacks)) {
  peers_.when_room([this] { this->poller().again(*this); });
}

PulseListener::~PulseListener() = default;

Result<void> PulseListener::listen(const SocketAddress& address) {
  FileDescriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const std::string key = "/failover/track/lb/bind: ";
  if (!fd) return fail(key + std::strerror(errno));
  auto file = UnixSocketFile::listen(fd.get(), address, {.backlog = 16, .mode = 0600});
  if (!file) return fail(key + file.error().message);
  file_ = std::move(*file);
  attach(fd.release());
  if (!watch()) return fail(key + std::strerror(errno));
  return {};
}

void PulseListener::tell() {
  for (Peer* peer : std::vector(told_)) peer->tell();
}

void PulseListener::tell(const pulse::ServerSetting& setting) {
  for (Peer* peer : std::vector(told_)) peer->tell(setting);
}

void PulseListener::look_who_leaves() {
  std::vector<IpAddress> now;
  for (const Peer* peer : told_)
    now.insert(now.end(), peer->leaving().begin(), peer->leaving().end());
  std::ranges::sort(now);
  now.erase(std::ranges::unique(now).begin(), now.end());
  if (now == leaving_) return;
  leaving_ = std::move(now);
  if (callbacks_.on_leaving) callbacks_.on_leaving(leaving_);
}

void PulseListener::on_ready() {
  while (is_open() && peers_.has_room()) {
    FileDescriptor accepted(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted && errno == EINTR) continue;
    if (!accepted) return;
    auto peer = std::make_unique<Peer>(poller(), *this);
    Peer& begun = *peer;
    told_.push_back(&begun);
    peers_.add(std::move(peer));
    begun.begin(with_high_number(std::move(accepted)).release());
  }
}

}  // namespace tandem::lb
