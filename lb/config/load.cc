#include "lb/config/load.h"

#include "common/jsonc.h"
#include "common/text.h"
#include "config/tree.h"
#include "lb/config/build.h"

#include <fmt/format.h>

#include <utility>

namespace tandem::lb::config {
namespace {

using jsonc::Member;
using jsonc::Value;

/// Where each piece of a comma-separated list stands in it.
std::vector<Value> pieces(std::string_view list, std::uint32_t source) {
  std::vector<Value> values;
  for (const std::string_view piece : split(list, ',')) {
    Value value;
    value.type = jsonc::Type::kString;
    value.at = {1, static_cast<int>(piece.data() - list.data()) + 1, source};
    value.text = piece;
    values.push_back(std::move(value));
  }
  return values;
}

Value object(std::vector<Member> members) {
  Value value;
  value.type = jsonc::Type::kObject;
  if (!members.empty()) value.at = members.front().at;
  value.members = std::move(members);
  return value;
}

Member member(std::string key, Value value) {
  const jsonc::Position at = value.at;
  return {std::move(key), at, std::move(value)};
}

LoadResult finish(Tree tree, const Environment& environment) {
  LoadResult result;
  auto snapshot = std::make_shared<Snapshot>();
  // A file that breaks the grammar hides what the others refer to: no use in looking further.
  if (tree.is_whole) build(tree.root, environment, tree.report, *snapshot);
  result.errors = tree.report.take_errors();
  result.warnings = tree.report.take_warnings();
  result.missing_file = tree.missing_file;
  result.hash = std::move(tree.hash);
  if (result.errors.empty()) result.snapshot = std::move(snapshot);
  return result;
}

}  // namespace

LoadResult load(const std::vector<std::string>& paths, const Environment& environment) {
  return finish(read_tree(paths, environment), environment);
}

LoadResult load_from_to(std::string_view from, std::string_view to,
                        const Environment& environment) {
  Report report;
  Value bind;
  bind.type = jsonc::Type::kArray;
  bind.items = pieces(from, report.add_source("--from"));
  bind.at = bind.items.front().at;
  const std::uint32_t to_source = report.add_source("--to");
  std::vector<Member> servers;
  for (Value& server : pieces(to, to_source))
    servers.push_back(member(fmt::format("web{}", servers.size() + 1), std::move(server)));
  Value app;
  app.type = jsonc::Type::kString;
  app.at = bind.at;
  app.text = "app";
  const auto named = [](std::string name, std::vector<Member> members) {
    return object({member(std::move(name), object(std::move(members)))});
  };
  Value whole =
      object({member("frontends", named("www", {member("bind", std::move(bind)),
                                                member("default_backend", std::move(app))})),
              member("backends", named("app", {member("servers", object(std::move(servers)))}))});
  return finish(check_tree(std::move(whole), std::move(report), environment), environment);
}

}  // namespace tandem::lb::config
