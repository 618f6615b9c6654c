#include "failover/wire/refusal.h"

namespace tandem::failover::wire {

std::string_view refusal_name(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kIpHeader:
      return "ip_header";
    case Refusal::kWrongHopLimit:
      return "hop_limit";
    case Refusal::kDestination:
      return "destination";
    case Refusal::kOwn:
      return "own";
    case Refusal::kSource:
      return "source";
    case Refusal::kTruncated:
      return "truncated";
    case Refusal::kVersion:
      return "version";
    case Refusal::kType:
      return "type";
    case Refusal::kVrid:
      return "vrid";
    case Refusal::kCount:
      return "count";
    case Refusal::kLength:
      return "length";
    case Refusal::kSealMissing:
      return "seal_missing";
    case Refusal::kSealForm:
      return "seal_form";
    case Refusal::kSealKey:
      return "seal_key";
    case Refusal::kSealStale:
      return "seal_stale";
    case Refusal::kSeal:
      return "seal";
    case Refusal::kChecksum:
      return "checksum";
    case Refusal::kAuthType:
      return "auth_type";
    case Refusal::kPassword:
      return "password";
    case Refusal::kInterval:
      return "interval";
    case Refusal::kAddresses:
      return "addresses";
    case Refusal::kAddressOrder:
      return "address_order";
    case Refusal::kReplay:
      return "replay";
  }
  return "unknown";
}

}  // namespace tandem::failover::wire
