// Every runtime command over a fleet whose checks and time belong to the test.
#pragma once

#include "common/command/conversation.h"
#include "lb/control/commands.h"
#include "lb/control/stat_table.h"
#include "test/unit/lb/upstream/fleet_harness.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::control {

/// Frontend "www" (1), backend "app" (2) with web1 (checked), web2, spare (backup) and old (in
/// maintenance), backend "api" (3) with one server.
inline config::Snapshot make_config() {
  config::Snapshot snapshot = upstream::unchecked(4);
  snapshot.global.node = "lb1";
  snapshot.global.nbthread = 2;
  snapshot.global.maxconn = 5'000;
  config::Frontend& www = snapshot.frontends.emplace_back();
  www.name = "www";
  www.id = 1;
  config::Backend& app = snapshot.backends[0];
  app.fullconn = 500;
  app.servers[0].name = "web1";
  app.servers[0].check = true;
  app.servers[0].weight = 10;
  app.servers[0].maxconn = 200;
  app.servers[2].name = "spare";
  app.servers[2].backup = true;
  app.servers[3].name = "old";
  app.servers[3].state = config::InitialState::kMaint;
  config::Backend& api = snapshot.backends.emplace_back();
  api.name = "api";
  api.id = 3;
  config::Server& only = api.servers.emplace_back();
  only.name = "api1";
  only.id = 1;
  only.address = SocketAddress::parse_host("2001:db8::7", 9000).value();
  config::RuntimeSocket socket;
  socket.address = SocketAddress::parse("unix:/run/tandem/lb.sock").value();
  socket.level = config::Level::kAdmin;
  snapshot.runtime.push_back(socket);
  return snapshot;
}

class ControlHarness {
 public:
  explicit ControlHarness(config::Snapshot config = make_config())
      : fleet(std::move(config)),
        figures(*fleet.snapshot, 2),
        totals(*fleet.snapshot, figures),
        captures(*fleet.snapshot),
        certificates(*fleet.snapshot,
                     [this](CertificateStore::Place place, const auto& made) {
                       served.emplace_back(place, made);
                     }),
        context{*fleet.snapshot, *fleet.fleet, fleet.shared, totals,
                captures,        process,      certificates} {
    process.version = "0.1.0";
    process.release_date = "2026/11/21";
    process.pid = 4711;
    process.started = fleet.fleet->now();
    add_commands(table, context);
    fleet.pass(std::chrono::seconds(1));  // the first checks
  }

  /// The answer to one line, framing and all.
  [[nodiscard]] std::string ask(std::string_view line,
                                command::Level level = command::Level::kAdmin) {
    command::Conversation conversation(table, level);
    conversation.receive(std::string(line) + "\n");
    std::string output;
    while (conversation.step(output) == command::Conversation::Step::kAnswered) {
    }
    return output;
  }
  [[nodiscard]] std::string field(std::string_view proxy, std::string_view server, Column column) {
    for (const StatRow& row : make_rows(context.source(), {}))
      if (row[Column::kPxname].plain() == proxy && row[Column::kSvname].plain() == server)
        return row[column].plain();
    return "(no such row)";
  }

  upstream::FleetHarness fleet;
  figures::Figures figures;
  figures::Totals totals;
  figures::Captures captures;
  ProcessInfo process;
  std::vector<std::pair<CertificateStore::Place, CertificateStore::Context>> served;  // by commands
  CertificateStore certificates;
  ControlContext context;
  command::CommandTable table;
};

}  // namespace tandem::lb::control
