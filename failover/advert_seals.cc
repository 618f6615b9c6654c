#include "failover/advert_seals.h"

#include "common/time.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace tandem::failover {
namespace {

static_assert(config::kAuthSecretMin == wire::kSecretBytesMin &&
              config::kAuthSecretMax == wire::kSecretBytesMax);

// A stranger can bring these about as often as he likes.
constexpr std::chrono::minutes kComplainEvery{1};

wire::Key key(const config::AuthKey& configured) {
  return {.id = configured.id, .secret = configured.secret};
}

std::vector<wire::Key> keys(const config::Auth& auth) {
  std::vector<wire::Key> keys;
  for (const config::AuthKey& configured : auth.keys) keys.push_back(key(configured));
  return keys;
}

std::string difference(double ahead) {
  return fmt::format("{:.1f} s {} ours", std::abs(ahead), ahead > 0 ? "ahead of" : "behind");
}

/// Empty: not about seals.
std::string words_of(wire::Refusal refusal, wire::ByteView payload, std::chrono::seconds window,
                     wire::WallTime now) {
  using enum wire::Refusal;
  switch (refusal) {
    case kSealMissing:
      return "they carry no seal";
    case kSealForm:
      return "their seal is of another kind";
    case kSealKey:
      return fmt::format("they are sealed with key {}, which is not listed here",
                         wire::seal_key_id(payload));
    case kSealStale:
      return fmt::format(
          "they are old, or its clock is wrong: it is {}, {} s are allowed",
          difference(wire::seconds_between(wire::sequence_at(now), wire::seal_sequence(payload))),
          window.count());
    case kSeal:
      return fmt::format("they are forged, or its key {} is another one than ours",
                         wire::seal_key_id(payload));
    case kReplay:
      return "they have been sent before";
    default:
      return {};
  }
}

}  // namespace

AdvertSeals::AdvertSeals(const config::Auth& auth, const SealMemory& memory, wire::WallTime now)
    : mode_(auth.mode),
      window_(auth.window),
      sealer_(key(auth.keys.front()), auth.window),
      checker_(keys(auth), auth.window, memory.heard),
      about_clocks_(kComplainEvery) {
  sealer_.follow(memory.sent, now);
}

void AdvertSeals::seal(wire::Bytes& message, const wire::Envelope& envelope, Use use,
                       wire::WallTime now) {
  if (mode_ == config::AuthMode::kAccept) return;
  if (use == Use::kNow)
    sealer_.seal(message, envelope, now);
  else
    sealer_.seal_ahead(message, envelope, now);
}

std::expected<wire::Advert, wire::Refusal> AdvertSeals::read(wire::ByteView payload,
                                                             const wire::Envelope& envelope,
                                                             const wire::Expectation& expectation,
                                                             wire::WallTime now) {
  auto advert = wire::decode_sealed(payload, envelope, expectation, checker_, now);
  if (!advert && advert.error() == wire::Refusal::kSealMissing &&
      mode_ != config::AuthMode::kDemand)
    return wire::decode(payload, envelope, expectation);
  if (advert)
    clock_ahead_ = wire::seconds_between(wire::sequence_at(now), wire::seal_sequence(payload));
  return advert;
}

bool AdvertSeals::may_speak(wire::Refusal refusal) {
  auto& sparingly = complaints_.try_emplace(refusal, kComplainEvery).first->second;
  return sparingly.may_speak(Clock::now()).has_value();
}

std::optional<std::string> AdvertSeals::complain(wire::Refusal refusal, wire::ByteView payload,
                                                 const wire::Envelope& envelope,
                                                 wire::WallTime now) {
  const std::string words = words_of(refusal, payload, window_, now);
  if (words.empty() || !may_speak(refusal)) return std::nullopt;
  return fmt::format("adverts in the name of {} are refused: {}", envelope.source.text(), words);
}

std::optional<std::string> AdvertSeals::warn(const wire::Envelope& envelope) {
  const double half = static_cast<double>(window_.count()) / 2;
  if (std::abs(clock_ahead_) <= half || !about_clocks_.may_speak(Clock::now())) return std::nullopt;
  return fmt::format("the clock of {} is {}: beyond {} s its adverts are refused",
                     envelope.source.text(), difference(clock_ahead_), window_.count());
}

}  // namespace tandem::failover
