#include "lb/admin/sample.h"

#include <algorithm>
#include <chrono>

namespace tandem::lb::admin {
namespace {

/// Weights are kept in sixteenths of a configured unit.
constexpr double kWeightUnit = 16.0;

double unix_seconds(std::chrono::system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// Any frontend may be given any backend's answers, and the other way round.
bool is_compressing(const config::Snapshot& snapshot) {
  const auto compresses = [](const auto& proxy) {
    return proxy.compression && proxy.compression->is_on();
  };
  return std::ranges::any_of(snapshot.frontends, compresses) ||
         std::ranges::any_of(snapshot.backends, compresses);
}

FrontendSample sample_frontend(const Source& source, config::FrontendIndex f) {
  FrontendSample sample;
  const upstream::FrontendShared& shared = source.stat.shared.frontends[f];
  sample.name = source.stat.snapshot.frontends[f].name;
  sample.has_requests = source.stat.snapshot.frontends[f].mode == config::Mode::kHttp;
  sample.reads_hellos = source.stat.snapshot.frontends[f].inspect_delay.has_value();
  sample.compresses = sample.has_requests && is_compressing(source.stat.snapshot);
  for (const config::Bind& bind : source.stat.snapshot.frontends[f].binds) {
    sample.has_tls = sample.has_tls || bind.ssl.has_value();
    sample.expects_proxy_headers = sample.expects_proxy_headers || !bind.accept_proxy.is_off();
  }
  sample.current_connections = shared.connections.load(std::memory_order_relaxed);
  sample.connections_limit = shared.maxconn.load(std::memory_order_relaxed);
  for (std::uint32_t w = 0; w < source.figures.workers(); ++w) {
    const figures::FrontendCells& cells = source.figures.of(w).frontend(f);
    sample.connections += cells.connections.value();
    sample.requests += cells.requests.value();
    sample.bytes_in += cells.bytes_in.value();
    sample.bytes_out += cells.bytes_out.value();
    sample.denied_requests += cells.denied_requests.value();
    sample.denied_responses += cells.denied_responses.value();
    sample.intercepted += cells.intercepted.value();
    sample.compression.add(cells);
    for (std::size_t i = 0; i < sample.tls_handshakes.size(); ++i)
      sample.tls_handshakes[i] += cells.tls_handshakes[i].value();
    sample.tls_failures += cells.tls_failures.value();
    sample.tls_aborts += cells.tls_aborts.value();
    sample.tls_resumptions += cells.tls_resumptions.value();
    sample.tls_connections += cells.tls_connections_now.value();
    sample.http2_connections += cells.http2_connections.value();
    sample.http2_connections_now += cells.http2_connections_now.value();
    sample.http2_resets += cells.http2_resets.value();
    sample.http2_errors += cells.http2_errors.value();
    sample.http2_floods += cells.http2_floods.value();
    for (std::size_t i = 0; i < sample.proxy_header_errors.size(); ++i)
      sample.proxy_header_errors[i] += cells.proxy_header_errors[i].value();
    for (std::size_t i = 0; i < sample.client_hellos.size(); ++i)
      sample.client_hellos[i] += cells.client_hellos[i].value();
    for (std::size_t i = 0; i < sample.errors.size(); ++i)
      sample.errors[i] += cells.request_errors[i].value();
    for (std::size_t i = 0; i < sample.terminations.size(); ++i)
      sample.terminations[i] += cells.terminations[i].value();
    for (std::size_t i = 0; i < sample.responses.size(); ++i)
      sample.responses[i] += cells.responses[i].value();
    sample.request_duration.add(cells.request_duration);
  }
  return sample;
}

/// Negative: it was not measured.
double seconds_of(const health::Result& result) {
  return result.duration < Milliseconds(0) ? -1 : seconds(result.duration);
}

ServerSample sample_server(const Source& source, upstream::ServerId id) {
  ServerSample sample;
  const upstream::Fleet& fleet = source.stat.fleet;
  const upstream::ServerState& state = fleet.server(id);
  const health::ServerHealth& health = fleet.health(id);
  const upstream::ServerShared& shared = source.stat.shared.servers[id.backend][id.server];
  sample.name = state.config->name;
  sample.traffic.has_requests =
      source.stat.snapshot.backends[id.backend].mode == config::Mode::kHttp;
  sample.traffic.current_requests = shared.load.load(std::memory_order_relaxed);
  sample.traffic.queued = shared.queued.load(std::memory_order_relaxed);
  sample.has_tls = state.config->ssl.has_value();
  for (std::uint32_t w = 0; w < source.figures.workers(); ++w) {
    const figures::ServerCells& cells = source.figures.of(w).server(id.backend, id.server);
    sample.traffic.add(cells);
    sample.tls_handshakes += cells.tls_handshakes.value();
    sample.tls_resumptions += cells.tls_resumptions.value();
    sample.tls_failures += cells.tls_failures.value();
  }
  sample.state = server_word(fleet, id);
  sample.weight = upstream::effective_weight(state, fleet.now()) / kWeightUnit;
  sample.requests_limit = state.maxconn;
  sample.is_checked = health.is_checked;
  sample.check_failures = health.failures;
  sample.downs = health.downs;
  sample.downtime_seconds = seconds(state.downtime_at(fleet.now()));
  sample.check_seconds = seconds_of(health.last);
  sample.has_agent = health.agent.counts();
  sample.agent_is_up = health.agent.is_up;
  sample.agent_failures = health.agent.failures;
  sample.agent_seconds = seconds_of(health.agent.last);
  return sample;
}

void sample_servers(BackendSample& sample, const Source& source, config::BackendIndex b,
                    const MetricsQuery& query) {
  for (std::uint32_t s = 0; s < source.stat.snapshot.backends[b].servers.size(); ++s) {
    ServerSample server = sample_server(source, {b, s});
    if (query.hide_maint && server.state == ServerWord::kMaint) continue;
    sample.servers.push_back(std::move(server));
  }
}

BackendSample sample_backend(const Source& source, config::BackendIndex b) {
  BackendSample sample;
  const config::Backend& configured = source.stat.snapshot.backends[b];
  const upstream::BackendShared& shared = source.stat.shared.backends[b];
  const upstream::BackendState& state = source.stat.fleet.backend(b);
  sample.name = configured.name;
  sample.traffic.has_requests = configured.mode == config::Mode::kHttp;
  sample.traffic.current_requests = source.stat.shared.requests(b);
  sample.traffic.queued = shared.queued.load(std::memory_order_relaxed);
  sample.compresses = sample.traffic.has_requests && is_compressing(source.stat.snapshot);
  for (std::uint32_t w = 0; w < source.figures.workers(); ++w) {
    sample.traffic.add(source.figures.of(w).backend(b));
    sample.compression.add(source.figures.of(w).backend(b));
  }
  // A request that was tried on two servers is one of the backend's.
  const std::uint64_t requests = sample.traffic.requests;
  for (std::uint32_t w = 0; w < source.figures.workers(); ++w) {
    for (std::uint32_t s = 0; s < configured.servers.size(); ++s)
      sample.traffic.add(source.figures.of(w).server(b, s));
  }
  sample.traffic.requests = requests;
  sample.is_up = state.is_up;
  sample.active_servers = state.acting.active;
  sample.backup_servers = state.acting.backup;
  sample.weight = source.stat.fleet.weight(b).effective / kWeightUnit;
  sample.downs = state.downs;
  sample.downtime_seconds = seconds(state.downtime_at(source.stat.fleet.now()));
  return sample;
}

ProcessSample sample_process(const Source& source) {
  ProcessSample sample;
  sample.version = source.process.version;
  sample.config_hash = source.facts.config_hash;
  sample.start_time = unix_seconds(source.process.started_at);
  sample.last_reload_time = unix_seconds(source.facts.last_reload_at);
  sample.last_reload_ok = source.facts.last_reload_ok;
  sample.reloads_ok = source.facts.reloads_ok;
  sample.reloads_failed = source.facts.reloads_failed;
  sample.stopping = source.process.stopping;
  sample.current_connections =
      source.stat.shared.process.connections.load(std::memory_order_relaxed);
  sample.connections_limit = source.stat.shared.process.maxconn.load(std::memory_order_relaxed);
  sample.descriptors_limit = source.process.descriptors_limit;
  sample.log_dropped = source.process.log_lost;
  sample.certificates = source.stat.certificates.served();
  for (std::uint32_t w = 0; w < source.figures.workers(); ++w) {
    const figures::WorkerCells& cells = source.figures.of(w).worker();
    sample.connections += cells.connections.value();
    sample.maxconn_reached += cells.maxconn_reached.value();
    sample.accept_failures += cells.accept_failures.value();
    sample.leaving_closed += cells.leaving_closed.value();
    sample.accept_queues_full += cells.accept_queues_full.value();
    sample.bytes_spliced += cells.bytes_out_spliced.value();
    sample.buffers_bytes += cells.buffers_bytes.value();
    sample.pipes_used += cells.pipes_used.value();
    sample.pipes_free += cells.pipes_free.value();
    sample.compressors_used += cells.compressors_used.value();
    sample.compressors_free += cells.compressors_free.value();
    sample.log_dropped += cells.log_dropped.value();
  }
  return sample;
}

void sample_global(Sample& sample, const Source& source) {
  sample.process = sample_process(source);
  for (std::uint32_t w = 0; w < source.figures.workers(); ++w) {
    const figures::WorkerCells& cells = source.figures.of(w).worker();
    sample.workers.push_back({static_cast<double>(cells.loop_busy_permille.value()) / 1e3,
                              static_cast<double>(cells.loop_lag_microseconds.value()) / 1e6});
  }
}

}  // namespace

void HistogramSample::add(const metrics::DurationHistogram& cells) noexcept {
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += cells.bucket(i);
  sum_microseconds += cells.sum_microseconds();
}

void TrafficSample::add(const figures::ServerCells& cells) noexcept {
  requests += cells.sessions.value();
  bytes_in += cells.bytes_in.value();
  bytes_out += cells.bytes_out.value();
  connect_errors += cells.connect_errors.value();
  response_errors += cells.response_errors.value();
  client_aborts += cells.client_aborts.value();
  server_aborts += cells.server_aborts.value();
  retries += cells.retries.value();
  redispatches += cells.redispatches.value();
  denied_responses += cells.denied_responses.value();
  connects += cells.connects.value();
  reuses += cells.reuses.value();
  idle_connections += cells.idle_connections.value();
  used_connections += cells.used_connections.value();
  for (std::size_t i = 0; i < responses.size(); ++i) responses[i] += cells.responses[i].value();
  queue_duration.add(cells.queue_duration);
  connect_duration.add(cells.connect_duration);
  first_byte_duration.add(cells.first_byte_duration);
  request_duration.add(cells.total_duration);
}

ServerWord server_word(const upstream::Fleet& fleet, upstream::ServerId id) {
  const upstream::AdminState admin = fleet.server(id).admin_state();
  if (admin == upstream::AdminState::kMaint) return ServerWord::kMaint;
  switch (fleet.health(id).state()) {
    case health::State::kStarting:
    case health::State::kDown:
      return ServerWord::kDown;
    case health::State::kStopping:
      return ServerWord::kNolb;
    case health::State::kUp:
      break;
  }
  return admin == upstream::AdminState::kDrain ? ServerWord::kDrain : ServerWord::kUp;
}

std::string_view word_of(ServerWord word) noexcept {
  switch (word) {
    case ServerWord::kUp:
      return "up";
    case ServerWord::kDown:
      return "down";
    case ServerWord::kNolb:
      return "nolb";
    case ServerWord::kDrain:
      return "drain";
    case ServerWord::kMaint:
      return "maint";
    case ServerWord::kCount:
      break;
  }
  return "";
}

Sample take_sample(const Source& source, const MetricsQuery& query) {
  Sample sample{.query = query};
  if (query.has(Scope::kGlobal)) sample_global(sample, source);
  if (query.has(Scope::kFrontend)) {
    for (config::FrontendIndex f = 0; f < source.stat.snapshot.frontends.size(); ++f)
      sample.frontends.push_back(sample_frontend(source, f));
  }
  if (!query.has(Scope::kBackend) && !query.has(Scope::kServer)) return sample;
  for (config::BackendIndex b = 0; b < source.stat.snapshot.backends.size(); ++b) {
    BackendSample& backend = sample.backends.emplace_back(sample_backend(source, b));
    if (query.has(Scope::kServer)) sample_servers(backend, source, b, query);
  }
  return sample;
}

}  // namespace tandem::lb::admin
