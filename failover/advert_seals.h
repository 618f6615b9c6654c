// AdvertSeals: the seals on one virtual router's adverts (failover/wire/seal.h) with the
// configuration's keys and the machine's clock: puts them on, looks at those of others, and has
// words for a person where they do not fit. Thread: the loop's.
#pragma once

#include "common/sparingly.h"
#include "failover/config/settings.h"
#include "failover/wire/decode.h"
#include "failover/wire/seal.h"

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tandem::failover {

/// What one daemon hands on to the next in its process.
struct SealMemory {
  std::optional<std::uint64_t> sent;
  std::vector<wire::ReplayWindow::Mark> heard;
};

class AdvertSeals {
 public:
  /// When a seal is going to be sent.
  enum class Use : std::uint8_t {
    kNow,
    kWhenDead,  // by the guard: good until must_renew()
  };

  AdvertSeals(const config::Auth& auth, const SealMemory& memory, wire::WallTime now);

  /// Nothing where plain adverts are sent.
  void seal(wire::Bytes& message, const wire::Envelope& envelope, Use use, wire::WallTime now);
  /// Whether what was sealed for the guard must be sealed anew before the next advert.
  [[nodiscard]] bool must_renew(wire::WallTime now) const noexcept {
    return sealer_.must_seal_ahead(now);
  }

  [[nodiscard]] std::expected<wire::Advert, wire::Refusal> read(
      wire::ByteView payload, const wire::Envelope& envelope, const wire::Expectation& expectation,
      wire::WallTime now);

  /// What is to be said about a payload that read() refused; nullopt: nothing, because it is no
  /// affair of seals, or because it was said within the last minute.
  [[nodiscard]] std::optional<std::string> complain(wire::Refusal refusal, wire::ByteView payload,
                                                    const wire::Envelope& envelope,
                                                    wire::WallTime now);
  /// The same about one that was taken: the sender's clock is halfway to where it would not be.
  [[nodiscard]] std::optional<std::string> warn(const wire::Envelope& envelope);

  /// By how much the clock of the node that was heard last is ahead of ours.
  [[nodiscard]] double clock_ahead_seconds() const noexcept { return clock_ahead_; }
  [[nodiscard]] SealMemory memory() const { return {sealer_.last(), checker_.marks()}; }

 private:
  [[nodiscard]] bool may_speak(wire::Refusal refusal);

  config::AuthMode mode_;
  std::chrono::seconds window_;
  wire::Sealer sealer_;
  wire::SealChecker checker_;
  double clock_ahead_ = 0;
  std::map<wire::Refusal, Sparingly> complaints_;
  Sparingly about_clocks_;
};

}  // namespace tandem::failover
