#include "failover/wire/advert.h"

#include "common/check.h"
#include "failover/wire/checksum.h"

#include <algorithm>

namespace tandem::failover::wire {
namespace {

void check_encodable(const Advert& advert, const Envelope& envelope) {
  const bool is_v6 = envelope.source.is_v6();
  TANDEM_CHECK(advert.version == kVersion3 || (advert.version == kVersion2 && !is_v6));
  TANDEM_CHECK(advert.vrid != 0);
  TANDEM_CHECK(!advert.addresses.empty() && advert.addresses.size() <= kAddressesMax);
  TANDEM_CHECK(envelope.destination.is_v6() == is_v6);
  for (const IpAddress& address : advert.addresses) TANDEM_CHECK(address.is_v6() == is_v6);
}

/// Authentication type and interval of version 2.
std::uint16_t fourth_word_of_version2(const Advert& advert, const Form& form) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(advert.interval);
  TANDEM_CHECK(seconds == advert.interval && seconds.count() >= 1 &&
               seconds <= kIntervalMaxVersion2);
  const std::uint8_t type = form.password.empty() ? kAuthNone : kAuthPassword;
  return static_cast<std::uint16_t>(type << 8 | seconds.count());
}

std::uint16_t fourth_word_of_version3(const Advert& advert) {
  TANDEM_CHECK(advert.interval >= Centiseconds(1) && advert.interval <= kIntervalMax);
  return static_cast<std::uint16_t>(advert.interval.count());
}

}  // namespace

std::array<std::uint8_t, kPasswordBytes> password_field(const std::string& password) {
  std::array<std::uint8_t, kPasswordBytes> field{};
  std::copy_n(password.begin(), std::min(password.size(), field.size()), field.begin());
  return field;
}

Bytes encode(const Advert& advert, const Envelope& envelope, const Form& form) {
  check_encodable(advert, envelope);
  const bool is_version2 = advert.version == kVersion2;
  Bytes bytes(kAddressesAt);
  bytes[kVersionTypeAt] = static_cast<std::uint8_t>(advert.version << 4 | kTypeAdvert);
  bytes[kVridAt] = advert.vrid;
  bytes[kPriorityAt] = advert.priority;
  bytes[kCountAt] = static_cast<std::uint8_t>(advert.addresses.size());
  put_u16(bytes, kIntervalAt,
          is_version2 ? fourth_word_of_version2(advert, form) : fourth_word_of_version3(advert));
  for (const IpAddress& address : advert.addresses) append(bytes, address.bytes());
  if (is_version2) append(bytes, password_field(form.password));

  Checksum checksum;
  checksum.add(bytes);
  if (envelope.source.is_v6() || (!is_version2 && form.has_pseudo_header))
    checksum.add_pseudo_header(envelope.source, envelope.destination, kProtocolVrrp, bytes.size());
  put_u16(bytes, kChecksumAt, checksum.value());
  return bytes;
}

}  // namespace tandem::failover::wire
