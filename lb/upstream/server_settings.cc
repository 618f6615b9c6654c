#include "lb/upstream/server_settings.h"

#include "common/log.h"
#include "lb/upstream/wishes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::lb::upstream {
namespace {

using What = pulse::ServerSetting::What;

// What follows a stamp must be greater; nobody's clock is this far ahead.
constexpr std::uint64_t kStampMax = std::uint64_t{1} << 62;

std::uint16_t value_of(AdminState state) noexcept { return static_cast<std::uint16_t>(state); }

std::uint16_t greatest(What what) noexcept {
  switch (what) {
    case What::kAdmin:
      return value_of(AdminState::kMaint);
    case What::kWeight:
      return kWeightMax;
    case What::kHealth:
      return 1;
  }
  return 0;
}

}  // namespace

ServerSettings::ServerSettings(Parts parts) : parts_(std::move(parts)) {
  const std::vector<config::Backend>& backends = parts_.fleet.snapshot().backends;
  for (BackendIndex b = 0; b < backends.size(); ++b) {
    first_.push_back(entries_.size());
    for (ServerIndex s = 0; s < backends[b].servers.size(); ++s) {
      const ServerState& state = parts_.fleet.server({b, s});
      Entry& entry = entries_.emplace_back();
      entry.id = {b, s};
      entry.name = fmt::format("{}/{}", backends[b].name, state.config->name);
      entry.of(What::kAdmin).value = value_of(state.admin_state());
      entry.of(What::kWeight).value = state.weight;
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) by_name_.emplace(entries_[i].name, i);
  parts_.fleet.on_setting([this](ServerId id, Setting setting) { note(id, setting); });
}

ServerSettings::Entry& ServerSettings::entry(ServerId id) {
  return entries_[first_[id.backend] + id.server];
}

// ---- what happens here -------------------------------------------------------------------------

void ServerSettings::note(ServerId id, Setting setting) {
  const ServerState& state = parts_.fleet.server(id);
  switch (setting) {
    case Setting::kAdmin:
      return set(entry(id), What::kAdmin, value_of(state.admin_state()));
    case Setting::kWeight:
      return set(entry(id), What::kWeight, state.weight);
    case Setting::kHealth:
      return note_health(entry(id));
  }
}

void ServerSettings::checked(ServerId id, const health::Result& result) {
  const health::ServerHealth& health = parts_.fleet.health(id);
  // Our own want of descriptors says nothing of the server.
  if (result.status == health::Status::kSockErr || health.basis != health::Basis::kChecks) return;
  note_health(entry(id));
}

void ServerSettings::note_health(Entry& entry) {
  const health::State state = parts_.fleet.health(entry.id).verdict.state();
  if (state == health::State::kStarting) return;
  const std::uint16_t value = state == health::State::kDown ? 0 : 1;
  const Stamped& had = entry.of(What::kHealth);
  // It is so since somebody else has seen it become so, if they were right.
  const bool is_news = had.stamp == 0 || had.value != value;
  entry.has_health = true;
  if (is_news) set(entry, What::kHealth, value);
}

void ServerSettings::set(Entry& entry, What what, std::uint16_t value) {
  Stamped& had = entry.of(what);
  had = {.stamp = std::max(parts_.microseconds(), had.stamp + 1), .value = value};
  if (entry.name.size() <= pulse::kServerNameBytesMax) parts_.tell(packet(entry, what));
}

// ---- what comes from elsewhere -----------------------------------------------------------------

void ServerSettings::take(const pulse::ServerSetting& setting) {
  const auto found = by_name_.find(setting.server);
  if (found == by_name_.end() || setting.value > greatest(setting.what) || setting.stamp == 0 ||
      setting.stamp > kStampMax) {
    log::debug("a setting of {} means nothing here: kind {}, value {}, time {}", setting.server,
               static_cast<int>(setting.what), setting.value, setting.stamp);
    return;
  }
  Entry& entry = entries_[found->second];
  if (setting.what == What::kHealth && entry.has_health) return;
  const Stamped told{.stamp = setting.stamp, .value = setting.value};
  Stamped& had = entry.of(setting.what);
  if (told <= had) return;
  had = told;
  apply(entry, setting.what, setting.value);
}

void ServerSettings::apply(const Entry& entry, What what, std::uint16_t value) {
  Fleet& fleet = parts_.fleet;
  const ServerState& state = fleet.server(entry.id);
  switch (what) {
    case What::kAdmin:
      if (value_of(state.admin_state()) == value) return;
      return fleet.set_state(entry.id, static_cast<AdminState>(value), Origin::kElsewhere);
    case What::kWeight:
      return fleet.set_weight(entry.id, value, Origin::kElsewhere);
    case What::kHealth:
      return fleet.assume_health(entry.id, value == 0 ? health::State::kDown : health::State::kUp);
  }
}

std::vector<pulse::ServerSetting> ServerSettings::all() const {
  std::vector<pulse::ServerSetting> all;
  for (const Entry& entry : entries_) {
    if (entry.name.size() > pulse::kServerNameBytesMax) continue;
    for (const What what : {What::kAdmin, What::kWeight, What::kHealth}) {
      const bool is_known = what != What::kHealth || entry.has_health;
      if (is_known && entry.of(what).stamp > 0) all.push_back(packet(entry, what));
    }
  }
  return all;
}

pulse::ServerSetting ServerSettings::packet(const Entry& entry, What what) {
  const Stamped& had = entry.of(what);
  return {.what = what, .value = had.value, .stamp = had.stamp, .server = entry.name};
}

}  // namespace tandem::lb::upstream
