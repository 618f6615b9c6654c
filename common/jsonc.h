// JSON with comments, read into a tree that remembers where each key and value stands and in which
// order, so that whoever checks the tree can point at what is wrong. Strict beyond that: RFC 8259
// plus `//` and `/* */` comments and trailing commas, nothing else. Pure; not a fast path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::jsonc {

/// Where a key or value begins.
struct Position {
  int line = 1;
  int column = 1;            // in characters (code points); a tab is one
  std::uint32_t source = 0;  // the caller's number for the text, see parse()

  friend bool operator==(const Position&, const Position&) = default;
};

enum class Type : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

/// "a string", "an object" …, for messages.
[[nodiscard]] std::string_view type_name(Type type) noexcept;

struct Member;

/// A value type; owns everything below it.
struct Value {
  Type type = Type::kNull;
  Position at;
  bool boolean = false;
  bool hidden = false;          // for the tree's owner: `text` is a secret, no message may show it
  std::string text;             // kString: decoded; kNumber: as written, so that none is rounded
  std::vector<Value> items;     // kArray
  std::vector<Member> members;  // kObject, in the order of the text; no key twice

  /// The value of `key`; nullptr: not an object or no such key. Valid as long as this value.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;

  /// A number without fraction and exponent that fits; nullopt: anything else.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
};

struct Member {
  std::string key;
  Position at;  // of the key
  Value value;
};

struct Fault {
  Position at;
  std::string pointer;  // RFC 6901
  std::string message;
};

/// What parse() found. A text that breaks the grammar has one fault and no usable root; duplicate
/// keys are faults of their own (all of them) and leave the first of each in the tree.
struct Document {
  Value root;
  std::vector<Fault> faults;
  bool complete = false;  // the grammar held: `root` is the whole text
};

/// Deeper nesting is a fault; bounds the reader's own stack.
inline constexpr int kDepthMax = 64;

/// Reads one text. `source` is copied into every position.
[[nodiscard]] Document parse(std::string_view text, std::uint32_t source = 0);

/// `pointer` with one more step: "/", then `key` with "~" and "/" escaped (RFC 6901 section 4).
[[nodiscard]] std::string child_pointer(std::string_view pointer, std::string_view key);
[[nodiscard]] std::string child_pointer(std::string_view pointer, std::size_t index);

}  // namespace tandem::jsonc
