// How long certificates still hold, in words, and when to say it. Times are Unix seconds. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tandem::lb::tls {

/// How long before its end a certificate is spoken of: whatever renews it should have done so.
inline constexpr std::int64_t kExpirySoonSeconds = 14 * 24 * 3600;

/// "3 days": rounded down, in the greatest unit of which there are at least two.
[[nodiscard]] std::string time_text(std::int64_t seconds);

/// "expires in 9 days", "expired 3 hours ago: clients will refuse it"; nullopt: it is far off.
[[nodiscard]] std::optional<std::string> words_of_expiry(std::int64_t expires_at, std::int64_t now);

/// When to speak of them while tandem runs: once a day. What holds at the start has been said then,
/// as warnings of the configuration.
class Daily {
 public:
  explicit Daily(std::int64_t now);
  /// True once a day, if it is asked that often.
  [[nodiscard]] bool is_due(std::int64_t now);

 private:
  std::int64_t next_;
};

}  // namespace tandem::lb::tls
