#include "common/jsonc.h"

#include "common/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <utility>

namespace tandem::jsonc {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none
/// (RFC 3629 section 4: no overlong forms, no surrogates, nothing past U+10FFFF).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first < 0xF0 || first > 0xF4) return 0;
  const bool overlong = first == 0xF0 && byte(1) < 0x90;
  const bool too_big = first == 0xF4 && byte(1) > 0x8F;
  return follows(1) && follows(2) && follows(3) && !overlong && !too_big ? 4 : 0;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What may stand in a bare word; only "true", "false" and "null" are good ones.
bool is_word(char c) {
  const char lower = to_lower(c);
  return is_digit(c) || c == '_' || (lower >= 'a' && lower <= 'z');
}

class Parser {
 public:
  Parser(std::string_view text, std::uint32_t source) : text_(text) { at_.source = source; }

  Document run() {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);  // a mark some editors leave
    document_.complete = skip_blank() && value(document_.root, 0) && skip_blank() && at_end();
    return std::move(document_);
  }

 private:
  [[nodiscard]] bool done() const { return next_ >= text_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return next_ + ahead < text_.size() ? text_[next_ + ahead] : '\0';
  }

  /// Over one whole character; false: it is not UTF-8.
  bool advance() {
    const std::size_t length = utf8_length(text_.substr(next_));
    if (length == 0) return fault("not UTF-8: save the file in that encoding");
    if (peek() == '\n') {
      ++at_.line;
      at_.column = 0;
    }
    ++at_.column;
    next_ += length;
    return true;
  }

  /// Over ASCII that holds no line break.
  void skip(std::size_t count) {
    next_ += count;
    at_.column += static_cast<int>(count);
  }

  bool fault_at(const Position& at, std::string message) {
    document_.faults.push_back({at, pointer_, std::move(message)});
    return false;
  }
  bool fault(std::string message) { return fault_at(at_, std::move(message)); }

  /// A fault that shows the character at hand: "…, not X".
  bool unexpected(std::string_view wanted) {
    if (done()) return fault(fmt::format("{} is expected, but the file ends here", wanted));
    const std::size_t length = utf8_length(text_.substr(next_));
    if (length == 0) return fault("not UTF-8: save the file in that encoding");
    const auto byte = static_cast<unsigned char>(peek());
    if (byte < 0x20 || byte == 0x7F)
      return fault(fmt::format("{} is expected, not the control character U+{:04X}", wanted, byte));
    return fault(fmt::format("{} is expected, not '{}'", wanted, text_.substr(next_, length)));
  }

  bool at_end() { return done() || unexpected("the end of the file"); }

  bool skip_comment() {
    const Position start = at_;
    const bool block = peek(1) == '*';
    skip(2);
    while (!done()) {
      if (!block && peek() == '\n') return true;
      if (block && peek() == '*' && peek(1) == '/') {
        skip(2);
        return true;
      }
      if (!advance()) return false;
    }
    return !block || fault_at(start, "this comment is never closed: \"*/\" is missing");
  }

  /// Blanks and comments.
  bool skip_blank() {
    for (;;) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        if (!advance()) return false;
      } else if (c == '/' && (peek(1) == '/' || peek(1) == '*')) {
        if (!skip_comment()) return false;
      } else {
        return true;
      }
    }
  }

  bool value(Value& out, int depth) {
    out.at = at_;
    if (depth > kDepthMax) return fault(fmt::format("nested deeper than {} levels", kDepthMax));
    const char c = peek();
    if (c == '{') return object(out, depth);
    if (c == '[') return array(out, depth);
    if (c == '"') {
      out.type = Type::kString;
      return string(out.text);
    }
    if (c == '-' || is_digit(c)) return number(out);
    return word(out);
  }

  bool word(Value& out) {
    std::size_t length = 0;
    while (is_word(peek(length))) ++length;
    const std::string_view found = text_.substr(next_, length);
    if (found == "true" || found == "false") {
      out.type = Type::kBoolean;
      out.boolean = found == "true";
    } else if (found != "null") {
      if (length == 0) return unexpected("a value");
      return fault(fmt::format("a value is expected, not {}: strings stand in double quotes",
                               found.substr(0, 40)));
    }
    skip(length);
    return true;
  }

  bool number(Value& out) {
    const std::size_t start = next_;
    const auto digits = [&] {
      const std::size_t first = next_;
      while (is_digit(peek())) skip(1);
      return next_ > first;
    };
    out.type = Type::kNumber;
    if (peek() == '-') skip(1);
    const bool leading_zero = peek() == '0' && is_digit(peek(1));
    bool good = digits() && !leading_zero;
    if (good && peek() == '.') {
      skip(1);
      good = digits();
    }
    if (good && (peek() == 'e' || peek() == 'E')) {
      skip(peek(1) == '+' || peek(1) == '-' ? 2 : 1);
      good = digits();
    }
    if (!good || is_word(peek()) || peek() == '.')
      return fault_at(out.at, "not a number as JSON writes it (a value with a unit is a string)");
    out.text = text_.substr(start, next_ - start);
    return true;
  }

  bool string(std::string& out) {
    const Position start = at_;
    skip(1);
    while (!done() && peek() != '"') {
      const auto byte = static_cast<unsigned char>(peek());
      if (byte == '\n' || byte == '\r')
        return fault_at(start, "this string is never closed: '\"' is missing");
      if (byte < 0x20)
        return fault(fmt::format("a control character in a string is written \\u{:04x}", byte));
      if (byte == '\\') {
        if (!escape(out)) return false;
        continue;
      }
      const std::size_t from = next_;
      if (!advance()) return false;
      out.append(text_.substr(from, next_ - from));
    }
    if (done()) return fault_at(start, "this string is never closed: '\"' is missing");
    skip(1);
    return true;
  }

  bool escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (peek(1) == 'u') return unicode_escape(out);
    const std::size_t index = kLetters.find(peek(1));
    if (index == std::string_view::npos || next_ + 1 >= text_.size())
      return fault("no such escape: a backslash itself is written \\\\");
    out.push_back(kMeanings[index]);
    skip(2);
    return true;
  }

  /// The four digits of "\uXXXX" that begin `ahead` characters from here.
  [[nodiscard]] std::optional<std::uint32_t> hex4(std::size_t ahead) const {
    const std::string_view digits =
        next_ + ahead < text_.size() ? text_.substr(next_ + ahead, 4) : std::string_view();
    std::uint32_t code = 0;
    const char* last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, code, 16);
    if (digits.size() != 4 || error != std::errc{} || end != last) return std::nullopt;
    return code;
  }

  bool unicode_escape(std::string& out) {
    const auto first = hex4(2);
    if (!first) return fault("four hexadecimal digits are expected after \\u");
    std::uint32_t code = *first;
    std::size_t length = 6;
    if (code >= 0xD800 && code <= 0xDFFF) {
      const std::uint32_t second = peek(6) == '\\' && peek(7) == 'u' ? hex4(8).value_or(0) : 0;
      if (code >= 0xDC00 || second < 0xDC00 || second > 0xDFFF)
        return fault("half of a surrogate pair: the other \\u is missing");
      code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
      length = 12;
    }
    append_utf8(out, code);
    skip(length);
    return true;
  }

  /// After an element: over "," or up to `close`; false with a fault: neither.
  bool separator(char close, std::string_view wanted) {
    if (!skip_blank()) return false;
    if (peek() == ',') {
      skip(1);
      return skip_blank();
    }
    return peek() == close || unexpected(wanted);
  }

  bool array(Value& out, int depth) {
    out.type = Type::kArray;
    skip(1);
    if (!skip_blank()) return false;
    while (peek() != ']') {
      const std::size_t length = pointer_.size();
      pointer_ = child_pointer(pointer_, out.items.size());
      if (!value(out.items.emplace_back(), depth + 1)) return false;
      pointer_.resize(length);
      if (!separator(']', "\",\" or \"]\"")) return false;
    }
    skip(1);
    return true;
  }

  bool object(Value& out, int depth) {
    out.type = Type::kObject;
    skip(1);
    if (!skip_blank()) return false;
    while (peek() != '}') {
      if (!member(out, depth) || !separator('}', "\",\" or \"}\"")) return false;
    }
    skip(1);
    return true;
  }

  bool member(Value& out, int depth) {
    Member read;
    read.at = at_;
    if (peek() != '"') return unexpected("a key in double quotes");
    if (!string(read.key)) return false;
    const std::size_t length = pointer_.size();
    pointer_ = child_pointer(pointer_, read.key);
    if (!skip_blank()) return false;
    if (peek() != ':') return unexpected("\":\"");
    skip(1);
    if (!skip_blank() || !value(read.value, depth + 1)) return false;
    keep(out, std::move(read));
    pointer_.resize(length);
    return true;
  }

  void keep(Value& object, Member read) {
    for (const Member& other : object.members) {
      if (other.key != read.key) continue;
      fault_at(read.at, fmt::format("\"{}\" stands here twice; the first is at line {}, column {}",
                                    read.key, other.at.line, other.at.column));
      return;
    }
    object.members.push_back(std::move(read));
  }

  std::string_view text_;
  std::size_t next_ = 0;
  Position at_;
  std::string pointer_;
  Document document_;
};

}  // namespace

std::string_view type_name(Type type) noexcept {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kBoolean:
      return "true or false";
    case Type::kNumber:
      return "a number";
    case Type::kString:
      return "a string";
    case Type::kArray:
      return "an array";
    case Type::kObject:
      return "an object";
  }
  return "";
}

const Value* Value::find(std::string_view key) const noexcept {
  for (const Member& member : members)
    if (member.key == key) return &member.value;
  return nullptr;
}

std::optional<std::int64_t> Value::integer() const noexcept {
  std::int64_t result = 0;
  if (type != Type::kNumber) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return result;
}

Document parse(std::string_view text, std::uint32_t source) { return Parser(text, source).run(); }

std::string child_pointer(std::string_view pointer, std::string_view key) {
  std::string result(pointer);
  result += '/';
  for (const char c : key) {
    if (c == '~' || c == '/')
      result += c == '~' ? "~0" : "~1";
    else
      result += c;
  }
  return result;
}

std::string child_pointer(std::string_view pointer, std::size_t index) {
  return child_pointer(pointer, std::to_string(index));
}

}  // namespace tandem::jsonc
