#include "lb/health/probes.h"

#include "common/check.h"
#include "lb/health/dialogue_probe.h"
#include "lb/tls/scram.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::lb::health {
namespace {

template <std::unique_ptr<Dialogue> (*make)(const config::Check&)>
std::unique_ptr<Probe> start(event::Poller& poller, const ProbeTarget& target, ProbeDone done) {
  return start_dialogue_probe(poller, target, std::move(done), make(*target.check));
}

std::unique_ptr<Probe> start_grpc_probe(event::Poller& poller, const ProbeTarget& target,
                                        ProbeDone done) {
  ProbeTarget http2 = target;
  http2.protocol = "h2";
  const GrpcPeer peer{.authority = host_of(target),
                      .timeout = target.timeout,
                      .is_encrypted = target.tls != nullptr};
  return start_dialogue_probe(poller, http2, std::move(done),
                              make_grpc_dialogue(*target.check, peer));
}

std::unique_ptr<Probe> start_pgsql_probe(event::Poller& poller, const ProbeTarget& target,
                                         ProbeDone done) {
  return start_dialogue_probe(poller, target, std::move(done),
                              make_pgsql_dialogue(*target.check, tls::ScramClient::make_nonce()));
}

constexpr std::array<ProbeKind, 9> kKinds = {{
    {config::Check::Type::kTcp, "tcp", start_tcp_probe},
    {config::Check::Type::kTls, "tls", start_tcp_probe},
    {config::Check::Type::kHttp, "http", start_http_probe},
    {config::Check::Type::kGrpc, "grpc", start_grpc_probe},
    {config::Check::Type::kPgsql, "pgsql", start_pgsql_probe},
    {config::Check::Type::kMysql, "mysql", start<make_mysql_dialogue>},
    {config::Check::Type::kRedis, "redis", start<make_redis_dialogue>},
    {config::Check::Type::kSmtp, "smtp", start<make_smtp_dialogue>},
    {config::Check::Type::kAgent, "agent", start<make_agent_dialogue>},
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

std::string host_of(const ProbeTarget& target) {
  if (!target.check->host.empty()) return target.check->host;
  return target.address.is_unix() ? "localhost" : target.address.text();
}

std::span<const ProbeKind> probe_kinds() noexcept { return kKinds; }

std::unique_ptr<Prober> make_socket_prober(event::Poller& poller) {
  return std::make_unique<SocketProber>(poller);
}

}  // namespace tandem::lb::health
