#include "lb/control/stat_value.h"

#include <fmt/format.h>

#include <charconv>

namespace tandem::lb::control {
namespace {

std::string_view type_name(NumberType type) noexcept {
  switch (type) {
    case NumberType::kU32:
      return "u32";
    case NumberType::kU64:
      return "u64";
    case NumberType::kS32:
      return "s32";
  }
  return "u64";
}

std::string_view origin_word(char letter) noexcept {
  switch (letter) {
    case 'S':
      return "Status";
    case 'K':
      return "Key";
    case 'C':
      return "Config";
    case 'P':
      return "Product";
    default:
      return "Metric";
  }
}

std::string_view nature_word(char letter) noexcept {
  switch (letter) {
    case 'L':
      return "Limit";
    case 'M':
      return "Max";
    case 'R':
      return "Rate";
    case 'C':
      return "Counter";
    case 'D':
      return "Duration";
    case 'A':
      return "Age";
    case 'N':
      return "Name";
    case 'O':
      return "Output";
    case 'a':
      return "Avg";
    default:
      return "Gauge";
  }
}

std::string_view scope_word(char letter) noexcept {
  switch (letter) {
    case 'S':
      return "Service";
    case 's':
      return "System";
    default:
      return "Process";
  }
}

}  // namespace

StatValue StatValue::text(std::string_view value) {
  StatValue result;
  std::string& text = result.value_.emplace<std::string>(value);
  for (char& c : text)
    if (c == ',' || c == '"' || (c >= 0 && c < ' ') || c == '\x7f') c = ' ';
  return result;
}

std::int64_t StatValue::number() const noexcept {
  const Number* number = std::get_if<Number>(&value_);
  return number == nullptr ? 0 : number->value;
}

void StatValue::append_plain(std::string& out) const {
  if (const auto* text = std::get_if<std::string>(&value_)) {
    out += *text;
  } else if (const auto* number = std::get_if<Number>(&value_)) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number->value).ptr);
  }
}

std::string StatValue::plain() const {
  std::string out;
  append_plain(out);
  return out;
}

std::string StatValue::typed() const {
  if (const auto* text = std::get_if<std::string>(&value_)) return "str:" + *text;
  if (const auto* number = std::get_if<Number>(&value_))
    return fmt::format("{}:{}", type_name(number->type), number->value);
  return {};
}

std::string StatValue::json() const {
  if (const auto* text = std::get_if<std::string>(&value_))
    return fmt::format(R"({{"type":"str","value":{}}})", json_string(*text));
  if (const auto* number = std::get_if<Number>(&value_))
    return fmt::format(R"({{"type":"{}","value":{}}})", type_name(number->type), number->value);
  return {};
}

std::string tag_letters(const Nature& nature) {
  return {nature.origin, nature.nature, nature.scope, nature.is_persistent ? 'P' : 'V'};
}

std::string tag_json(const Nature& nature) {
  return fmt::format(R"({{"origin":"{}","nature":"{}","scope":"{}"}})", origin_word(nature.origin),
                     nature_word(nature.nature), scope_word(nature.scope));
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 0 && c < ' ') {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace tandem::lb::control
