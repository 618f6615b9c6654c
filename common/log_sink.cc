#include "common/log_sink.h"

#include "common/address.h"
#include "common/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace tandem {
namespace {

std::uint64_t count_lines(std::string_view lines) {
  return static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
}

bool wait_writable(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, LogSink::kPatienceMilliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && (waiting.revents & POLLOUT) != 0;
}

/// A file or a standard stream. Pipes and terminals get pieces of at most PIPE_BUF bytes after a
/// poll: such a write never blocks, so a reader that has stopped cannot hold the process up.
class StreamSink : public LogSink {
 public:
  explicit StreamSink(FileDescriptor fd) { use(std::move(fd)); }

  std::uint64_t write(std::string_view lines) override {
    while (!lines.empty()) {
      if (may_block_ && !wait_writable(fd_.get())) return lose(lines);
      const std::string_view piece = may_block_ ? short_piece(lines) : lines;
      const ssize_t written = ::write(fd_.get(), piece.data(), piece.size());
      if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (written <= 0) return lose(lines);
      lines.remove_prefix(static_cast<std::size_t>(written));
      mid_line_ = piece[static_cast<std::size_t>(written) - 1] != '\n';
    }
    return 0;
  }

 protected:
  void use(FileDescriptor fd) {
    fd_ = std::move(fd);
    struct stat status{};
    may_block_ = ::fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  /// Ends at a line break where there is one, so that other writers of the stream (the process log
  /// on stderr) come between lines and not into them.
  static std::string_view short_piece(std::string_view lines) {
    if (lines.size() <= PIPE_BUF) return lines;
    const std::size_t line_break = lines.rfind('\n', PIPE_BUF - 1);
    return lines.substr(0, line_break == std::string_view::npos ? PIPE_BUF : line_break + 1);
  }

  /// `rest` is lost. A line of which a part was written is ended, or the next one would be read as
  /// its tail.
  std::uint64_t lose(std::string_view rest) {
    if (mid_line_ && (!may_block_ || wait_writable(fd_.get())))
      mid_line_ = ::write(fd_.get(), "\n", 1) != 1;
    return count_lines(rest);
  }

  FileDescriptor fd_;
  bool may_block_ = false;
  bool mid_line_ = false;
};

Result<FileDescriptor> open_file(const std::string& path) {
  FileDescriptor fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
  if (!fd) return fail(fmt::format("cannot open \"{}\": {}", path, std::strerror(errno)));
  return fd;
}

/// A file that log rotation may move away at any time.
class FileSink final : public StreamSink {
 public:
  FileSink(FileDescriptor fd, std::string path)
      : StreamSink(std::move(fd)), path_(std::move(path)) {}

  void refresh() override {
    struct stat named{};
    struct stat opened{};
    const bool same = ::stat(path_.c_str(), &named) == 0 && ::fstat(fd(), &opened) == 0 &&
                      named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
    if (same) return;
    // A path that cannot be opened now keeps the old file: a line there is better than none.
    if (auto reopened = open_file(path_)) use(std::move(*reopened));
  }

 private:
  std::string path_;
};

/// A datagram for each line, to the socket of a daemon here or over UDP.
class SyslogSink final : public LogSink {
 public:
  SyslogSink(const SocketAddress& address, const LogTarget& target)
      : address_(address), tag_(target.tag), facility_(target.facility) {
    connect();
  }

  std::uint64_t write(std::string_view lines) override {
    std::uint64_t lost = 0;
    while (!lines.empty()) {
      const std::size_t line_break = std::min(lines.find('\n'), lines.size() - 1);
      if (!send(lines.substr(0, line_break))) ++lost;
      lines.remove_prefix(line_break + 1);
    }
    return lost;
  }

  void refresh() override {
    if (!fd_) connect();
  }

 private:
  void connect() {
    fd_ = FileDescriptor(::socket(address_.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd_ && ::connect(fd_.get(), address_.data(), address_.size()) != 0) fd_.reset();
  }

  bool send(std::string_view line) {
    if (!fd_) return false;
    const std::int64_t now = ::time(nullptr);
    if (now != header_at_) {
      header_ = syslog_header(facility_, tag_, now, ::getpid());
      header_at_ = now;
    }
    datagram_.assign(header_).append(line);
    while (::send(fd_.get(), datagram_.data(), datagram_.size(), MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if ((errno == EAGAIN || errno == ENOBUFS) && wait_writable(fd_.get())) continue;
      // A Unix socket whose daemon has ended stays dead: refresh() looks for the new one. UDP
      // reports what an earlier datagram met, and the next one may arrive.
      if (address_.is_unix() && errno != EAGAIN && errno != EMSGSIZE) fd_.reset();
      return false;
    }
    return true;
  }

  SocketAddress address_;
  std::string tag_;
  int facility_;
  FileDescriptor fd_;
  std::int64_t header_at_ = -1;
  std::string header_;
  std::string datagram_;
};

Result<std::unique_ptr<LogSink>> open_standard_stream(int fd) {
  FileDescriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy)
    return fail(fmt::format("cannot write to descriptor {}: {}", fd, std::strerror(errno)));
  return std::make_unique<StreamSink>(std::move(copy));
}

Result<std::unique_ptr<LogSink>> open_syslog(const LogTarget& target) {
  const bool is_path = target.path.starts_with('/');
  auto address = SocketAddress::parse(is_path ? "unix:" + target.path : target.path, true);
  if (!address) return fail(fmt::format("syslog \"{}\": {}", target.path, address.error().message));
  return std::make_unique<SyslogSink>(*address, target);
}

}  // namespace

Result<std::unique_ptr<LogSink>> open_log_sink(const LogTarget& target) {
  switch (target.kind) {
    case LogTarget::Kind::kStdout:
      return open_standard_stream(STDOUT_FILENO);
    case LogTarget::Kind::kStderr:
      return open_standard_stream(STDERR_FILENO);
    case LogTarget::Kind::kSyslog:
      return open_syslog(target);
    case LogTarget::Kind::kFile:
      break;
  }
  auto fd = open_file(target.path);
  if (!fd) return std::unexpected(fd.error());
  return std::make_unique<FileSink>(std::move(*fd), target.path);
}

std::string syslog_header(int facility, std::string_view tag, std::int64_t unix_time, int pid) {
  static constexpr int kInformational = 6;
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = unix_time;
  tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("<{}>{} {:2} {:02}:{:02}:{:02} {}[{}]: ", facility * 8 + kInformational,
                     kMonths[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min,
                     local.tm_sec, tag, pid);
}

}  // namespace tandem
