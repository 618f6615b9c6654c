#include "failover/legacy.h"

#include "common/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <utility>

namespace tandem::failover {
namespace {

std::optional<Heirloom> decode_heirloom(std::string_view text) {
  const auto fields = split(text, ',');
  if (fields.size() < 3) return std::nullopt;
  Heirloom heirloom{.interface = std::string(fields[0])};
  std::int64_t nanoseconds = 0;
  const auto [end, error] =
      std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), nanoseconds);
  if (error != std::errc() || end != fields[1].data() + fields[1].size()) return std::nullopt;
  heirloom.waits_until = Instant(std::chrono::nanoseconds(nanoseconds));
  for (std::size_t i = 2; i < fields.size(); ++i) {
    const auto vip = IpPrefix::parse(fields[i]);
    if (!vip) return std::nullopt;
    heirloom.vips.push_back(*vip);
  }
  return heirloom;
}

}  // namespace

// router=interface,nanoseconds,vip[,vip …][;router=…]
std::string encode_legacy(const Legacy& legacy) {
  std::vector<std::string> routers;
  for (const auto& [name, heirloom] : legacy.active) {
    std::string text = fmt::format("{}={},{}", name, heirloom.interface,
                                   heirloom.waits_until.time_since_epoch().count());
    for (const IpPrefix& vip : heirloom.vips) text += "," + vip.text();
    routers.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(routers, ";"));
}

std::optional<Legacy> decode_legacy(std::string_view text) {
  Legacy legacy;
  if (text.empty()) return legacy;
  for (const std::string_view router : split(text, ';')) {
    const std::size_t equals = router.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    auto heirloom = decode_heirloom(router.substr(equals + 1));
    if (!heirloom) return std::nullopt;
    legacy.active.emplace(router.substr(0, equals), std::move(*heirloom));
  }
  return legacy;
}

}  // namespace tandem::failover
