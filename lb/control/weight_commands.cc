// get weight, set weight, and "set server … weight".
#include "lb/control/weight_commands.h"

#include "lb/control/commands.h"
#include "lb/control/names.h"
#include "lb/upstream/wishes.h"

#include <fmt/format.h>

#include <string>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;
using upstream::ServerId;

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
  const auto weight = upstream::read_weight(text, context.fleet.server(id).initial_weight);
  if (!weight) return Reply::error(std::string(weight.error()));
  context.fleet.set_weight(id, *weight);
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
