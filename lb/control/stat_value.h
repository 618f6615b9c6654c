// StatValue: one field of show stat or show info: nothing, a number or a text, with HAProxy's tags
// for the typed and JSON forms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace tandem::lb::control {

/// The four letters of the typed form.
struct Nature {
  char origin;  // M metric, S status, K key, C config, P product
  char nature;  // G gauge, L limit, M max, R rate, C counter, D duration, A age, N name, O output,
                // a average
  char scope;   // P process, S service, s system
  bool is_persistent = false;  // P, else V: volatile
};

enum class NumberType : std::uint8_t { kU32, kU64, kS32 };

class StatValue {
 public:
  StatValue() = default;
  [[nodiscard]] static StatValue number(NumberType type, std::int64_t value) noexcept {
    return StatValue(Number{type, value});
  }
  /// Commas, quotes and controls become spaces: tools split lines at commas.
  [[nodiscard]] static StatValue text(std::string_view value);

  [[nodiscard]] bool is_empty() const noexcept { return value_.index() == 0; }
  /// 0 when it is no number.
  [[nodiscard]] std::int64_t number() const noexcept;
  /// As in CSV: nothing for an empty field.
  void append_plain(std::string& out) const;
  [[nodiscard]] std::string plain() const;
  /// "u32:7", "str:UP"; nothing for an empty field.
  [[nodiscard]] std::string typed() const;
  /// {"type":"u32","value":7}
  [[nodiscard]] std::string json() const;

 private:
  struct Number {
    NumberType type;
    std::int64_t value;
  };
  explicit StatValue(Number number) noexcept : value_(number) {}

  std::variant<std::monostate, Number, std::string> value_;
};

/// "MCPV".
[[nodiscard]] std::string tag_letters(const Nature& nature);
/// {"origin":"Metric","nature":"Counter","scope":"Process"}
[[nodiscard]] std::string tag_json(const Nature& nature);
/// A quoted JSON string.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace tandem::lb::control
