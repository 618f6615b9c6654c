#include "config/layers.h"

namespace tandem::config {

Place Place::child(std::string_view key) const {
  const jsonc::Value* found = value != nullptr ? value->find(key) : nullptr;
  if (found == nullptr) return {};
  return {found, jsonc::child_pointer(pointer, key)};
}

Place Place::element(std::size_t index) const {
  return {&value->items[index], jsonc::child_pointer(pointer, index)};
}

std::vector<Place> one_or_list(const Place& place) {
  if (!place) return {};
  if (place.value->type != jsonc::Type::kArray) return {place};
  std::vector<Place> elements;
  for (std::size_t i = 0; i < place.value->items.size(); ++i) elements.push_back(place.element(i));
  return elements;
}

Place Layers::find(std::string_view key) const {
  for (const Place& place : places_)
    if (Place found = place.child(key)) return found;
  return {};
}

Layers Layers::inside(std::string_view key) const {
  std::vector<Place> inner;
  for (const Place& place : places_)
    if (Place found = place.child(key)) inner.push_back(std::move(found));
  return Layers(std::move(inner));
}

void read(const Place& place, bool& out) {
  if (place && place.value->type == jsonc::Type::kBoolean) out = place.value->boolean;
}

void read(const Place& place, std::string& out) {
  if (place && place.value->type == jsonc::Type::kString) out = place.value->text;
}

void read(const Place& place, Milliseconds& out) {
  if (!place || place.value->type != jsonc::Type::kString) return;
  if (const auto duration = read_duration(place.value->text)) out = *duration;
}

}  // namespace tandem::config
