// LogSink: where finished lines end up: a file, a standard stream, or a syslog daemon (RFC 3164).
// Sinks may wait, for a bounded time, and therefore live on the thread of the LogWriter.
#pragma once

#include "common/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tandem {

/// Where lines go.
struct LogTarget {
  enum class Kind : std::uint8_t { kStdout, kStderr, kFile, kSyslog };
  Kind kind = Kind::kStderr;
  std::string path;            // file; or syslog: socket path ("/dev/log") or UDP "host:port"
  std::string tag = "tandem";  // syslog only
  int facility = 16;           // syslog only; 16: local0
};

/// Thread: the writer's.
class LogSink {
 public:
  virtual ~LogSink() = default;

  /// Writes `lines`: whole lines, each ended by '\n'. Returns how many of them were lost. Waits at
  /// most kPatience for a reader that does not read.
  [[nodiscard]] virtual std::uint64_t write(std::string_view lines) = 0;

  /// Called about once a second while lines are written: a file that was renamed or removed is
  /// opened anew, a syslog daemon that went away is looked for again.
  virtual void refresh() {}

  static constexpr int kPatienceMilliseconds = 1'000;
};

/// Opens `target`. A syslog daemon that is not there yet is no error: lines are lost, and counted,
/// until it is. Errors: what the system said about the path.
[[nodiscard]] Result<std::unique_ptr<LogSink>> open_log_sink(const LogTarget& target);

/// RFC 3164 section 4.1.1 and 4.1.2 without a host name, as HAProxy sends it:
/// "<134>Nov 21 11:01:40 tag[pid]: ". Severity is always informational (6).
[[nodiscard]] std::string syslog_header(int facility, std::string_view tag, std::int64_t unix_time,
                                        int pid);

}  // namespace tandem
