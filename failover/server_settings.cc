#include "failover/server_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace tandem::failover {
namespace {

using What = pulse::ServerSetting::What;
using Table = ServerSettings::Table;
using Reader = ServerSettings::Reader;

constexpr std::array<std::string_view, 3> kAdminNames{"ready", "drain", "maint"};
constexpr std::uint16_t kWeightMax = 256;

std::uint16_t greatest(What what) {
  switch (what) {
    case What::kAdmin:
      return kAdminNames.size() - 1;
    case What::kWeight:
      return kWeightMax;
    case What::kHealth:
      return 1;
  }
  return 0;
}

/// It goes into logs, JSON and packets as it is.
bool is_server_name(std::string_view name) {
  return !name.empty() && name.size() <= pulse::kServerNameBytesMax &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_possible(const pulse::ServerSetting& setting) {
  return setting.value <= greatest(setting.what) && setting.stamp <= ServerSettings::kStampMax &&
         is_server_name(setting.server);
}

Table shared_table(What what) { return what == What::kAdmin ? Table::kAdmin : Table::kWeight; }

What what_of(Table table) {
  if (table == Table::kAdmin) return What::kAdmin;
  return table == Table::kWeight ? What::kWeight : What::kHealth;
}

bool is_for(Reader reader, Table table) {
  return table != (reader == Reader::kPeer ? Table::kPeerHealth : Table::kHealth);
}

}  // namespace

bool ServerSettings::take_from_data_plane(const pulse::ServerSetting& setting) {
  if (setting.what == What::kHealth)
    return take({.table = Table::kHealth, .node = {}, .server = setting.server}, round_, setting);
  return take({.table = shared_table(setting.what), .node = {}, .server = setting.server}, 0,
              setting);
}

bool ServerSettings::take_from_peer(const std::string& node, const pulse::ServerSetting& setting) {
  if (setting.what == What::kHealth)
    return take({.table = Table::kPeerHealth, .node = node, .server = setting.server},
                peer_rounds_[node], setting);
  return take({.table = shared_table(setting.what), .node = {}, .server = setting.server}, 0,
              setting);
}

bool ServerSettings::take(Key key, std::uint64_t round, const pulse::ServerSetting& setting) {
  if (setting.stamp == 0) return false;
  std::size_t& count = counts_[static_cast<std::size_t>(key.table)];
  auto at = is_possible(setting) ? entries_.find(key) : entries_.end();
  if (at == entries_.end()) {
    if (!is_possible(setting) || count >= kServersMax) {
      ++refused_;
      return false;
    }
    ++count;
    at = entries_.emplace(std::move(key), Entry{}).first;
  }
  const Entry& entry = at->second;
  const auto now = std::tie(entry.stamp, entry.value);
  const auto then = std::tie(setting.stamp, setting.value);
  const bool is_new = round > entry.round ? now != then : now < then;
  if (is_new) enter(at, round, setting);
  at->second.round = round;
  return is_new;
}

void ServerSettings::enter(Entries::iterator at, std::uint64_t round,
                           const pulse::ServerSetting& setting) {
  const std::uint64_t before = at->second.version;
  at->second = {
      .value = setting.value, .stamp = setting.stamp, .round = round, .version = ++version_};
  for (const Reader reader : {Reader::kDataPlane, Reader::kPeer}) {
    if (!is_for(reader, at->first.table)) continue;
    auto& order = order_[static_cast<std::size_t>(reader)];
    order.erase(before);
    order.emplace_hint(order.end(), version_, &*at);
  }
}

std::vector<pulse::ServerSetting> ServerSettings::changes(Reader reader, std::uint64_t& version,
                                                          std::size_t most) const {
  std::vector<pulse::ServerSetting> changes;
  const auto& order = order_[static_cast<std::size_t>(reader)];
  for (auto at = order.upper_bound(version); at != order.end() && changes.size() < most; ++at) {
    changes.push_back(setting_of(*at->second));
    version = at->first;
  }
  return changes;
}

std::uint64_t ServerSettings::version(Reader reader) const noexcept {
  const auto& order = order_[static_cast<std::size_t>(reader)];
  return order.empty() ? 0 : order.rbegin()->first;
}

std::vector<pulse::ServerSetting> ServerSettings::list(Table table, std::size_t most) const {
  std::vector<pulse::ServerSetting> list;
  const Key first{.table = table, .node = {}, .server = {}};
  for (auto at = entries_.lower_bound(first); at != entries_.end() && list.size() < most; ++at) {
    if (at->first.table != table) break;
    list.push_back(setting_of(*at));
  }
  return list;
}

pulse::ServerSetting ServerSettings::setting_of(const Entries::value_type& entry) {
  return {.what = what_of(entry.first.table),
          .value = entry.second.value,
          .stamp = entry.second.stamp,
          .server = entry.first.server};
}

std::string_view table_name(ServerSettings::Table table) noexcept {
  static constexpr std::array<std::string_view, ServerSettings::kTableCount> kNames{
      "admin", "weight", "health", "peer_health"};
  return kNames[static_cast<std::size_t>(table)];
}

std::string words_of(const pulse::ServerSetting& setting) {
  switch (setting.what) {
    case What::kAdmin:
      if (setting.value < kAdminNames.size())
        return fmt::format("{} {}", setting.server, kAdminNames[setting.value]);
      break;
    case What::kWeight:
      return fmt::format("{} weight {}", setting.server, setting.value);
    case What::kHealth:
      return fmt::format("{} {}", setting.server, setting.value == 0 ? "down" : "up");
  }
  return setting.server;
}

}  // namespace tandem::failover
