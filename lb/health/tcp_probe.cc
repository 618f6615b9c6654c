// The "tcp" check: the server accepts a connection, and shakes hands where checks speak TLS; with
// "tls" they always do. With "steps" it goes on as a dialogue.
#include "lb/health/dialogue_probe.h"
#include "lb/health/probe_connection.h"
#include "lb/health/probes.h"

namespace tandem::lb::health {
namespace {

class TcpProbe final : public ProbeConnection {
 public:
  using ProbeConnection::ProbeConnection;

 private:
  void on_connected() override {
    const Status good = is_plain() ? Status::kL4Ok : Status::kL6Ok;
    close_with_reset();
    finish(good, 0, "");
  }
  void on_progress() override {}
  [[nodiscard]] Status late_status() const noexcept override { return Status::kL4Tout; }
};

}  // namespace

std::unique_ptr<Probe> start_tcp_probe(event::Poller& poller, const ProbeTarget& target,
                                       ProbeDone done) {
  if (!target.check->steps.empty())
    return start_dialogue_probe(poller, target, std::move(done),
                                make_steps_dialogue(*target.check));
  return std::make_unique<SocketProbe>(poller,
                                       std::make_unique<TcpProbe>(poller, target, std::move(done)));
}

}  // namespace tandem::lb::health
