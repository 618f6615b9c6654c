// What is told of Sharing to people and programs: what operators have set on servers, whether the
// other nodes know it, and the events of all nodes. Thread: the loop's.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace tandem::failover {

class Daemon;

/// "servers: 2 set by operators (app/web1 drain, app/web2 weight 50), in step with lb2", as a line.
/// Many are cut short.
[[nodiscard]] std::string sharing_line(const Daemon& daemon);
/// How many of which table are known, and what operators have set: the first hundreds of it.
[[nodiscard]] nlohmann::ordered_json sharing_json(const Daemon& daemon);
/// Of all nodes, a line for each: time, node, router, words.
[[nodiscard]] std::string event_lines(const Daemon& daemon);

}  // namespace tandem::failover
