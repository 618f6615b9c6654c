// FieldSection: what request and response heads share below the start line. It finds field lines
// at whatever byte the buffer breaks off and keeps account of the fields that frame a message or
// end at this hop. Internal to http.
#pragma once

#include "http/message.h"

#include <cstddef>
#include <cstdint>

namespace tandem::http {

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
  /// Notes the first error. `status` is for requests; responses are always refused with 502.
  Seen fail(int status, const char* detail, std::uint32_t position) noexcept;

  [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
  /// Content-Length is written without needless zeros.
  [[nodiscard]] bool length_as_is() const noexcept { return length_as_is_; }
  /// What the message says about its connection, with the default of its version (RFC 9112 §9.3).
  [[nodiscard]] bool keep_alive(std::uint8_t version) const noexcept {
    return !has_close_ && (version >= 11 || has_keep_alive_);
  }
  /// Connection: upgrade, which counts only beside an Upgrade field.
  [[nodiscard]] bool has_upgrade_option() const noexcept { return has_upgrade_option_; }
  /// Value of Host in a request, valid by its grammar; empty: none.
  [[nodiscard]] Slice host() const noexcept { return host_; }

 private:
  enum class Stage : std::uint8_t { kName, kValueStart, kValue, kValueEnd, kHeadEnd };

  /// Reads lines as long as they are complete and as everyone writes them, with everything in
  /// registers. Where one is not, it stops before it, for read() to go on byte by byte. False:
  /// refused, fail() was called.
  bool read_plain_lines(const char* base, std::uint32_t size, std::uint32_t fields_max,
                        MessageHead& head) noexcept;
  Seen refuse_name(const char* base, std::uint32_t at, const FieldList& fields) noexcept;
  Seen refuse_value(const char* base, std::uint32_t at) noexcept;
  Seen finish(const char* base, std::uint32_t position, MessageHead& head) noexcept;
  bool take_line(const char* base, std::uint32_t line_end, std::uint32_t fields_max,
                 MessageHead& head) noexcept;
  bool take_special(const char* base, const Field& field, const MessageHead& head) noexcept;
  bool take_connection(const char* base, const Field& field) noexcept;
  bool take_length(const char* base, const Field& field, const FieldList& fields) noexcept;
  bool take_coding(const char* base, const Field& field, const MessageHead& head) noexcept;
  bool take_host(const char* base, const Field& field, const FieldList& fields) noexcept;

  ParseError error_;
  std::uint64_t length_ = 0;
  std::uint32_t position_ = 0;  // first byte not looked at
  std::uint32_t name_begin_ = 0;
  std::uint32_t name_end_ = 0;
  std::uint32_t value_begin_ = 0;
  Slice host_{};
  Stage stage_ = Stage::kName;
  Role role_;
  std::uint8_t nominations_ = 0;
  bool length_as_is_ = false;
  bool has_close_ = false;
  bool has_keep_alive_ = false;
  bool has_upgrade_option_ = false;
};

}  // namespace tandem::http
