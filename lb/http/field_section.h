// FieldSection: what request and response heads share below the start line. It finds field lines
// at whatever byte the buffer breaks off and keeps account of the fields that frame a message or
// end at this hop. Internal to lb/http.
#pragma once

#include "lb/http/message.h"

#include <cstddef>
#include <cstdint>

namespace tandem::lb::http {

/// Why a message was refused: answer `status`, close, forward nothing.
struct ParseError {
  int status = 0;            // requests: 400, 405, 414, 431, 501, 505; responses: 502
  const char* detail = "";   // static words for the log
  std::size_t position = 0;  // of the first byte that could not stand, from the message's start
};

/// Most options of Connection that name fields, over all Connection fields of a head; more are
/// refused. It bounds the work of matching them with fields; real messages have one or two.
inline constexpr std::uint32_t kNominationsMax = 16;

/// A few dozen bytes, all of them values.
class FieldSection {
 public:
  /// Which message's rules hold; a response is refused with 502, whatever is wrong with it.
  enum class Role : std::uint8_t { kRequest, kResponse };
  enum class Seen : std::uint8_t { kNeedMore, kEnd, kError };

  explicit FieldSection(Role role) noexcept : role_(role) {}

  /// The first field line starts at `position` (right behind the start line).
  void begin(std::uint32_t position) noexcept;
  /// Reads on to the end of the head; fills head.fields and counts what frames the message.
  /// [base, base + end) is all there is so far.
  [[nodiscard]] Seen read(const char* base, std::uint32_t end, std::uint32_t fields_max,
                          MessageHead& head) noexcept;

  /// Offset behind the empty line, after kEnd.
  [[nodiscard]] std::uint32_t position() const noexcept { return position_; }
  [[nodiscard]] const ParseError& error() const noexcept { return error_; }
  Seen fail(int status, const char* detail, std::uint32_t position) noexcept;

  [[nodiscard]] bool has_length() const noexcept { return has_length_; }
  [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
  [[nodiscard]] bool is_chunked() const noexcept { return has_coding_; }
  [[nodiscard]] bool has_close() const noexcept { return has_close_; }
  [[nodiscard]] bool has_keep_alive() const noexcept { return has_keep_alive_; }
  /// Connection: upgrade beside at least one Upgrade field.
  [[nodiscard]] bool has_upgrade() const noexcept { return has_upgrade_option_ && has_upgrade_; }
  [[nodiscard]] bool has_host() const noexcept { return has_host_; }

 private:
  enum class Stage : std::uint8_t { kName, kValueStart, kValue, kValueEnd, kHeadEnd };

  Seen take(const char* base, const Field& field, MessageHead& head) noexcept;
  Seen take_connection(const char* base, const Field& field) noexcept;
  Seen take_length(const char* base, const Field& field) noexcept;
  Seen take_coding(const char* base, const Field& field, std::uint8_t version) noexcept;
  Seen take_host(const char* base, const Field& field, MessageHead& head) noexcept;
  void mark_nominated(const char* base, FieldList& fields) const noexcept;

  ParseError error_;
  std::uint64_t length_ = 0;
  std::uint32_t position_ = 0;  // first byte not looked at
  std::uint32_t name_begin_ = 0;
  std::uint32_t name_end_ = 0;
  std::uint32_t value_begin_ = 0;
  Stage stage_ = Stage::kName;
  Role role_;
  std::uint8_t nominations_ = 0;
  bool has_length_ = false;
  bool has_coding_ = false;
  bool has_close_ = false;
  bool has_keep_alive_ = false;
  bool has_upgrade_option_ = false;
  bool has_upgrade_ = false;
  bool has_host_ = false;
};

}  // namespace tandem::lb::http
