#include "lb/health/probes.h"

#include "common/check.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::lb::health {
namespace {

constexpr std::array<ProbeKind, 2> kKinds = {{
    {config::Check::Type::kTcp, "tcp", start_tcp_probe},
    {config::Check::Type::kHttp, "http", start_http_probe},
}};

class SocketProber final : public Prober {
 public:
  explicit SocketProber(event::Poller& poller) : poller_(poller) {}

  [[nodiscard]] std::unique_ptr<Probe> start(const ProbeTarget& target, ProbeDone done) override {
    const auto* kind = std::ranges::find(kKinds, target.check->type, &ProbeKind::type);
    TANDEM_CHECK(kind != kKinds.end());
    return kind->start(poller_, target, std::move(done));
  }

 private:
  event::Poller& poller_;
};

}  // namespace

std::span<const ProbeKind> probe_kinds() noexcept { return kKinds; }

std::unique_ptr<Prober> make_socket_prober(event::Poller& poller) {
  return std::make_unique<SocketProber>(poller);
}

}  // namespace tandem::lb::health
