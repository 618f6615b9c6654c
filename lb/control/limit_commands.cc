// set maxconn server, frontend, global.
#include "common/text.h"
#include "lb/control/commands.h"
#include "lb/control/names.h"

#include <limits>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;

std::optional<std::uint32_t> parse_limit(std::string_view text) {
  const auto value = parse_decimal(text);
  if (!value || *value > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

Reply set_server_maxconn(ControlContext& context, Invocation& invocation) {
  const auto id = find_server(context.snapshot, invocation.word(3));
  if (!id) return Reply::error(std::string(id.error()));
  if (invocation.word(4).empty()) return Reply::error("Require <maxconn>.");
  const auto limit = parse_limit(invocation.word(4));
  if (!limit) return Reply::error("maxconn string empty or preceded by garbage");
  context.fleet.set_maxconn(*id, *limit);
  return Reply::done();
}

Reply set_frontend_maxconn(ControlContext& context, Invocation& invocation) {
  if (invocation.word(3).empty()) return Reply::error("A frontend name is expected.");
  const auto frontend = find_frontend(context.snapshot, invocation.word(3));
  if (!frontend) return Reply::error("No such frontend.");
  const auto limit = parse_limit(invocation.word(4));
  if (!limit) return Reply::error("Integer value expected.");
  context.shared.frontends[*frontend].maxconn.store(*limit, std::memory_order_relaxed);
  return Reply::done();
}

Reply set_global_maxconn(ControlContext& context, Invocation& invocation) {
  const auto limit = parse_limit(invocation.word(3));
  if (!limit) return Reply::error("Expects an integer value.");
  // Memory and descriptors were set aside at start for as many as the configuration says.
  if (*limit > context.snapshot.global.maxconn) return Reply::error("Value out of range.");
  const std::uint32_t value = *limit == 0 ? context.snapshot.global.maxconn : *limit;
  context.shared.process.maxconn.store(value, std::memory_order_relaxed);
  return Reply::done();
}

}  // namespace

void add_limit_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"set maxconn server", Level::kAdmin, "set maxconn server <bk>/<srv> <value>",
             "change a server's maxconn setting", [&context](Invocation& invocation) {
               return set_server_maxconn(context, invocation);
             }});
  table.add({"set maxconn frontend", Level::kAdmin, "set maxconn frontend <frontend> <value>",
             "change a frontend's maxconn setting", [&context](Invocation& invocation) {
               return set_frontend_maxconn(context, invocation);
             }});
  table.add({"set maxconn global", Level::kAdmin, "set maxconn global <value>",
             "change the per-process maxconn setting", [&context](Invocation& invocation) {
               return set_global_maxconn(context, invocation);
             }});
}

}  // namespace tandem::lb::control
