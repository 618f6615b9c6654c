// ewma: of two servers drawn by weight, the one with the lower cost: recent time to the first byte,
// times requests running (this one included), over weight. The measure jumps up with a slow
// response and falls slowly ("peak" EWMA), so that a server in trouble is left alone at once; it
// fades with time as well, so that the server is asked again later. Each worker measures for
// itself.
#include "lb/balance/policies.h"
#include "lb/balance/weighted_draw.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tandem::lb::balance {
namespace {

class Ewma final : public Policy {
 public:
  explicit Ewma(std::uint64_t seed) : random_(seed) {}

  void rebuild(const ServerView& view) override;
  std::optional<ServerIndex> pick(const PickRequest& request, const ServerView& view) override;
  [[nodiscard]] bool wants_latency() const noexcept override { return true; }
  void completed(ServerIndex i, Duration first_byte, Instant now) override;

 private:
  /// After this time an old measurement counts 1/e.
  static constexpr double kMemory = std::chrono::nanoseconds(std::chrono::seconds(10)).count();
  /// Draws in search of a second server that is another and has room.
  static constexpr int kDrawsMax = 6;

  struct Measure {
    double latency = 0;  // ns, as of `at`; 0: nothing measured yet
    Instant at{};
    bool usable = false;
  };

  [[nodiscard]] double latency_now(ServerIndex i) const noexcept;
  [[nodiscard]] ServerIndex better(ServerIndex a, ServerIndex b, const ServerView& view) const;
  [[nodiscard]] std::optional<ServerIndex> draw(const PickRequest& request, const ServerView& view,
                                                std::optional<ServerIndex> other);

  Random random_;
  WeightedDraw draw_;
  std::vector<Measure> measures_;
  Instant now_{};  // the latest time anyone told
};

void Ewma::rebuild(const ServerView& view) {
  draw_.rebuild(view);
  measures_.resize(view.size());
  for (ServerIndex i = 0; i < view.size(); ++i) {
    // What was measured before it went away says little about how it comes back.
    if (view[i].usable && !measures_[i].usable) measures_[i] = {};
    measures_[i].usable = view[i].usable;
  }
}

double Ewma::latency_now(ServerIndex i) const noexcept {
  const Measure& measure = measures_[i];
  const auto age = static_cast<double>((now_ - measure.at).count());
  return measure.latency * std::exp(-age / kMemory);
}

void Ewma::completed(ServerIndex i, Duration first_byte, Instant now) {
  now_ = std::max(now_, now);
  Measure& measure = measures_[i];
  const double sample = std::max(static_cast<double>(first_byte.count()), 1.0);
  const auto age = static_cast<double>((now_ - measure.at).count());
  if (sample < measure.latency)
    measure.latency = sample + (measure.latency - sample) * std::exp(-age / kMemory);
  else
    measure.latency = sample;
  measure.at = now_;
}

/// A server without measurements is taken to be as fast as its rival: its load and weight decide,
/// so it is neither flooded nor starved while its first answers are on their way.
ServerIndex Ewma::better(ServerIndex a, ServerIndex b, const ServerView& view) const {
  const bool measured = measures_[a].latency > 0 && measures_[b].latency > 0;
  const auto cost = [&](ServerIndex i, ServerIndex rival) {
    const double latency = measured ? latency_now(i) : 1.0;
    return latency * (view.load(i) + 1.0) * view[rival].weight;
  };
  return cost(b, a) < cost(a, b) ? b : a;
}

std::optional<ServerIndex> Ewma::draw(const PickRequest& request, const ServerView& view,
                                      std::optional<ServerIndex> other) {
  for (int n = 0; n < kDrawsMax; ++n) {
    const ServerIndex i = draw_.draw(random_);
    if (i != other && !view.full(i) && !request.was_tried(i)) return i;
  }
  return std::nullopt;
}

std::optional<ServerIndex> Ewma::pick(const PickRequest& request, const ServerView& view) {
  if (draw_.empty()) return std::nullopt;
  now_ = std::max(now_, request.now);
  const std::optional<ServerIndex> one = draw(request, view, std::nullopt);
  if (!one)
    return draw_.search(random_,
                        [&](ServerIndex i) { return !view.full(i) && !request.was_tried(i); });
  const std::optional<ServerIndex> two = draw(request, view, one);
  return two ? better(*one, *two, view) : *one;
}

}  // namespace

std::unique_ptr<Policy> make_ewma(const config::Balance& /*balance*/, std::uint64_t seed) {
  return std::make_unique<Ewma>(seed);
}

}  // namespace tandem::lb::balance
