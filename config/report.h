// Report: collects what is found wrong while one configuration is loaded. One owner, one load.
#pragma once

#include "common/jsonc.h"
#include "config/problem.h"

#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

class Report {
 public:
  /// Names a text; the number goes into jsonc::Position::source.
  std::uint32_t add_source(std::string name);
  [[nodiscard]] const std::string& source(std::uint32_t number) const { return sources_[number]; }

  /// A problem said twice is kept once: defaults are looked at by each proxy that uses them.
  void error(const jsonc::Position& at, std::string_view pointer, std::string message);
  void warning(const jsonc::Position& at, std::string_view pointer, std::string message);

  [[nodiscard]] bool has_errors() const noexcept { return !errors_.empty(); }
  /// "file:line:column", for messages that name a second place.
  [[nodiscard]] std::string place(const jsonc::Position& at) const;

  /// By source and position. Empties the report.
  [[nodiscard]] Problems take_errors() { return take(errors_); }
  [[nodiscard]] Problems take_warnings() { return take(warnings_); }

 private:
  struct Entry {
    jsonc::Position at;
    Problem problem;
  };
  void add(std::vector<Entry>& to, const jsonc::Position& at, std::string_view pointer,
           std::string message);
  static Problems take(std::vector<Entry>& entries);

  std::vector<std::string> sources_;
  std::vector<Entry> errors_;
  std::vector<Entry> warnings_;
};

}  // namespace tandem::config
