// "inspect-delay", and whether there is a client's hello for the rules that look at one.
#include "lb/config/build.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::config {
namespace {

constexpr Milliseconds kInspectDelay{5'000};

void add_conditions(const Place& conditions, std::vector<Place>& out) {
  if (!conditions || conditions.value->type != jsonc::Type::kObject) return;
  for (const jsonc::Member& member : conditions.value->members)
    if (std::string_view(member.key).starts_with("req.ssl_"))
      out.push_back(conditions.child(member.key));
  add_conditions(conditions.child("not"), out);
}

/// The conditions that look at a client's hello.
std::vector<Place> hello_conditions(const Place& rules) {
  std::vector<Place> found;
  if (!rules || rules.value->type != jsonc::Type::kArray) return found;
  for (const Place& rule : one_or_list(rules))
    if (rule.value->type == jsonc::Type::kObject) add_conditions(rule.child("if"), found);
  return found;
}

void refuse_in_http(const BuildContext& context, const std::vector<Place>& conditions) {
  for (const Place& at : conditions)
    context.error(at,
                  "it looks at TLS that is passed on, as mode \"tcp\" does; in mode \"http\" the "
                  "name a client asks for is that of \"host\"");
}

}  // namespace

std::optional<Milliseconds> build_inspect_delay(const BuildContext& context, const Place& place,
                                                const Frontend& frontend) {
  const std::vector<Place> conditions = hello_conditions(place.child("rules"));
  const bool is_tcp = frontend.mode == Mode::kTcp;
  if (!is_tcp) refuse_in_http(context, conditions);
  if (!is_tcp || conditions.empty()) {
    if (const Place own = place.child("inspect-delay"))
      context.warning(own, "means nothing: no rule looks at a client's hello (\"req.ssl_sni\")");
    return std::nullopt;
  }
  for (const Bind& bind : frontend.binds)
    if (bind.ssl)
      context.error(conditions.front(),
                    fmt::format("it looks at TLS that is passed on, and at \"{}\" TLS ends: give "
                                "that bind a frontend of its own, or take its \"ssl\" away",
                                bind.text));
  Milliseconds wait = kInspectDelay;
  read(Layers({place, context.defaults}).find("inspect-delay"), wait);
  return wait;
}

}  // namespace tandem::lb::config
