// Sample: the figures of one moment as plain numbers, copied on the control thread so that metrics
// can be rendered from them on another. Raw counters since start: `clear counters` does not touch
// them, because a Prometheus counter never goes back.
#pragma once

#include "lb/admin/metrics_query.h"
#include "lb/admin/source.h"
#include "lb/figures/cells.h"
#include "metrics/cell.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::admin {

struct HistogramSample {
  std::array<std::uint64_t, metrics::DurationHistogram::kBuckets> buckets{};  // not cumulative
  std::uint64_t sum_microseconds = 0;

  void add(const metrics::DurationHistogram& cells) noexcept;
};

/// What became of bodies that were to be compressed.
struct CompressionSample {
  std::uint64_t responses = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_bypassed = 0;

  template <class Cells>
  void add(const Cells& cells) noexcept {
    responses += cells.compression_responses.value();
    bytes_in += cells.compression_bytes_in.value();
    bytes_out += cells.compression_bytes_out.value();
    bytes_bypassed += cells.compression_bytes_bypassed.value();
  }
};

struct FrontendSample {
  std::string name;
  bool has_requests = true;  // false in mode "tcp"
  std::uint64_t connections = 0;
  std::uint64_t current_connections = 0;
  std::uint64_t connections_limit = 0;  // 0: only that of the process
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t denied_requests = 0;
  std::uint64_t denied_responses = 0;
  std::uint64_t intercepted = 0;
  bool has_tls = false;                           // on one of its addresses
  std::array<std::uint64_t, 2> tls_handshakes{};  // of TLS 1.2 and 1.3
  std::uint64_t tls_failures = 0;
  std::uint64_t tls_aborts = 0;
  std::uint64_t tls_resumptions = 0;
  std::int64_t tls_connections = 0;
  std::uint64_t http2_connections = 0;
  std::int64_t http2_connections_now = 0;
  std::uint64_t http2_resets = 0;
  std::uint64_t http2_errors = 0;
  std::uint64_t http2_floods = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(figures::RequestError::kCount)> errors{};
  bool expects_proxy_headers = false;  // on one of its addresses
  std::array<std::uint64_t, static_cast<std::size_t>(figures::ProxyHeaderError::kCount)>
      proxy_header_errors{};
  bool reads_hellos = false;  // rules look at them
  std::array<std::uint64_t, static_cast<std::size_t>(figures::HelloResult::kCount)> client_hellos{};
  std::array<std::uint64_t, figures::kTerminations> terminations{};
  bool compresses = false;  // some proxy does, and this one speaks HTTP
  CompressionSample compression;
  std::array<std::uint64_t, 6> responses{};  // by first digit; [0]: other
  HistogramSample request_duration;
};

/// What servers and backends both count.
struct TrafficSample {
  bool has_requests = true;  // false in mode "tcp", where `requests` are sessions
  std::uint64_t requests = 0;
  std::uint64_t current_requests = 0;
  std::uint64_t queued = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t connect_errors = 0;
  std::uint64_t response_errors = 0;
  std::uint64_t client_aborts = 0;
  std::uint64_t server_aborts = 0;
  std::uint64_t retries = 0;
  std::uint64_t redispatches = 0;
  std::uint64_t denied_responses = 0;
  std::uint64_t connects = 0;
  std::uint64_t reuses = 0;
  std::int64_t idle_connections = 0;
  std::int64_t used_connections = 0;
  std::array<std::uint64_t, 6> responses{};
  HistogramSample queue_duration;
  HistogramSample connect_duration;
  HistogramSample first_byte_duration;
  HistogramSample request_duration;

  void add(const figures::ServerCells& cells) noexcept;
};

/// The states of tandem_server_state{state}; exactly one is 1.
enum class ServerWord : std::uint8_t { kUp, kDown, kNolb, kDrain, kMaint, kCount };
[[nodiscard]] std::string_view word_of(ServerWord word) noexcept;
/// Which one holds. Thread: control.
[[nodiscard]] ServerWord server_word(const upstream::Fleet& fleet, upstream::ServerId id);

struct ServerSample {
  std::string name;
  TrafficSample traffic;
  ServerWord state = ServerWord::kUp;
  double weight = 0;                 // effective, in configured units
  std::uint64_t requests_limit = 0;  // 0: none
  bool is_checked = false;
  std::uint64_t check_failures = 0;
  std::uint64_t downs = 0;
  double downtime_seconds = 0;
  double check_seconds = -1;  // of the last check; negative: not measured
  bool has_agent = false;     // that is asked
  bool agent_is_up = false;   // what it has last said
  std::uint64_t agent_failures = 0;
  double agent_seconds = -1;  // as check_seconds
  bool has_tls = false;
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_resumptions = 0;
  std::uint64_t tls_failures = 0;
};

struct BackendSample {
  std::string name;
  TrafficSample traffic;
  bool is_up = true;
  std::uint32_t active_servers = 0;
  std::uint32_t backup_servers = 0;
  double weight = 0;
  std::uint64_t downs = 0;
  double downtime_seconds = 0;
  bool compresses = false;  // some proxy does, and this one speaks HTTP
  CompressionSample compression;
  std::vector<ServerSample> servers;
};

struct WorkerSample {
  double busy_ratio = 0;
  double lag_seconds = 0;
};

struct ProcessSample {
  std::string version;
  std::string config_hash;
  double start_time = 0;  // Unix seconds
  double last_reload_time = 0;
  bool last_reload_ok = true;
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  bool stopping = false;
  std::uint64_t connections = 0;
  std::uint64_t current_connections = 0;
  std::uint64_t connections_limit = 0;
  std::uint64_t maxconn_reached = 0;
  std::uint64_t accept_failures = 0;
  std::uint64_t leaving_closed = 0;
  std::int64_t accept_queues_full = 0;
  std::uint64_t bytes_spliced = 0;
  std::int64_t buffers_bytes = 0;
  std::int64_t pipes_used = 0;
  std::int64_t pipes_free = 0;
  std::int64_t compressors_used = 0;
  std::int64_t compressors_free = 0;
  std::uint64_t log_dropped = 0;
  std::vector<config::CertificateInfo> certificates;
  std::uint64_t descriptors_limit = 0;
  /// Takes a while when there are many, so take_sample() leaves it to whoever renders.
  std::optional<std::uint64_t> descriptors_open;
};

/// What `query` does not ask for is left empty.
struct Sample {
  MetricsQuery query;
  ProcessSample process;
  std::vector<WorkerSample> workers;
  std::vector<FrontendSample> frontends;
  std::vector<BackendSample> backends;  // also to name their servers, if only those are asked for
};

/// Adds up all workers. Thread: control.
[[nodiscard]] Sample take_sample(const Source& source, const MetricsQuery& query = {});

}  // namespace tandem::lb::admin
