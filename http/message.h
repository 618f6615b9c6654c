// A parsed HTTP message head: methods, fields and framing as slices of the caller's buffer.
// It owns no bytes and allocates nothing; the buffer may be moved or copied, since every slice is
// an offset that becomes a view only together with a base pointer. Thread: any, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::http {

/// Methods that change what a proxy does; every other token is kOther and passes (RFC 9110 §9).
enum class Method : std::uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther,
};

/// Methods are case-sensitive: "get" is kOther (RFC 9110 §9.1).
[[nodiscard]] Method method_from(std::string_view name) noexcept;
/// RFC 9110 §9.2.1: asks for no change at the server.
[[nodiscard]] bool is_safe(Method method) noexcept;
/// RFC 9110 §9.2.2: may be sent again after a failure that left its fate unknown. kOther is not.
[[nodiscard]] bool is_idempotent(Method method) noexcept;

/// Bytes [offset, offset + length) of the buffer that the message starts in.
struct Slice {
  std::uint32_t offset;
  std::uint32_t length;

  [[nodiscard]] bool empty() const noexcept { return length == 0; }
  [[nodiscard]] std::uint32_t end() const noexcept { return offset + length; }
  [[nodiscard]] std::string_view in(const char* base) const noexcept {
    return {base + offset, length};
  }
};

/// The fields that matter to a proxy.
enum class FieldId : std::uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kCookie,
  kDate,
  kExpect,
  kHost,
  kHttp2Settings,
  kKeepAlive,
  kProxyConnection,
  kSetCookie,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kXForwardedFor,
};

/// field_id() for a name of a length that some field with an id has.
[[nodiscard]] FieldId field_id_of_known_length(std::string_view name) noexcept;

/// Ignores case. `name` must be a token already: no other bytes are told apart.
[[nodiscard]] inline FieldId field_id(std::string_view name) noexcept {
  constexpr std::uint32_t kKnownLengths =
      1U << 2 | 1U << 4 | 1U << 6 | 1U << 7 | 1U << 10 | 1U << 14 | 1U << 15 | 1U << 16 | 1U << 17;
  const bool may_be_known = name.size() < 32 && (kKnownLengths >> name.size() & 1U) != 0;
  return may_be_known ? field_id_of_known_length(name) : FieldId::kOther;
}

struct Field {
  Slice name;
  Slice value;  // without whitespace at either end
  FieldId id;
  bool named_by_connection;  // a Connection option names it: it ends at this hop (RFC 9110 §7.6.1)
  bool canonical;            // stands in the buffer as "Name: value\r\n" to the byte
};

/// Most fields a head can hold; more are refused with 431 (HAProxy: tune.http.maxhdr).
inline constexpr std::uint32_t kFieldCapacity = 101;

/// The fields of a head in order, in place. Copies cost what is used, not the capacity.
class FieldList {
 public:
  FieldList() noexcept {}  // fields_ stays unset on purpose: two kilobytes per message
  FieldList(const FieldList& other) noexcept { *this = other; }
  FieldList& operator=(const FieldList& other) noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }
  [[nodiscard]] const Field* begin() const noexcept { return fields_.data(); }
  [[nodiscard]] const Field* end() const noexcept { return fields_.data() + count_; }
  [[nodiscard]] Field* begin() noexcept { return fields_.data(); }
  [[nodiscard]] Field* end() noexcept { return fields_.data() + count_; }
  [[nodiscard]] const Field& operator[](std::uint32_t i) const noexcept { return fields_[i]; }

  /// At least one field of this id is there. Costs nothing; kOther is told too.
  [[nodiscard]] bool has(FieldId id) const noexcept { return ((seen_ >> bit(id)) & 1U) != 0; }

  /// A field of one of these ids is there; `ids` has a bit for each.
  [[nodiscard]] bool has_any(std::uint32_t ids) const noexcept { return (seen_ & ids) != 0; }
  /// All are canonical, hence stand in the buffer one behind the other, and none ends at this hop
  /// by name.
  [[nodiscard]] bool is_plain() const noexcept { return plain_; }
  void set_named_by_connection(Field& field) noexcept {
    field.named_by_connection = true;
    plain_ = false;
  }

  void clear() noexcept {
    count_ = 0;
    seen_ = 0;
    plain_ = true;
  }
  /// The places behind the last field, for fields that are filled in before they are taken in.
  [[nodiscard]] std::span<Field> free_places() noexcept {
    return std::span(fields_).subspan(count_);
  }
  /// The first of free_places() is a field now, its id included.
  void take_place() noexcept {
    const Field& field = fields_[count_++];
    seen_ |= 1U << bit(field.id);
    plain_ = plain_ && field.canonical;
  }
  /// @return false when the list is full.
  bool push(const Field& field) noexcept {
    if (count_ == kFieldCapacity) return false;
    fields_[count_] = field;
    take_place();
    return true;
  }

 private:
  static constexpr unsigned bit(FieldId id) noexcept { return static_cast<unsigned>(id); }

  std::uint32_t count_ = 0;
  std::uint32_t seen_ = 0;  // one bit for each FieldId
  bool plain_ = true;
  std::array<Field, kFieldCapacity> fields_;
};

/// Bounds of one message; what is over them is refused with the status in brackets.
struct Limits {
  std::uint32_t head_bytes_max = 15'360;      // start line and fields [431; 414 within the line]
  std::uint32_t line_bytes_max = 15'360;      // request line without CRLF [414]
  std::uint32_t fields_max = kFieldCapacity;  // [431]; at most kFieldCapacity
  std::uint32_t chunk_extension_bytes_max = 4'096;  // over one message [400]
  std::uint32_t trailer_bytes_max = 8'192;          // whole trailer section [431]
};

/// How the end of a body is told (RFC 9112 §6.3).
struct BodyFraming {
  enum class Kind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;  // kLength: bytes of the body

  /// No body bytes follow the head.
  [[nodiscard]] bool is_empty() const noexcept {
    return kind == Kind::kNone || (kind == Kind::kLength && length == 0);
  }
  friend bool operator==(const BodyFraming&, const BodyFraming&) = default;
};

/// What requests and responses share. `base` below is where the message's first byte stands now.
struct MessageHead {
  FieldList fields;
  BodyFraming framing;
  std::uint32_t head_bytes = 0;  // through the empty line that ends the head
  std::uint8_t version = 11;     // 10 or 11, higher minor ones too (RFC 9110 §2.5); 20
  bool keep_alive = false;       // the peer is willing to go on after this message
  bool length_as_is = false;     // Content-Length is written as we would write it
  bool upgrade = false;  // request: asks for a protocol we may tunnel; response: it is a 101

  [[nodiscard]] std::string_view view(const char* base, Slice slice) const noexcept {
    return slice.in(base);
  }
  /// First field of that name in any case; nullptr: none.
  [[nodiscard]] const Field* find(const char* base, std::string_view name) const noexcept;
  [[nodiscard]] const Field* find(FieldId id) const noexcept;
  /// Value of the first field of that name; nullopt: none.
  [[nodiscard]] std::optional<std::string_view> value_of(const char* base,
                                                         std::string_view name) const noexcept;

 protected:
  void clear_shared() noexcept;
};

/// How a request names its target (RFC 9112 §3.2). authority-form (CONNECT) is refused.
enum class TargetForm : std::uint8_t { kOrigin, kAbsolute, kAsterisk };

struct RequestHead : MessageHead {
  Method method = Method::kOther;
  TargetForm form = TargetForm::kOrigin;
  bool expect_continue = false;  // the client waits for 100 before its body (never for HTTP/1.0)
  Slice method_name{};
  Slice target{};     // as written
  Slice authority{};  // host[:port] of the absolute form, else of Host; empty: HTTP/1.0 without
  Slice path{};       // origin form with query; may start with '?' or be empty in absolute form

  /// Path and query as a server shall see them without the missing "/" ("*" for OPTIONS *).
  [[nodiscard]] std::string_view path_and_query(const char* base) const noexcept;
  /// Up to the first '?'; "/" where the target has none, "*" for OPTIONS *.
  [[nodiscard]] std::string_view path_only(const char* base) const noexcept;
  /// After the first '?'; empty: none.
  [[nodiscard]] std::string_view query(const char* base) const noexcept;
  /// Host in the case it was written, without the port; "[::1]" keeps its brackets.
  [[nodiscard]] std::string_view host(const char* base) const noexcept;
  /// Value of the first parameter of that name, undecoded; nullopt: not there. "a" of "?a&b" is "".
  [[nodiscard]] std::optional<std::string_view> query_parameter(
      const char* base, std::string_view name) const noexcept;
  /// Value of the first cookie of that name over all Cookie fields; nullopt: not there.
  [[nodiscard]] std::optional<std::string_view> cookie(const char* base,
                                                       std::string_view name) const noexcept;

  /// Ready for the next message; keeps nothing.
  void clear() noexcept;
};

struct ResponseHead : MessageHead {
  std::uint16_t status = 0;  // 100 to 599
  bool interim = false;      // 1xx other than 101: another head follows
  /// Content-Length of an answer that has no body (to HEAD, or 304): forwarded, never counted.
  std::optional<std::uint64_t> announced_length;
  Slice reason{};

  /// Ready for the next message; keeps nothing.
  void clear() noexcept;
};

}  // namespace tandem::http
