// NameIndex: which certificates are served for the name a client asks for (SNI, RFC 6066 section
// 3). Pure; immutable, any thread.
#pragma once

#include "lb/tls/certificate.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tandem::lb::tls {

/// What the index must know of a certificate.
struct NamedKey {
  std::vector<std::string> names;  // as Certificate::names() has them
  KeyType type;
};

/// A name's certificates are those that name it exactly; where there are none, those with the
/// wildcard one label deep. Of each key type the first counts, so that one of RSA and one of ECDSA
/// stand side by side and the client's abilities decide.
class NameIndex {
 public:
  /// Numbers of certificates, rising. One set for each combination that some name has.
  using Set = std::vector<std::uint32_t>;
  /// A certificate that is never served for a name since another one of its type comes first.
  struct Clash {
    std::uint32_t counts;
    std::uint32_t hidden;
    std::string name;  // the first such name
    friend bool operator==(const Clash&, const Clash&) = default;
  };

  /// At least one certificate.
  explicit NameIndex(std::span<const NamedKey> certificates);

  /// The first is the default: the first certificate with those that go with its first name.
  [[nodiscard]] const std::vector<Set>& sets() const noexcept { return sets_; }
  [[nodiscard]] const std::vector<Clash>& clashes() const noexcept { return clashes_; }
  /// Index into sets(); nullopt: no certificate is for this name. Case and a dot at the end do not
  /// matter. Does not allocate.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  [[nodiscard]] std::optional<std::uint32_t> look_up(std::string_view pattern) const noexcept;

  // A wildcard is kept without its "*": no name begins with a dot.
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> by_pattern_;
  std::vector<Set> sets_;
  std::vector<Clash> clashes_;
};

}  // namespace tandem::lb::tls
