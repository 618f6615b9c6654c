#include "lb/tls/expiry.h"

#include <fmt/format.h>

namespace tandem::lb::tls {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

}  // namespace

std::string time_text(std::int64_t seconds) {
  if (seconds >= 2 * kDay) return fmt::format("{} days", seconds / kDay);
  if (seconds >= 2 * kHour) return fmt::format("{} hours", seconds / kHour);
  if (seconds >= 2 * kMinute) return fmt::format("{} minutes", seconds / kMinute);
  return fmt::format("{} second{}", seconds, seconds == 1 ? "" : "s");
}

std::optional<std::string> words_of_expiry(std::int64_t expires_at, std::int64_t now) {
  if (expires_at >= now + kExpirySoonSeconds) return std::nullopt;
  if (expires_at > now) return fmt::format("expires in {}", time_text(expires_at - now));
  return fmt::format("expired {} ago: clients will refuse it", time_text(now - expires_at));
}

Daily::Daily(std::int64_t now) : next_(now + kDay) {}

bool Daily::is_due(std::int64_t now) {
  if (now < next_) return false;
  next_ = now + kDay;
  return true;
}

}  // namespace tandem::lb::tls
