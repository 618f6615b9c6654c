#include "config/tree.h"

#include "common/random.h"
#include "config/files.h"
#include "config/layers.h"
#include "config/shape.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <utility>

namespace tandem::config {
namespace {

using jsonc::Member;
using jsonc::Value;

/// The file's own name, whatever the way to it, so that none is read twice.
std::string canonical(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  std::string result = resolved != nullptr ? resolved : path;
  std::free(resolved);
  return result;
}

class Loader {
 public:
  explicit Loader(const Environment& environment, Report report = {})
      : environment_(environment), report_(std::move(report)) {
    merged_.type = jsonc::Type::kObject;
  }

  void path(const std::string& path) {
    if (!is_folder(path)) return file(path, nullptr, "");
    const auto files = files_of_folder(path, "*.jsonc");
    if (files.empty())
      report_.error({.source = report_.add_source(path)}, "", "no *.jsonc file in this folder");
    for (const std::string& found : files) file(found, nullptr, "");
  }

  /// A tree that is no file's.
  void tree(Value root) { take(std::move(root)); }

  Tree finish() {
    return {.root = std::move(merged_),
            .report = std::move(report_),
            .hash = fmt::format("{:016x}", hash_),
            .is_whole = whole_,
            .missing_file = missing_};
  }

 private:
  /// Reads `path`; problems of the file itself are said at `includer`, where there is one.
  void file(const std::string& path, const jsonc::Position* includer, const std::string& pointer) {
    const auto [seen, fresh] = read_.emplace(canonical(path), path);
    const jsonc::Position at =
        includer != nullptr ? *includer : jsonc::Position{.source = report_.add_source(path)};
    if (!fresh)
      return report_.error(at, pointer, fmt::format("{} is read already: name it once", path));
    const auto text = read_whole(path, kConfigBytesMax);
    if (!text) {
      missing_ = missing_ || (includer == nullptr && !exists(path));
      whole_ = false;
      return report_.error(at, pointer,
                           fmt::format("cannot read {}: {}", path, text.error().message));
    }
    parse(text->text, includer != nullptr ? report_.add_source(path) : at.source);
  }

  void parse(std::string_view text, std::uint32_t source) {
    hash_ = hash_bytes(text.data(), text.size(), hash_);
    jsonc::Document document = jsonc::parse(text, source);
    for (jsonc::Fault& fault : document.faults)
      report_.error(fault.at, fault.pointer, std::move(fault.message));
    if (document.complete)
      take(std::move(document.root));
    else
      whole_ = false;
  }

  void take(Value root) {
    check_shape(root, environment_, report_);
    if (root.type != jsonc::Type::kObject) {
      whole_ = false;
      return;
    }
    if (merged_.members.empty()) merged_.at = root.at;
    std::vector<Member> members = std::move(root.members);
    for (Member& member : members)
      if (member.key != "include" && member.key != "$schema") merge(std::move(member));
    for (const Member& member : members)
      if (member.key == "include") include({&member.value, "/include"});
  }

  void include(const Place& list) {
    for (const Place& place : one_or_list(list)) {
      if (place.value->type != jsonc::Type::kString || place.value->text.empty()) continue;
      const jsonc::Position at = place.value->at;
      for (const std::string& found :
           expand_pattern(beside(report_.source(at.source), place.value->text)))
        file(found, &at, place.pointer);
    }
  }

  /// Objects of the root grow by the members of further files; a member said twice is an error.
  void merge(Member member) {
    Value* known = find(merged_, member.key);
    if (known == nullptr) {
      merged_.members.push_back(std::move(member));
      return;
    }
    const std::string pointer = jsonc::child_pointer("", member.key);
    if (known->type != jsonc::Type::kObject || member.value.type != jsonc::Type::kObject)
      return twice(member, pointer, known->at);
    for (Member& inner : member.value.members) {
      const Value* other = known->find(inner.key);
      if (other != nullptr)
        twice(inner, jsonc::child_pointer(pointer, inner.key), other->at);
      else
        known->members.push_back(std::move(inner));
    }
  }

  void twice(const Member& member, const std::string& pointer, const jsonc::Position& first) {
    report_.error(member.at, pointer,
                  fmt::format("\"{}\" is defined twice; the first is at {}", member.key,
                              report_.place(first)));
  }

  static Value* find(Value& object, std::string_view key) {
    for (Member& member : object.members)
      if (member.key == key) return &member.value;
    return nullptr;
  }

  const Environment& environment_;
  Report report_;
  Value merged_;
  std::map<std::string, std::string> read_;  // canonical name -> name
  bool missing_ = false;
  bool whole_ = true;
  std::uint64_t hash_ = 0;
};

}  // namespace

Tree read_tree(const std::vector<std::string>& paths, const Environment& environment) {
  Loader loader(environment);
  for (const std::string& path : paths) loader.path(path);
  return loader.finish();
}

Tree check_tree(Value root, Report report, const Environment& environment) {
  Loader loader(environment, std::move(report));
  loader.tree(std::move(root));
  return loader.finish();
}

}  // namespace tandem::config
