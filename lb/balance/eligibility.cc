#include "lb/balance/eligibility.h"

namespace tandem::lb::balance {
namespace {

Acting::Group group_for(const Acting& counts, bool allbackups) noexcept {
  if (counts.active > 0) return Acting::Group::kActive;
  if (counts.backup == 0) return Acting::Group::kNobody;
  return allbackups ? Acting::Group::kAllBackups : Acting::Group::kFirstBackup;
}

}  // namespace

bool Acting::usable(ServerIndex i, const Standing& standing) const noexcept {
  if (!standing.available()) return false;
  switch (group) {
    case Group::kNobody:
      return false;
    case Group::kActive:
      return !standing.backup;
    case Group::kFirstBackup:
      return standing.backup && i == first_backup;
    case Group::kAllBackups:
      return standing.backup;
  }
  return false;
}

Acting decide_acting(std::span<const Standing> servers, bool allbackups) noexcept {
  Acting acting;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (!servers[i].available()) continue;
    if (!servers[i].backup) {
      ++acting.active;
    } else if (acting.backup++ == 0) {
      acting.first_backup = static_cast<ServerIndex>(i);
    }
  }
  acting.group = group_for(acting, allbackups);
  return acting;
}

}  // namespace tandem::lb::balance
