// The runtime commands of tandem-lb: HAProxy's words, one file for each family, one table.
#pragma once

#include "common/command/table.h"
#include "lb/control/context.h"

namespace tandem::lb::control {

/// Adds every family to `table`. `context` outlives it. To serve them:
///
///   command::CommandTable table;
///   control::add_commands(table, context);
///   command::CommandServer server(poller, table);
///   server.listen({address, mode, level}, "/runtime/0/bind");
void add_commands(command::CommandTable& table, ControlContext& context);

// The families.
void add_stat_commands(command::CommandTable& table, ControlContext& context);     // show stat
void add_info_commands(command::CommandTable& table, ControlContext& context);     // show info, …
void add_servers_commands(command::CommandTable& table, ControlContext& context);  // show servers …
void add_server_commands(command::CommandTable& table, ControlContext& context);   // set server, …
void add_weight_commands(command::CommandTable& table, ControlContext& context);
void add_limit_commands(command::CommandTable& table, ControlContext& context);  // set maxconn
void add_error_commands(command::CommandTable& table, ControlContext& context);  // show errors
void add_certificate_commands(command::CommandTable& table, CertificateStore& store);  // … ssl cert

}  // namespace tandem::lb::control
