// ServerSettings: what is known of single servers on all nodes: what operators have set on them,
// on whichever node, and how each node's checks find them. Of two that say something about the same
// thing the later counts, and of two as late the greater value (common/pulse.h), so that every node
// ends with the same, whatever came first. Carries nothing anywhere. Pure.
#pragma once

#include "common/pulse.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::failover {

class ServerSettings {
 public:
  /// Of each table.
  static constexpr std::size_t kServersMax = 100'000;
  /// In the year 2255: no clock goes so far, and there is room for what replaces it.
  static constexpr std::uint64_t kStampMax = std::uint64_t{1} << 53U;

  enum class Table : std::uint8_t {
    kAdmin,       // set by operators, the same on all nodes
    kWeight,      // the same
    kHealth,      // found by the checks of this node
    kPeerHealth,  // found by those of the other nodes
  };
  static constexpr std::size_t kTableCount = 4;

  /// Who is told: the data plane hears of other nodes' health, and they of ours.
  enum class Reader : std::uint8_t { kDataPlane, kPeer };
  static constexpr std::size_t kReaderCount = 2;

  /// A source that begins to tell all it knows: its health counts from now on, whatever the clock
  /// was of what it said before. The data plane here, or the node of that name.
  void begin_data_plane() { ++round_; }
  void begin_peer(const std::string& node) { ++peer_rounds_[node]; }

  /// @return whether it is new. What is "as configured" never is: nobody has set it.
  bool take_from_data_plane(const pulse::ServerSetting& setting);
  bool take_from_peer(const std::string& node, const pulse::ServerSetting& setting);

  /// At most `most` things that have become another after `version`, oldest first; `version` moves
  /// on past them. From version 0 on: everything.
  [[nodiscard]] std::vector<pulse::ServerSetting> changes(Reader reader, std::uint64_t& version,
                                                          std::size_t most) const;
  /// Of the last change for that reader; 0: there was none.
  [[nodiscard]] std::uint64_t version(Reader reader) const noexcept;

  [[nodiscard]] std::size_t count(Table table) const noexcept {
    return counts_[static_cast<std::size_t>(table)];
  }
  /// The first `most` by name, of the other nodes' healths by node first.
  [[nodiscard]] std::vector<pulse::ServerSetting> list(Table table, std::size_t most) const;
  /// Settings that were not taken: nothing such a thing can be, or there was no room.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  struct Key {
    Table table = Table::kAdmin;
    std::string node;  // whose health; else empty
    std::string server;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::uint16_t value = 0;
    std::uint64_t stamp = 0;
    std::uint64_t round = 0;
    std::uint64_t version = 0;
  };
  using Entries = std::map<Key, Entry>;

  bool take(Key key, std::uint64_t round, const pulse::ServerSetting& setting);
  void enter(Entries::iterator at, std::uint64_t round, const pulse::ServerSetting& setting);
  [[nodiscard]] static pulse::ServerSetting setting_of(const Entries::value_type& entry);

  Entries entries_;
  /// By version, for each reader what it is told: an entry stands where it changed last, so that
  /// whoever reads on misses nothing and reads nothing twice.
  std::array<std::map<std::uint64_t, const Entries::value_type*>, kReaderCount> order_;
  std::array<std::size_t, kTableCount> counts_{};
  std::map<std::string, std::uint64_t> peer_rounds_;
  std::uint64_t round_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t refused_ = 0;
};

/// "admin", "weight", "health", "peer_health"
[[nodiscard]] std::string_view table_name(ServerSettings::Table table) noexcept;

/// "app/web1 drain", "app/web1 weight 50", "app/web1 down"
[[nodiscard]] std::string words_of(const pulse::ServerSetting& setting);

}  // namespace tandem::failover
