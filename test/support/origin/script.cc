#include "test/support/origin/script.h"

#include <utility>

namespace tandem::testing {
namespace {

constexpr std::size_t kMostCachedPlans = 256;
constexpr std::size_t kLargestCachedBody = std::size_t{16} << 20;

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace

Script::Script(Options options) : options_(std::move(options)) {}

bool Script::is_sound(std::string& complaint) const {
  for (const std::string* target : {&options_.default_target, &options_.force, &options_.healthz}) {
    if (target->empty() || read_plan(*target, options_.raw_folder)) continue;
    complaint = "there is no target '" + *target + "'";
    return false;
  }
  return true;
}

std::string_view Script::effective(std::string_view target) const {
  if (target.starts_with("/-/")) return target;
  if (path_of(target) == "/healthz") return options_.healthz;
  return options_.force.empty() ? target : std::string_view(options_.force);
}

Plan Script::plan_of(std::string_view target) const {
  if (auto plan = read_plan(target, options_.raw_folder)) return *std::move(plan);
  if (auto plan = read_plan(options_.default_target, options_.raw_folder)) return *std::move(plan);
  Plan plan;
  plan.body = options_.name + "\n";
  return plan;
}

std::shared_ptr<const PreparedPlan> Script::plan_for(std::string_view target) {
  target = effective(target);
  if (const auto found = cache_.find(target); found != cache_.end()) return found->second;
  auto prepared = std::make_shared<PreparedPlan>();
  prepared->plan = plan_of(target);
  prepared->wire = encode(prepared->plan, prepared->plan.body, options_.name);
  prepared->plan.body.clear();
  if (cache_.size() >= kMostCachedPlans) cache_.clear();
  if (prepared->wire.bytes.size() <= kLargestCachedBody) cache_.emplace(target, prepared);
  return prepared;
}

bool Script::set(std::string_view line) {
  const auto space = line.find(' ');
  const std::string_view what = line.substr(0, space);
  const std::string target(space == std::string_view::npos ? "" : line.substr(space + 1));
  if (!target.empty() && !read_plan(target, options_.raw_folder)) return false;
  if (what == "force") {
    options_.force = target;
  } else if (what == "healthz" && !target.empty()) {
    options_.healthz = target;
  } else {
    return false;
  }
  return true;
}

std::string Counters::json() const {
  std::string json;
  const auto add = [&json](const char* name, std::uint64_t value) {
    json += json.empty() ? '{' : ',';
    json.append("\"").append(name).append("\": ").append(std::to_string(value));
  };
  add("connections", connections);
  add("open", open);
  add("requests", requests);
  add("in_flight", in_flight);
  add("peak_in_flight", peak_in_flight);
  return json + "}\n";
}

}  // namespace tandem::testing
