// Every key the configuration knows, as a table: the one source that the reader, the JSON Schema
// (etc/tandem.schema.json) and the tables of docs/CONFIGURATION.md are made from or checked
// against. Constant data; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::config {

enum class Kind : std::uint8_t {
  kBoolean,
  kInteger,      // min … max; with `or_zero` also 0
  kCode,         // an integer out of `words`
  kDuration,     // "250ms"; min … max in milliseconds
  kString,       // one line, not empty
  kText,         // any text, line breaks too
  kSecret,       // one line, not empty, never shown
  kWord,         // one of `words`
  kFile,         // path, relative to the file that names it
  kHttpPath,     // begins with "/"
  kToken,        // RFC 9110 section 5.6.2: a method or a field name
  kAddress,      // "host:port", ":port", "unix:/path": to listen on
  kEndpoint,     // "host:port", "unix:/path": to connect to
  kIp,           // an IPv4 or IPv6 address, without a port
  kIpPrefix,     // the same with the length of its network: "192.0.2.10/24"
  kReference,    // name of a backend
  kBalance,      // policy, see policies.h
  kHashKey,      // "hdr(X-User)"
  kStatusRange,  // 200 or "200-399"
  kFileMode,     // "660", octal
  kLogTarget,    // "stdout", "stderr", "file:PATH", "syslog:ADDRESS"
  kSection,      // an object, see `section`
  kLater,        // a key of the contract that this release refuses as "not supported yet"
};

enum class Shape : std::uint8_t {
  kOne,
  kList,       // array
  kOneOrList,  // one, or an array of at least one
  kNamed,      // object: names, chosen by the user, to values
};

/// What the names of a Shape::kNamed may be.
enum class Names : std::uint8_t {
  kIdentifier,  // letters, digits, ". _ : -", at most 128
  kStatus,      // 400 … 599
  kUser,        // as kIdentifier, without ":"
  kHeader,      // a field name
};

struct Section;

struct Key {
  std::string_view name = {};
  Kind kind = Kind::kLater;
  Shape shape = Shape::kOne;
  Names names = Names::kIdentifier;
  bool required = false;
  bool or_zero = false;
  bool or_boolean = false;   // true and false may stand for the value
  bool or_endpoint = false;  // kSection: a string may stand for an object with just "address"
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view words = {};     // separated by blanks
  std::string_view later = {};     // words that are refused as "not supported yet"
  std::string_view fallback = {};  // the default, as a person reads it; empty: none
  const Section* section = nullptr;
  std::string_view doc = {};
};

struct Section {
  std::string_view name;  // as messages and the schema's $defs call it
  std::span<const Key> keys;
  std::string_view one_of = {};  // keys, separated by blanks, exactly one of which must be there

  /// nullptr: not a key of this section.
  [[nodiscard]] const Key* find(std::string_view key) const noexcept;
};

/// The whole file.
[[nodiscard]] const Section& root_section() noexcept;

/// Every section, root first, each once, in the order of the documentation.
[[nodiscard]] std::span<const Section* const> all_sections() noexcept;

}  // namespace tandem::config
