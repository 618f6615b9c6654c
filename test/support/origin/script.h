// Script: which plan a target gets, and the counters that tests ask for. One thread.
#pragma once

#include "test/support/origin/plan.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tandem::testing {

/// A plan with its answer made once, so that a benchmark pays for neither.
struct PreparedPlan {
  Plan plan;
  Wire wire;  // empty for the actions that make their answer from the request
};

class Script {
 public:
  struct Options {
    std::string name = "origin";
    std::string default_target;  // what unknown paths do; empty: answer with the name
    std::string force;           // what every path but /healthz and /-/ does
    std::string healthz = "/status/200";
    std::string raw_folder = ".";
  };

  explicit Script(Options options);

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] std::shared_ptr<const PreparedPlan> plan_for(std::string_view target);

  /// Changes `force` ("force /status/503", "force" to end it) or `healthz` ("healthz /freeze").
  /// False: neither, or no such target.
  [[nodiscard]] bool set(std::string_view line);

  /// False: one of the options names a target that does not exist; says which.
  [[nodiscard]] bool is_sound(std::string& complaint) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Cache =
      std::unordered_map<std::string, std::shared_ptr<const PreparedPlan>, Hash, std::equal_to<>>;

  [[nodiscard]] std::string_view effective(std::string_view target) const;
  [[nodiscard]] Plan plan_of(std::string_view target) const;

  Options options_;
  Cache cache_;
};

/// What /-/stats tells.
struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t open = 0;
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t peak_in_flight = 0;

  [[nodiscard]] std::string json() const;
};

}  // namespace tandem::testing
