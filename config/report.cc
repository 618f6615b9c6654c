#include "config/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace tandem::config {

std::uint32_t Report::add_source(std::string name) {
  sources_.push_back(std::move(name));
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

void Report::add(std::vector<Entry>& to, const jsonc::Position& at, std::string_view pointer,
                 std::string message) {
  Problem problem{source(at.source), at.line, at.column, std::string(pointer), std::move(message)};
  const auto same = [&](const Entry& entry) { return entry.problem == problem; };
  if (std::none_of(to.begin(), to.end(), same)) to.push_back({at, std::move(problem)});
}

void Report::error(const jsonc::Position& at, std::string_view pointer, std::string message) {
  add(errors_, at, pointer, std::move(message));
}

void Report::warning(const jsonc::Position& at, std::string_view pointer, std::string message) {
  add(warnings_, at, pointer, std::move(message));
}

std::string Report::place(const jsonc::Position& at) const {
  return fmt::format("{}:{}:{}", source(at.source), at.line, at.column);
}

Problems Report::take(std::vector<Entry>& entries) {
  const auto key = [](const Entry& e) { return std::tuple(e.at.source, e.at.line, e.at.column); };
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  Problems problems;
  for (Entry& entry : entries) problems.push_back(std::move(entry.problem));
  entries.clear();
  return problems;
}

}  // namespace tandem::config
