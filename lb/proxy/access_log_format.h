// LineFormatter: an Outcome as a line of the access log, in the formats people's tools read. Pure
// apart from a cached date. Whatever a client sent is escaped, so that no request can forge a line
// or a field of one.
#pragma once

#include "common/log_writer.h"
#include "lb/config/snapshot.h"
#include "lb/proxy/outcome.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy {

/// One for each worker; allocates nothing after construction.
class LineFormatter {
 public:
  LineFormatter(const config::Snapshot& snapshot, config::AccessLog::Format format) noexcept
      : snapshot_(snapshot), format_(format) {}

  /// The line with its '\n', at most kLogLineBytesMax bytes: long targets, hosts and agents are cut
  /// so that the line stays well-formed. Valid until the next call.
  [[nodiscard]] std::string_view format(const Outcome& outcome);

 private:
  /// Broken-down time of the last second that was asked for: localtime_r(3) takes a lock.
  struct Second {
    std::int64_t at = -1;
    std::array<char, 24> text;  // 21/Nov/2026:11:01:40, or 2026-11-21T11:01:40
    std::uint8_t length = 0;
    std::array<char, 8> zone;  // +0000
  };

  const config::Snapshot& snapshot_;
  config::AccessLog::Format format_;
  Second second_;
  std::array<char, kLogLineBytesMax> line_;
};

}  // namespace tandem::lb::proxy
