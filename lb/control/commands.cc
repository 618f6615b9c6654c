#include "lb/control/commands.h"

namespace tandem::lb::control {

void add_commands(command::CommandTable& table, ControlContext& context) {
  add_stat_commands(table, context);
  add_info_commands(table, context);
  add_servers_commands(table, context);
  add_server_commands(table, context);
  add_weight_commands(table, context);
  add_limit_commands(table, context);
  add_error_commands(table, context);
  add_certificate_commands(table, context.certificates);
}

}  // namespace tandem::lb::control
