#include "lb/admin/metric_families.h"

#include "lb/admin/family_table.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <string>

namespace tandem::lb::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Values = std::initializer_list<std::string_view>;

constexpr std::array<std::string_view, 6> kCodes = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr std::array<std::string_view, static_cast<std::size_t>(figures::RequestError::kCount)>
    kReasons = {"bad_request", "timeout", "aborted"};

constexpr std::array<std::string_view, static_cast<std::size_t>(figures::ProxyHeaderError::kCount)>
    kHeaderReasons = {"missing",  "malformed", "unsupported", "too_long",
                      "checksum", "timeout",   "aborted"};

constexpr std::array<std::string_view, static_cast<std::size_t>(figures::HelloResult::kCount)>
    kHelloResults = {"read", "not_tls", "too_long", "timeout", "aborted"};

/// The families under construction, one for each row of the table.
class Builder {
 public:
  Builder() : families_(kFamilies) {
    for (std::size_t i = 0; i < kFamilies; ++i) {
      const FamilyInfo& info = metric_families()[i];
      families_[i].name = info.name;
      families_[i].help = info.help;
      families_[i].type = info.type;
    }
  }

  template <class Number>
  void add(Family family, Values labels, Number number) {
    ClientMetric& metric = append(family, labels);
    // Only the one that the family's type names is read.
    metric.counter.value = static_cast<double>(number);
    metric.gauge.value = static_cast<double>(number);
  }

  void add(Family family, Values labels, const HistogramSample& sample) {
    ClientMetric::Histogram& histogram = append(family, labels).histogram;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < sample.buckets.size(); ++i) {
      below += sample.buckets[i];
      const bool has_bound = i < metrics::kDurationBoundsMicroseconds.size();
      histogram.bucket.push_back(
          {below, has_bound ? static_cast<double>(metrics::kDurationBoundsMicroseconds[i]) / 1e6
                            : std::numeric_limits<double>::infinity()});
    }
    histogram.sample_count = below;
    histogram.sample_sum = static_cast<double>(sample.sum_microseconds) / 1e6;
  }

  [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  ClientMetric& append(Family family, Values values) {
    const auto i = static_cast<std::size_t>(family);
    ClientMetric& metric = families_[i].metric.emplace_back();
    const auto& names = metric_families()[i].labels;
    metric.label.reserve(values.size());
    auto name = names.begin();
    for (const std::string_view value : values)
      metric.label.push_back({std::string(*name++), std::string(value)});
    return metric;
  }

  std::vector<MetricFamily> families_;
};

/// Where the figures that backends and servers share are shown.
struct TrafficFamilies {
  Family requests, current, queue, responses, bytes_out, bytes_in, errors, retries, redispatches,
      denied, connects, reuses, idle, used, queue_duration, connect_duration, first_byte_duration,
      duration;
};

/// The rows of both levels stand in the same order.
constexpr TrafficFamilies traffic_families(Family first) {
  const auto at = [first](int i) { return static_cast<Family>(static_cast<int>(first) + i); };
  return {at(0), at(1),  at(2),  at(3),  at(4),  at(5),  at(6),  at(7),  at(8),
          at(9), at(10), at(11), at(12), at(13), at(14), at(15), at(16), at(17)};
}
constexpr TrafficFamilies kBackendTraffic = traffic_families(Family::kBackendRequests);
constexpr TrafficFamilies kServerTraffic = traffic_families(Family::kServerRequests);
static_assert(kBackendTraffic.duration == Family::kBackendDuration);
static_assert(kServerTraffic.duration == Family::kServerDuration);

void add_process(Builder& builder, const ProcessSample& process) {
  builder.add(Family::kBuildInfo, {process.version}, 1);
  builder.add(Family::kConfigInfo, {process.config_hash}, 1);
  builder.add(Family::kReloadOk, {}, process.last_reload_ok);
  builder.add(Family::kReloadTime, {}, process.last_reload_time);
  builder.add(Family::kReloads, {"ok"}, process.reloads_ok);
  builder.add(Family::kReloads, {"failed"}, process.reloads_failed);
  builder.add(Family::kStartTime, {}, process.start_time);
  builder.add(Family::kStopping, {}, process.stopping);
  builder.add(Family::kProcessConnections, {}, process.connections);
  builder.add(Family::kProcessCurrent, {}, process.current_connections);
  builder.add(Family::kProcessLimit, {}, process.connections_limit);
  builder.add(Family::kMaxconnReached, {}, process.maxconn_reached);
  builder.add(Family::kAcceptFailures, {}, process.accept_failures);
  builder.add(Family::kLeavingClosed, {}, process.leaving_closed);
  builder.add(Family::kAcceptQueuesFull, {}, process.accept_queues_full);
  builder.add(Family::kBytesSpliced, {}, process.bytes_spliced);
  builder.add(Family::kBuffersBytes, {}, process.buffers_bytes);
  builder.add(Family::kPipes, {"used"}, process.pipes_used);
  builder.add(Family::kPipes, {"free"}, process.pipes_free);
  builder.add(Family::kCompressors, {"used"}, process.compressors_used);
  builder.add(Family::kCompressors, {"free"}, process.compressors_free);
  if (process.descriptors_open) builder.add(Family::kFdsOpen, {}, *process.descriptors_open);
  builder.add(Family::kFdsLimit, {}, process.descriptors_limit);
  builder.add(Family::kLogDropped, {}, process.log_dropped);
  for (const config::CertificateInfo& certificate : process.certificates)
    builder.add(Family::kCertificateExpiry, {certificate.path}, certificate.expires_at);
}

void add_workers(Builder& builder, const std::vector<WorkerSample>& workers) {
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const std::string worker = std::to_string(i);
    builder.add(Family::kLoopBusy, {worker}, workers[i].busy_ratio);
    builder.add(Family::kLoopLag, {worker}, workers[i].lag_seconds);
  }
}

void add_terminations(Builder& builder, const FrontendSample& frontend) {
  for (std::size_t i = 0; i < frontend.terminations.size(); ++i) {
    const std::string code = figures::termination_code(i);
    const bool is_usual = std::ranges::count(figures::kUsualTerminations, code) != 0;
    if (is_usual || frontend.terminations[i] != 0)
      builder.add(Family::kFrontendTerminations, {frontend.name, code}, frontend.terminations[i]);
  }
}

void add_tls(Builder& builder, const FrontendSample& frontend) {
  const std::string_view name = frontend.name;
  builder.add(Family::kTlsHandshakes, {name, "TLSv1.2", "ok"}, frontend.tls_handshakes[0]);
  builder.add(Family::kTlsHandshakes, {name, "TLSv1.3", "ok"}, frontend.tls_handshakes[1]);
  builder.add(Family::kTlsHandshakes, {name, "none", "failed"}, frontend.tls_failures);
  builder.add(Family::kTlsHandshakes, {name, "none", "aborted"}, frontend.tls_aborts);
  builder.add(Family::kTlsResumptions, {name}, frontend.tls_resumptions);
  builder.add(Family::kTlsConnections, {name}, frontend.tls_connections);
}

void add_http2(Builder& builder, const FrontendSample& frontend) {
  const std::string_view name = frontend.name;
  builder.add(Family::kHttp2Connections, {name}, frontend.http2_connections);
  builder.add(Family::kHttp2ConnectionsNow, {name}, frontend.http2_connections_now);
  builder.add(Family::kHttp2Resets, {name}, frontend.http2_resets);
  builder.add(Family::kHttp2ConnectionsEnded, {name, "error"}, frontend.http2_errors);
  builder.add(Family::kHttp2ConnectionsEnded, {name, "flood"}, frontend.http2_floods);
}

/// `first` of four families in a row.
void add_compression(Builder& builder, Family first, std::string_view name,
                     const CompressionSample& compression) {
  const auto at = [first](int i) { return static_cast<Family>(static_cast<int>(first) + i); };
  builder.add(first, {name}, compression.responses);
  builder.add(at(1), {name}, compression.bytes_in);
  builder.add(at(2), {name}, compression.bytes_out);
  builder.add(at(3), {name}, compression.bytes_bypassed);
}
static_assert(static_cast<int>(Family::kFrontendCompressionBypassed) ==
              static_cast<int>(Family::kFrontendCompressed) + 3);
static_assert(static_cast<int>(Family::kBackendCompressionBypassed) ==
              static_cast<int>(Family::kBackendCompressed) + 3);

void add_frontend(Builder& builder, const FrontendSample& frontend) {
  const std::string_view name = frontend.name;
  builder.add(Family::kFrontendConnections, {name}, frontend.connections);
  builder.add(Family::kFrontendCurrent, {name}, frontend.current_connections);
  if (frontend.connections_limit != 0)
    builder.add(Family::kFrontendLimit, {name}, frontend.connections_limit);
  if (frontend.has_requests) {
    builder.add(Family::kFrontendRequests, {name}, frontend.requests);
    for (std::size_t i = 0; i < kCodes.size(); ++i)
      builder.add(Family::kFrontendResponses, {name, kCodes[i]}, frontend.responses[i]);
  }
  builder.add(Family::kFrontendBytesIn, {name}, frontend.bytes_in);
  builder.add(Family::kFrontendBytesOut, {name}, frontend.bytes_out);
  for (std::size_t i = 0; i < kReasons.size() && frontend.has_requests; ++i)
    builder.add(Family::kFrontendErrors, {name, kReasons[i]}, frontend.errors[i]);
  if (frontend.expects_proxy_headers) {
    for (std::size_t i = 0; i < kHeaderReasons.size(); ++i)
      builder.add(Family::kFrontendProxyHeaders, {name, kHeaderReasons[i]},
                  frontend.proxy_header_errors[i]);
  }
  for (std::size_t i = 0; i < kHelloResults.size() && frontend.reads_hellos; ++i)
    builder.add(Family::kFrontendClientHellos, {name, kHelloResults[i]}, frontend.client_hellos[i]);
  add_terminations(builder, frontend);
  builder.add(Family::kFrontendDeniedRequests, {name}, frontend.denied_requests);
  builder.add(Family::kFrontendDeniedResponses, {name}, frontend.denied_responses);
  builder.add(Family::kFrontendIntercepted, {name}, frontend.intercepted);
  if (frontend.compresses)
    add_compression(builder, Family::kFrontendCompressed, name, frontend.compression);
  if (frontend.has_tls) add_tls(builder, frontend);
  if (frontend.has_requests) add_http2(builder, frontend);
  builder.add(Family::kFrontendDuration, {name}, frontend.request_duration);
}

/// Adds one series to `family`, labelled with `owner` (a backend, or a backend and a server).
class TrafficAdder {
 public:
  TrafficAdder(Builder& builder, std::string_view backend, std::string_view server)
      : builder_(builder), backend_(backend), server_(server) {}

  template <class Number>
  void operator()(Family family, const Number& number) const {
    if (server_.empty())
      builder_.add(family, {backend_}, number);
    else
      builder_.add(family, {backend_, server_}, number);
  }
  template <class Number>
  void operator()(Family family, std::string_view label, const Number& number) const {
    if (server_.empty())
      builder_.add(family, {backend_, label}, number);
    else
      builder_.add(family, {backend_, server_, label}, number);
  }

 private:
  Builder& builder_;
  std::string_view backend_;
  std::string_view server_;
};

void add_traffic(const TrafficAdder& add, const TrafficFamilies& families,
                 const TrafficSample& traffic) {
  add(families.requests, traffic.requests);
  add(families.current, traffic.current_requests);
  add(families.queue, traffic.queued);
  for (std::size_t i = 0; i < kCodes.size() && traffic.has_requests; ++i)
    add(families.responses, kCodes[i], traffic.responses[i]);
  add(families.bytes_out, traffic.bytes_in);  // bin: from the client, hence sent to the server
  add(families.bytes_in, traffic.bytes_out);
  add(families.errors, "connect", traffic.connect_errors);
  add(families.errors, "response", traffic.response_errors);
  add(families.errors, "client_abort", traffic.client_aborts);
  add(families.errors, "server_abort", traffic.server_aborts);
  add(families.retries, traffic.retries);
  add(families.redispatches, traffic.redispatches);
  add(families.denied, traffic.denied_responses);
  add(families.connects, traffic.connects);
  add(families.reuses, traffic.reuses);
  add(families.idle, traffic.idle_connections);
  add(families.used, traffic.used_connections);
  add(families.queue_duration, traffic.queue_duration);
  add(families.connect_duration, traffic.connect_duration);
  if (traffic.has_requests) add(families.first_byte_duration, traffic.first_byte_duration);
  add(families.duration, traffic.request_duration);
}

void add_backend(Builder& builder, const BackendSample& backend) {
  const TrafficAdder add(builder, backend.name, {});
  add_traffic(add, kBackendTraffic, backend.traffic);
  add(Family::kBackendUp, backend.is_up);
  add(Family::kBackendActive, backend.active_servers);
  add(Family::kBackendBackup, backend.backup_servers);
  add(Family::kBackendWeight, backend.weight);
  add(Family::kBackendDowns, backend.downs);
  add(Family::kBackendDowntime, backend.downtime_seconds);
  if (backend.compresses)
    add_compression(builder, Family::kBackendCompressed, backend.name, backend.compression);
}

void add_server(Builder& builder, std::string_view backend, const ServerSample& server) {
  const TrafficAdder add(builder, backend, server.name);
  add_traffic(add, kServerTraffic, server.traffic);
  for (std::size_t i = 0; i < static_cast<std::size_t>(ServerWord::kCount); ++i) {
    const auto word = static_cast<ServerWord>(i);
    add(Family::kServerState, word_of(word), server.state == word);
  }
  if (server.requests_limit != 0) add(Family::kServerLimit, server.requests_limit);
  if (server.is_checked) add(Family::kServerCheckFailures, server.check_failures);
  if (server.check_seconds >= 0) add(Family::kServerCheckDuration, server.check_seconds);
  if (server.has_agent) {
    add(Family::kServerAgentUp, server.agent_is_up ? 1 : 0);
    add(Family::kServerAgentFailures, server.agent_failures);
    if (server.agent_seconds >= 0) add(Family::kServerAgentDuration, server.agent_seconds);
  }
  add(Family::kServerWeight, server.weight);
  add(Family::kServerDowns, server.downs);
  add(Family::kServerDowntime, server.downtime_seconds);
  if (!server.has_tls) return;
  add(Family::kServerTlsHandshakes, "ok", server.tls_handshakes);
  add(Family::kServerTlsHandshakes, "failed", server.tls_failures);
  add(Family::kServerTlsResumptions, server.tls_resumptions);
}

}  // namespace

std::vector<MetricFamily> FamiliesCollectable::Collect() const {
  Builder builder;
  if (sample_.query.has(Scope::kGlobal)) add_process(builder, sample_.process);
  add_workers(builder, sample_.workers);
  for (const FrontendSample& frontend : sample_.frontends) add_frontend(builder, frontend);
  for (const BackendSample& backend : sample_.backends) {
    if (sample_.query.has(Scope::kBackend)) add_backend(builder, backend);
    for (const ServerSample& server : backend.servers) add_server(builder, backend.name, server);
  }
  return builder.take();
}

}  // namespace tandem::lb::admin
