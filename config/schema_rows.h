// How the rows of the schema are written: one call for each key. For the schema_*.cc files only.
#pragma once

#include "config/schema.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace tandem::config {

using Text = std::string_view;

/// Longest duration: what HAProxy allows, in whole days.
inline constexpr std::int64_t kDurationMax = std::int64_t{24} * 24 * 3600 * 1000;
inline constexpr std::int64_t kConnectionsMax = 10'000'000;

constexpr Key row(Text name, Kind kind, Text fallback, Text doc) {
  return Key{.name = name, .kind = kind, .fallback = fallback, .doc = doc};
}
constexpr Key boolean(Text name, Text fallback, Text doc) {
  return row(name, Kind::kBoolean, fallback, doc);
}
struct Range {
  std::int64_t min;
  std::int64_t max;
};
constexpr Key ranged(Key key, Range range) {
  key.min = range.min;
  key.max = range.max;
  return key;
}
constexpr Key integer(Text name, Range range, Text fallback, Text doc) {
  return ranged(row(name, Kind::kInteger, fallback, doc), range);
}
/// From 1 ms: where zero would mean "for ever" or "never".
constexpr Key duration(Text name, Text fallback, Text doc) {
  return ranged(row(name, Kind::kDuration, fallback, doc), {1, kDurationMax});
}
constexpr Key duration_or_zero(Text name, Text fallback, Text doc) {
  return ranged(row(name, Kind::kDuration, fallback, doc), {0, kDurationMax});
}
constexpr Key word(Text name, Text words, Text fallback, Text doc) {
  Key key = row(name, Kind::kWord, fallback, doc);
  key.words = words;
  return key;
}
constexpr Key with_later(Key key, Text words) {
  key.later = words;
  return key;
}
constexpr Key section(Text name, const Section& of, Text doc) {
  Key key = row(name, Kind::kSection, "", doc);
  key.section = &of;
  return key;
}
constexpr Key shaped(Key key, Shape shape, Names names = Names::kIdentifier) {
  key.shape = shape;
  key.names = names;
  return key;
}
constexpr Key code(Text name, Text words, Text fallback, Text doc) {
  Key key = row(name, Kind::kCode, fallback, doc);
  key.words = words;
  return key;
}
constexpr Key required(Key key) {
  key.required = true;
  return key;
}
constexpr Key or_zero(Key key) {
  key.or_zero = true;
  return key;
}
constexpr Key or_boolean(Key key) {
  key.or_boolean = true;
  return key;
}
constexpr Key or_endpoint(Key key) {
  key.or_endpoint = true;
  return key;
}
constexpr Key later(Text name, Text doc) { return row(name, Kind::kLater, "", doc); }

template <std::size_t N, std::size_t M>
constexpr std::array<Key, N + M> join(const std::array<Key, N>& a, const std::array<Key, M>& b) {
  std::array<Key, N + M> both{};
  for (std::size_t i = 0; i < N; ++i) both[i] = a[i];
  for (std::size_t i = 0; i < M; ++i) both[N + i] = b[i];
  return both;
}

// Sections that another file's rows refer to.
extern const Section kFrontendSection;
extern const Section kBackendSection;
extern const Section kDefaultsSection;
extern const Section kBindSection;
extern const Section kCertificateSection;
extern const Section kSslSection;
extern const Section kRuleSection;
extern const Section kConditionsSection;
extern const Section kNegatedSection;
extern const Section kRedirectSection;
extern const Section kReturnSection;
extern const Section kTimeoutSection;
extern const Section kCompressionSection;
extern const Section kCheckSection;
extern const Section kExpectSection;
extern const Section kStepSection;
extern const Section kServerSection;
extern const Section kDefaultServerSection;
extern const Section kServerSslSection;
extern const Section kFailoverSection;
extern const Section kGroupSection;
extern const Section kNodeSection;
extern const Section kTrackSection;
extern const Section kTrackLbSection;
extern const Section kTrackScriptSection;
extern const Section kTrackFileSection;
extern const Section kNotifySection;
extern const Section kActuatorSection;
extern const Section kSwitchoverSection;
extern const Section kPeerSection;
extern const Section kAuthSection;
extern const Section kAuthKeySection;
extern const Section kFailoverRuntimeSection;
extern const Section kFailoverAdminSection;

}  // namespace tandem::config
