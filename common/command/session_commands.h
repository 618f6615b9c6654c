// The commands that belong to the connection itself and not to a product: prompt, quit, help,
// levels, severity and timeout.
#pragma once

namespace tandem::command {

class CommandTable;

void add_session_commands(CommandTable& table);

}  // namespace tandem::command
