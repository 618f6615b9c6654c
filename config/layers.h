// Layers: a setting looked up where it is said most closely, then in what stands behind it (a
// server, its backend's "default-server", the one of "defaults"). Views into the tree; used while
// building.
#pragma once

#include "common/jsonc.h"
#include "config/values.h"

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::config {

/// A value and how to point at it. `value` may be null: nothing was said.
struct Place {
  const jsonc::Value* value = nullptr;
  std::string pointer;

  [[nodiscard]] explicit operator bool() const noexcept { return value != nullptr; }
  [[nodiscard]] Place child(std::string_view key) const;
  [[nodiscard]] Place element(std::size_t index) const;
};

/// The one value itself, or the elements of the array. Empty if there is none.
[[nodiscard]] std::vector<Place> one_or_list(const Place& place);

class Layers {
 public:
  /// Closest first; places without an object are passed over.
  explicit Layers(std::vector<Place> places) : places_(std::move(places)) {}

  [[nodiscard]] Place find(std::string_view key) const;
  /// The objects under `key` of every layer: for settings that merge key by key.
  [[nodiscard]] Layers inside(std::string_view key) const;
  [[nodiscard]] const std::vector<Place>& places() const noexcept { return places_; }

 private:
  std::vector<Place> places_;
};

// Each read() leaves `out` as it is when nothing is said or what is said cannot be read: the shape
// check has reported that.

void read(const Place& place, bool& out);
void read(const Place& place, std::string& out);
void read(const Place& place, Milliseconds& out);

template <std::integral Integer>
void read(const Place& place, Integer& out) {
  const auto number = place ? place.value->integer() : std::nullopt;
  if (number && std::in_range<Integer>(*number)) out = static_cast<Integer>(*number);
}

template <class Enum>
struct Word {
  std::string_view word;
  Enum meaning;
};

template <class Enum, std::size_t N>
void read(const Place& place, const Word<Enum> (&words)[N], Enum& out) {
  if (!place || place.value->type != jsonc::Type::kString) return;
  for (const Word<Enum>& word : words)
    if (place.value->text == word.word) out = word.meaning;
}

}  // namespace tandem::config
