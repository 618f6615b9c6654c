// ServerSettings: what operators have set on servers and what the checks have found, each with the
// time at which it became so. This is what the other node of a pair, or the next tandem-lb of this
// one, learns of them through tandem-failover, and where what comes from there is weighed against
// what is had: the later counts. It decides no server's state (the Fleet does) and sends nothing
// itself. Thread: control.
#pragma once

#include "common/pulse.h"
#include "lb/health/result.h"
#include "lb/upstream/fleet.h"

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tandem::lb::upstream {

/// Owner: lb/server.
class ServerSettings {
 public:
  struct Parts {
    Fleet& fleet;  // outlives this; its on_setting() is taken
    /// Since the epoch, as the machine's clock says, which may step.
    std::function<std::uint64_t()> microseconds;
    /// Something is another now, by an operator of this node or by checks of this node.
    std::function<void(const pulse::ServerSetting&)> tell;
  };

  explicit ServerSettings(Parts parts);
  ServerSettings(const ServerSettings&) = delete;
  ServerSettings& operator=(const ServerSettings&) = delete;

  /// For Checker::Callbacks::on_result: a state that was taken on somebody's word may be confirmed.
  void checked(ServerId id, const health::Result& result);
  /// From elsewhere. Older than what is had: nothing. A server that is not known here, and a value
  /// that is none: nothing, and a line for debugging. Health is believed only until the first check
  /// of that server has ended.
  void take(const pulse::ServerSetting& setting);
  /// All that is not as configured, and the health of every server whose checks have found it.
  [[nodiscard]] std::vector<pulse::ServerSetting> all() const;

 private:
  using What = pulse::ServerSetting::What;

  /// Ordered as pulse::ServerSetting says.
  struct Stamped {
    std::uint64_t stamp = 0;
    std::uint16_t value = 0;
    friend std::strong_ordering operator<=>(const Stamped&, const Stamped&) = default;
  };
  struct Entry {
    ServerId id;
    std::string name;  // "backend/server"
    std::array<Stamped, 3> had;
    bool has_health = false;  // of checks made here

    [[nodiscard]] Stamped& of(What what) noexcept {
      return had[static_cast<std::size_t>(what) - 1];
    }
    [[nodiscard]] const Stamped& of(What what) const noexcept {
      return had[static_cast<std::size_t>(what) - 1];
    }
  };

  [[nodiscard]] Entry& entry(ServerId id);
  void note(ServerId id, Setting setting);
  void note_health(Entry& entry);
  void set(Entry& entry, What what, std::uint16_t value);
  void apply(const Entry& entry, What what, std::uint16_t value);
  [[nodiscard]] static pulse::ServerSetting packet(const Entry& entry, What what);

  Parts parts_;
  std::vector<Entry> entries_;      // in file order
  std::vector<std::size_t> first_;  // entry of the first server, by backend
  std::unordered_map<std::string_view, std::size_t> by_name_;  // of entries_, never moved
};

}  // namespace tandem::lb::upstream
