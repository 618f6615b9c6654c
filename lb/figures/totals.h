// Totals: the figures of all workers added up, less what `clear counters` has put aside, and the
// rates that a tick once a second takes from them. Plain numbers for show stat, show info and the
// admin page. Thread: control; the workers go on counting meanwhile.
#pragma once

#include "common/time.h"
#include "lb/config/snapshot.h"
#include "lb/figures/figures.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tandem::lb::figures {

/// Responses by first digit; [0] is everything else.
using ResponseTotals = std::array<std::uint64_t, 6>;

struct DurationTotals {
  std::uint64_t count = 0;
  std::uint64_t sum_microseconds = 0;
  std::int64_t average_microseconds = 0;  // over about the last 512 of each worker
  std::int64_t largest_microseconds = 0;
};

struct FrontendTotals {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t denied_requests = 0;
  std::uint64_t denied_responses = 0;
  std::uint64_t intercepted = 0;
  std::uint64_t compression_responses = 0;
  std::uint64_t compression_bytes_in = 0;
  std::uint64_t compression_bytes_out = 0;
  std::uint64_t compression_bytes_bypassed = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(RequestError::kCount)> request_errors{};
  ResponseTotals responses{};
  DurationTotals request_duration;

  [[nodiscard]] std::uint64_t all_request_errors() const noexcept;  // ereq
};

struct ServerTotals {
  std::uint64_t sessions = 0;
  std::uint64_t chosen = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t connect_errors = 0;
  std::uint64_t response_errors = 0;
  std::uint64_t retries = 0;
  std::uint64_t redispatches = 0;
  std::uint64_t client_aborts = 0;
  std::uint64_t server_aborts = 0;
  std::uint64_t denied_responses = 0;
  std::uint64_t connects = 0;
  std::uint64_t reuses = 0;
  std::uint64_t compression_responses = 0;
  std::uint64_t compression_bytes_in = 0;
  std::uint64_t compression_bytes_out = 0;
  std::uint64_t compression_bytes_bypassed = 0;
  std::int64_t idle_connections = 0;
  std::int64_t used_connections = 0;
  ResponseTotals responses{};
  DurationTotals queue_duration;
  DurationTotals connect_duration;
  DurationTotals first_byte_duration;
  DurationTotals total_duration;
};

struct WorkerTotals {
  std::uint64_t connections = 0;
  std::int64_t connections_now = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_out_spliced = 0;
  std::uint64_t maxconn_reached = 0;
  std::uint64_t accept_failures = 0;
  std::int64_t accept_queues_full = 0;
  std::int64_t buffers_bytes = 0;
  std::int64_t pipes_used = 0;
  std::int64_t pipes_free = 0;
  std::int64_t idle_percent = 100;  // mean of all workers
  std::uint64_t log_dropped = 0;
  std::uint64_t compression_bytes_in = 0;
  std::uint64_t compression_bytes_out = 0;
  std::int64_t tls_connections_now = 0;  // of clients, handshake done
  std::uint64_t tls_handshakes = 0;      // done
  std::uint64_t tls_resumptions = 0;     // of these
};

/// Events in the last second, and the most there have been in one.
struct Rate {
  std::uint64_t now = 0;
  std::uint64_t most = 0;
};

struct FrontendRates {
  Rate sessions;  // rate, rate_max; also conn_rate
  Rate requests;  // req_rate
};

struct ProcessRates {
  Rate connections;
  Rate requests;
  Rate bytes_out;
  Rate tls_handshakes;
  Rate compression_bytes_in;
  Rate compression_bytes_out;
};

/// Owner: lb/server. Thread: control.
class Totals {
 public:
  /// Both outlive it.
  Totals(const config::Snapshot& snapshot, const Figures& figures);

  /// To be called about once a second; the rates are over the time since the last call.
  void tick(Instant now);

  [[nodiscard]] FrontendTotals frontend(config::FrontendIndex f) const;
  [[nodiscard]] ServerTotals backend(config::BackendIndex b) const;
  [[nodiscard]] ServerTotals server(config::BackendIndex b, std::uint32_t s) const;
  /// Not touched by clear().
  [[nodiscard]] WorkerTotals process() const;

  [[nodiscard]] const FrontendRates& frontend_rates(config::FrontendIndex f) const noexcept;
  [[nodiscard]] const Rate& backend_rate(config::BackendIndex b) const noexcept;
  [[nodiscard]] const Rate& server_rate(config::BackendIndex b, std::uint32_t s) const noexcept;
  [[nodiscard]] const ProcessRates& process_rates() const noexcept { return process_rates_; }

  /// `clear counters`: the maxima begin anew. `clear counters all`: the counters too.
  void clear_maxima();
  void clear_all();

 private:
  struct Sampled {
    std::uint64_t before = 0;
    Rate rate;
  };
  struct SampledFrontend {
    std::uint64_t sessions_before = 0;
    std::uint64_t requests_before = 0;
    FrontendRates rates;
  };

  [[nodiscard]] FrontendTotals sum_frontend(config::FrontendIndex f) const;
  [[nodiscard]] ServerTotals sum_backend(config::BackendIndex b) const;
  [[nodiscard]] ServerTotals sum_server(config::BackendIndex b, std::uint32_t s) const;
  void tick_frontends(Duration elapsed);
  void tick_backends(Duration elapsed);
  void tick_process(Duration elapsed);
  [[nodiscard]] std::size_t server_slot(config::BackendIndex b, std::uint32_t s) const noexcept {
    return first_server_[b] + s;
  }

  const config::Snapshot& snapshot_;
  const Figures& figures_;
  std::vector<std::size_t> first_server_;
  std::optional<Instant> ticked_at_;

  std::vector<SampledFrontend> frontend_samples_;
  std::vector<Sampled> backend_samples_;
  std::vector<Sampled> server_samples_;
  WorkerTotals process_before_;
  ProcessRates process_rates_;

  // What has been cleared away; the counters of a cell never go back.
  std::vector<FrontendTotals> frontend_base_;
  std::vector<ServerTotals> backend_base_;
  std::vector<ServerTotals> server_base_;
};

}  // namespace tandem::lb::figures
