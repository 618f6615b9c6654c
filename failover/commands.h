// What tandemctl and people ask on the control socket: how the virtual routers are and why, and
// what has happened. Thread: the loop's.
#pragma once

#include "common/command/table.h"

#include <string>

namespace tandem::failover {

class Daemon;

/// `daemon` outlives the table.
void add_commands(command::CommandTable& table, Daemon& daemon);

/// "show failover" as text: a line for the node, then each router with what it holds and why, then
/// what is tracked.
[[nodiscard]] std::string describe(const Daemon& daemon);

}  // namespace tandem::failover
