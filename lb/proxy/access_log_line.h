// LogLine: a line of bounded length that is built piece by piece, with the escaping each log format
// needs; DateCache: wall-clock seconds as text. Both belong to one worker and allocate nothing.
#pragma once

#include "common/address.h"
#include "common/log_writer.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy {

/// How foreign bytes are made harmless.
enum class Escape : std::uint8_t {
  kHash,  // HAProxy's: '"', '#', controls and bytes from 127 on as #XX
  kJson,  // RFC 8259 section 7; bytes from 127 on as \u00XX, so that the line is always UTF-8
  kClf,   // Apache's: '"' and '\' with a backslash, controls and bytes from 127 on as \xXX
};

/// Appends stop at the capacity, which the bounds of the formats' parts keep out of reach.
class LogLine {
 public:
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  LogLine& text(std::string_view text) noexcept;
  LogLine& character(char c) noexcept { return text({&c, 1}); }
  LogLine& number(std::int64_t number) noexcept;
  LogLine& number(std::uint64_t number) noexcept;
  /// With leading zeros, at least `digits` of them.
  LogLine& padded(unsigned number, unsigned digits) noexcept;
  /// At most `bytes_max` bytes of the line; cuts before an escape that would not fit whole.
  LogLine& escaped(std::string_view text, Escape escape, std::size_t bytes_max) noexcept;
  /// "192.0.2.1" or "2001:db8::1"; "unix" for Unix sockets; "-" for none.
  LogLine& host(const SocketAddress* address) noexcept;

 private:
  std::array<char, LogWriter::kLineBytesMax> bytes_;
  std::size_t size_ = 0;
};

/// The broken-down form of a second, kept until another second is asked for: localtime_r(3) takes a
/// lock and reads the zone.
class DateCache {
 public:
  /// "21/Nov/2026:11:01:40", local time.
  [[nodiscard]] std::string_view clf_local(std::chrono::system_clock::time_point at);
  /// "+0100", of the second last asked for.
  [[nodiscard]] std::string_view zone() const noexcept { return {zone_.data(), zone_.size()}; }
  /// "2026-11-21T11:01:40", UTC.
  [[nodiscard]] std::string_view iso_utc(std::chrono::system_clock::time_point at);

  /// Milliseconds past the second.
  [[nodiscard]] static unsigned milliseconds(std::chrono::system_clock::time_point at) noexcept;

 private:
  std::int64_t second_ = INT64_MIN;
  std::size_t length_ = 0;
  std::array<char, 32> text_{};
  std::array<char, 5> zone_{'+', '0', '0', '0', '0'};
};

}  // namespace tandem::lb::proxy
