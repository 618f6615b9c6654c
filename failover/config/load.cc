#include "failover/config/load.h"

#include "config/tree.h"
#include "failover/config/build.h"

#include <ifaddrs.h>
#include <sys/socket.h>

#include <cstdlib>
#include <utility>

namespace tandem::failover::config {
namespace {

bool is_own_address(const IpAddress& wanted) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != wanted.family()) continue;
    const socklen_t size = wanted.is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    found = found || SocketAddress(at->ifa_addr, size).host() == wanted.text();
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace

Identity Identity::of_this_machine(std::string_view node) {
  Identity identity;
  identity.node = node;
  if (const char* said = std::getenv("TANDEM_NODE"); identity.node.empty() && said != nullptr)
    identity.node = said;
  identity.owns = is_own_address;
  return identity;
}

LoadResult load(const std::vector<std::string>& paths, const Identity& identity,
                const tandem::config::Environment& environment) {
  tandem::config::Tree tree = tandem::config::read_tree(paths, environment);
  auto settings = std::make_shared<Settings>();
  if (tree.is_whole)
    build({environment, tree.report, tandem::config::Place{&tree.root, ""}}, identity, *settings);
  LoadResult result;
  result.errors = tree.report.take_errors();
  result.warnings = tree.report.take_warnings();
  result.hash = std::move(tree.hash);
  result.missing_file = tree.missing_file;
  if (result.errors.empty()) result.settings = std::move(settings);
  return result;
}

}  // namespace tandem::failover::config
