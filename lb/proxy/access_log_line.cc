#include "lb/proxy/access_log_line.h"

#include <arpa/inet.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tandem::lb::proxy {
namespace {

constexpr std::string_view kHexUpper = "0123456789ABCDEF";
constexpr std::string_view kHexLower = "0123456789abcdef";

/// The escaped form of one byte, at most six characters.
struct Escaped {
  std::array<char, 6> bytes;
  std::size_t size;
};

bool is_plain(unsigned char c) { return c >= 32 && c < 127; }

Escaped escape_hash(unsigned char c) {
  if (is_plain(c) && c != '"' && c != '#') return {{static_cast<char>(c)}, 1};
  return {{'#', kHexUpper[c >> 4], kHexUpper[c & 15]}, 3};
}

Escaped escape_json(unsigned char c) {
  if (c == '"' || c == '\\') return {{'\\', static_cast<char>(c)}, 2};
  if (is_plain(c)) return {{static_cast<char>(c)}, 1};
  return {{'\\', 'u', '0', '0', kHexLower[c >> 4], kHexLower[c & 15]}, 6};
}

Escaped escape_clf(unsigned char c) {
  if (c == '"' || c == '\\') return {{'\\', static_cast<char>(c)}, 2};
  if (is_plain(c)) return {{static_cast<char>(c)}, 1};
  return {{'\\', 'x', kHexLower[c >> 4], kHexLower[c & 15]}, 4};
}

Escaped escape_byte(unsigned char c, Escape escape) {
  switch (escape) {
    case Escape::kHash:
      return escape_hash(c);
    case Escape::kJson:
      return escape_json(c);
    case Escape::kClf:
      break;
  }
  return escape_clf(c);
}

std::int64_t whole_seconds(std::chrono::system_clock::time_point at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

}  // namespace

LogLine& LogLine::text(std::string_view text) noexcept {
  const std::size_t taken = std::min(text.size(), bytes_.size() - size_);
  std::memcpy(bytes_.data() + size_, text.data(), taken);
  size_ += taken;
  return *this;
}

LogLine& LogLine::number(std::int64_t number) noexcept {
  const auto [end, error] =
      std::to_chars(bytes_.data() + size_, bytes_.data() + bytes_.size(), number);
  if (error == std::errc{}) size_ = static_cast<std::size_t>(end - bytes_.data());
  return *this;
}

LogLine& LogLine::number(std::uint64_t number) noexcept {
  const auto [end, error] =
      std::to_chars(bytes_.data() + size_, bytes_.data() + bytes_.size(), number);
  if (error == std::errc{}) size_ = static_cast<std::size_t>(end - bytes_.data());
  return *this;
}

LogLine& LogLine::padded(unsigned number, unsigned digits) noexcept {
  unsigned power = 1;
  for (unsigned i = 1; i < digits; ++i) power *= 10;
  for (; power > 1 && number < power; power /= 10) character('0');
  return this->number(std::uint64_t{number});
}

LogLine& LogLine::escaped(std::string_view text, Escape escape, std::size_t bytes_max) noexcept {
  const std::size_t end = std::min(size_ + bytes_max, bytes_.size());
  for (const char c : text) {
    const Escaped escaped = escape_byte(static_cast<unsigned char>(c), escape);
    if (size_ + escaped.size > end) break;
    std::memcpy(bytes_.data() + size_, escaped.bytes.data(), escaped.size);
    size_ += escaped.size;
  }
  return *this;
}

LogLine& LogLine::host(const SocketAddress* address) noexcept {
  if (address == nullptr) return character('-');
  const std::string_view ip = address->ip_bytes();
  if (ip.empty()) return text("unix");
  std::array<char, INET6_ADDRSTRLEN> shown;
  const int family = ip.size() == 4 ? AF_INET : AF_INET6;
  if (::inet_ntop(family, ip.data(), shown.data(), shown.size()) == nullptr) return character('-');
  return text(shown.data());
}

std::string_view DateCache::clf_local(std::chrono::system_clock::time_point at) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::int64_t second = whole_seconds(at);
  if (second != second_) {
    const time_t seconds = second;
    tm local{};
    ::localtime_r(&seconds, &local);
    // strftime's %b speaks the locale's language; logs speak English.
    const char* month = kMonths[local.tm_mon];
    length_ = ::strftime(text_.data(), text_.size(), "%d/Mon/%Y:%H:%M:%S", &local);
    std::memcpy(text_.data() + 3, month, 3);
    std::array<char, 8> zone{};
    if (::strftime(zone.data(), zone.size(), "%z", &local) == zone_.size())
      std::memcpy(zone_.data(), zone.data(), zone_.size());
    second_ = second;
  }
  return {text_.data(), length_};
}

std::string_view DateCache::iso_utc(std::chrono::system_clock::time_point at) {
  const std::int64_t second = whole_seconds(at);
  if (second != second_) {
    const time_t seconds = second;
    tm utc{};
    ::gmtime_r(&seconds, &utc);
    length_ = ::strftime(text_.data(), text_.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    second_ = second;
  }
  return {text_.data(), length_};
}

unsigned DateCache::milliseconds(std::chrono::system_clock::time_point at) noexcept {
  const auto past = at - std::chrono::floor<std::chrono::seconds>(at);
  return static_cast<unsigned>(std::chrono::duration_cast<std::chrono::milliseconds>(past).count());
}

}  // namespace tandem::lb::proxy
