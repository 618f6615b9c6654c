// get weight, set weight, and "set server … weight".
#include "lb/control/weight_commands.h"

#include "lb/control/commands.h"
#include "lb/control/names.h"

#include <fmt/format.h>

#include <charconv>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;
using upstream::ServerId;

constexpr long kWeightMax = 256;

Reply get_weight(const ControlContext& context, Invocation& invocation) {
  const auto id = find_server(context.snapshot, invocation.word(2));
  if (!id) return Reply::error(std::string(id.error()));
  const upstream::ServerState& state = context.fleet.server(*id);
  return Reply::data(fmt::format("{} (initial {})", state.weight, state.initial_weight));
}

Reply set_weight(ControlContext& context, Invocation& invocation) {
  const auto id = find_server(context.snapshot, invocation.word(2));
  if (!id) return Reply::error(std::string(id.error()));
  return set_weight(context, *id, invocation.word(3));
}

}  // namespace

Reply set_weight(ControlContext& context, ServerId id, std::string_view text) {
  if (text.empty()) return Reply::error("Require <weight> or <weight%>.");
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument)
    return Reply::error("Empty weight string empty or preceded by garbage");
  const std::string_view rest(end, text.data() + text.size());
  const bool is_relative = rest == "%";
  if (!rest.empty() && !is_relative) return Reply::error("Trailing garbage in weight string");
  if (is_relative) {
    // 100 % is the configured weight, as it stands in the file.
    if (error != std::errc() || value < 0 || value > 100 * kWeightMax)
      return Reply::error("Relative weight must be positive.");
    value = context.fleet.server(id).initial_weight * value / 100;
    if (value > kWeightMax) value = kWeightMax;
  } else if (error != std::errc() || value < 0 || value > kWeightMax) {
    return Reply::error("Absolute weight can only be between 0 and 256 inclusive.");
  }
  context.fleet.set_weight(id, static_cast<std::uint16_t>(value));
  return Reply::done();
}

void add_weight_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"get weight", Level::kUser, "get weight <bk>/<srv>",
             "report a server's current weight",
             [&context](Invocation& invocation) { return get_weight(context, invocation); }});
  table.add({"set weight", Level::kAdmin, "set weight <bk>/<srv>  (DEPRECATED)",
             "change a server's weight (use 'set server' instead)",
             [&context](Invocation& invocation) { return set_weight(context, invocation); }});
}

}  // namespace tandem::lb::control
