// Writer: appends text to room that was measured before, without looking at its end again.
// Internal to http.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::http {

class Writer {
 public:
  explicit Writer(char* out) noexcept : begin_(out), at_(out) {}

  void put(std::string_view text) noexcept { put(text.data(), text.size()); }
  /// `size` 0 is fine with any pointer.
  void put(const char* data, std::size_t size) noexcept {
    if (size == 0) return;
    std::memcpy(at_, data, size);
    at_ += size;
  }
  /// A literal: its length is known, so the copy is a few moves.
  template <std::size_t N>
  void put_literal(const char (&text)[N]) noexcept {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
  }
  void put_number(std::uint64_t number) noexcept {
    constexpr std::size_t kDigitsMax = 20;
    at_ = std::to_chars(at_, at_ + kDigitsMax, number).ptr;
  }
  void put_field(std::string_view name, std::string_view value) noexcept {
    put(name);
    put_literal(": ");
    put(value);
    put_literal("\r\n");
  }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

/// Bytes of ": " and CRLF around a name and a value.
inline constexpr std::size_t kFieldFrameBytes = 4;

}  // namespace tandem::http
