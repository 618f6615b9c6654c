#include "lb/figures/totals.h"

#include <algorithm>
#include <span>
#include <utility>

namespace tandem::lb::figures {
namespace {

// Which total belongs to which cell: one row for each, so that adding one is one line.
template <class Cells, class TotalsOf>
struct CounterRow {
  metrics::Counter Cells::* cell;
  std::uint64_t TotalsOf::* total;
};
template <class Cells, class TotalsOf>
struct DurationRow {
  metrics::DurationHistogram Cells::* cell;
  DurationTotals TotalsOf::* total;
};

constexpr CounterRow<FrontendCells, FrontendTotals> kFrontendCounters[] = {
    {&FrontendCells::connections, &FrontendTotals::connections},
    {&FrontendCells::requests, &FrontendTotals::requests},
    {&FrontendCells::bytes_in, &FrontendTotals::bytes_in},
    {&FrontendCells::bytes_out, &FrontendTotals::bytes_out},
    {&FrontendCells::denied_requests, &FrontendTotals::denied_requests},
    {&FrontendCells::denied_responses, &FrontendTotals::denied_responses},
    {&FrontendCells::intercepted, &FrontendTotals::intercepted},
    {&FrontendCells::compression_responses, &FrontendTotals::compression_responses},
    {&FrontendCells::compression_bytes_in, &FrontendTotals::compression_bytes_in},
    {&FrontendCells::compression_bytes_out, &FrontendTotals::compression_bytes_out},
    {&FrontendCells::compression_bytes_bypassed, &FrontendTotals::compression_bytes_bypassed},
};
constexpr DurationRow<FrontendCells, FrontendTotals> kFrontendDurations[] = {
    {&FrontendCells::request_duration, &FrontendTotals::request_duration},
};

constexpr CounterRow<ServerCells, ServerTotals> kServerCounters[] = {
    {&ServerCells::sessions, &ServerTotals::sessions},
    {&ServerCells::chosen, &ServerTotals::chosen},
    {&ServerCells::bytes_in, &ServerTotals::bytes_in},
    {&ServerCells::bytes_out, &ServerTotals::bytes_out},
    {&ServerCells::connect_errors, &ServerTotals::connect_errors},
    {&ServerCells::response_errors, &ServerTotals::response_errors},
    {&ServerCells::retries, &ServerTotals::retries},
    {&ServerCells::redispatches, &ServerTotals::redispatches},
    {&ServerCells::client_aborts, &ServerTotals::client_aborts},
    {&ServerCells::server_aborts, &ServerTotals::server_aborts},
    {&ServerCells::denied_responses, &ServerTotals::denied_responses},
    {&ServerCells::connects, &ServerTotals::connects},
    {&ServerCells::reuses, &ServerTotals::reuses},
    {&ServerCells::compression_responses, &ServerTotals::compression_responses},
    {&ServerCells::compression_bytes_in, &ServerTotals::compression_bytes_in},
    {&ServerCells::compression_bytes_out, &ServerTotals::compression_bytes_out},
    {&ServerCells::compression_bytes_bypassed, &ServerTotals::compression_bytes_bypassed},
};
constexpr DurationRow<ServerCells, ServerTotals> kServerDurations[] = {
    {&ServerCells::queue_duration, &ServerTotals::queue_duration},
    {&ServerCells::connect_duration, &ServerTotals::connect_duration},
    {&ServerCells::first_byte_duration, &ServerTotals::first_byte_duration},
    {&ServerCells::total_duration, &ServerTotals::total_duration},
};

/// Durations while they are added up: the average needs the scaled sum and what to divide it by.
struct DurationSum {
  DurationTotals totals;
  std::int64_t scaled = 0;
  std::int64_t window = 0;

  void add(const metrics::DurationHistogram& cell) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < metrics::DurationHistogram::kBuckets; ++i) count += cell.bucket(i);
    totals.count += count;
    totals.sum_microseconds += cell.sum_microseconds();
    totals.largest_microseconds =
        std::max(totals.largest_microseconds, cell.largest_microseconds());
    scaled += cell.average_scaled();
    // A sliding window that is not full yet holds as many samples as there have been.
    window += std::min<std::int64_t>(static_cast<std::int64_t>(count),
                                     metrics::DurationHistogram::kWindow);
  }
  [[nodiscard]] DurationTotals result() {
    totals.average_microseconds = window == 0 ? 0 : scaled / window;
    return totals;
  }
};

template <class TotalsOf, class Cells, std::size_t kCounters, std::size_t kDurations>
TotalsOf add_up(std::span<const Cells* const> workers,
                const CounterRow<Cells, TotalsOf> (&counters)[kCounters],
                const DurationRow<Cells, TotalsOf> (&durations)[kDurations]) {
  TotalsOf sum;
  for (const Cells* cells : workers) {
    for (const auto& row : counters) sum.*row.total += (cells->*row.cell).value();
    for (std::size_t i = 0; i < sum.responses.size(); ++i)
      sum.responses[i] += cells->responses[i].value();
  }
  for (const auto& row : durations) {
    DurationSum duration;
    for (const Cells* cells : workers) duration.add(cells->*row.cell);
    sum.*row.total = duration.result();
  }
  return sum;
}

/// Counts since the base. A largest value that has not grown since is not of this period: the
/// average, which is, stands in for it.
DurationTotals since(DurationTotals now, const DurationTotals& base) {
  now.count -= base.count;
  now.sum_microseconds -= base.sum_microseconds;
  if (now.largest_microseconds == base.largest_microseconds)
    now.largest_microseconds = now.count == 0 ? 0 : now.average_microseconds;
  return now;
}

template <class TotalsOf, class Cells, std::size_t kCounters, std::size_t kDurations>
TotalsOf since(TotalsOf now, const TotalsOf& base,
               const CounterRow<Cells, TotalsOf> (&counters)[kCounters],
               const DurationRow<Cells, TotalsOf> (&durations)[kDurations]) {
  for (const auto& row : counters) now.*row.total -= base.*row.total;
  for (std::size_t i = 0; i < now.responses.size(); ++i) now.responses[i] -= base.responses[i];
  for (const auto& row : durations) now.*row.total = since(now.*row.total, base.*row.total);
  return now;
}

/// The part of a base that `clear counters` moves: the largest values only.
template <class TotalsOf, class Cells, std::size_t kDurations>
void rebase_maxima(TotalsOf& base, const TotalsOf& now,
                   const DurationRow<Cells, TotalsOf> (&durations)[kDurations]) {
  for (const auto& row : durations)
    (base.*row.total).largest_microseconds = (now.*row.total).largest_microseconds;
}

template <class Cells, class CellOf>
std::vector<const Cells*> of_all_workers(const Figures& figures, CellOf cell_of) {
  std::vector<const Cells*> cells;
  cells.reserve(figures.workers());
  for (std::uint32_t w = 0; w < figures.workers(); ++w) cells.push_back(&cell_of(figures.of(w)));
  return cells;
}

void sample(Rate& rate, std::uint64_t& before, std::uint64_t now, Duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto events = static_cast<double>(now - std::exchange(before, now));
  rate.now = static_cast<std::uint64_t>(events / seconds + 0.5);
  rate.most = std::max(rate.most, rate.now);
}

}  // namespace

std::uint64_t FrontendTotals::all_request_errors() const noexcept {
  std::uint64_t all = 0;
  for (const std::uint64_t errors : request_errors) all += errors;
  return all;
}

Totals::Totals(const config::Snapshot& snapshot, const Figures& figures)
    : snapshot_(snapshot),
      figures_(figures),
      frontend_samples_(snapshot.frontends.size()),
      backend_samples_(snapshot.backends.size()),
      frontend_base_(snapshot.frontends.size()),
      backend_base_(snapshot.backends.size()) {
  std::size_t servers = 0;
  for (const config::Backend& backend : snapshot.backends) {
    first_server_.push_back(servers);
    servers += backend.servers.size();
  }
  server_samples_.resize(servers);
  server_base_.resize(servers);
}

// ---- adding up ---------------------------------------------------------------------------------

FrontendTotals Totals::sum_frontend(config::FrontendIndex f) const {
  const auto cells = of_all_workers<FrontendCells>(
      figures_, [f](const WorkerFigures& worker) -> auto& { return worker.frontend(f); });
  FrontendTotals sum =
      add_up<FrontendTotals, FrontendCells>(cells, kFrontendCounters, kFrontendDurations);
  for (const FrontendCells* cell : cells)
    for (std::size_t i = 0; i < sum.request_errors.size(); ++i)
      sum.request_errors[i] += cell->request_errors[i].value();
  return sum;
}

ServerTotals Totals::sum_backend(config::BackendIndex b) const {
  auto cells = of_all_workers<ServerCells>(
      figures_, [b](const WorkerFigures& worker) -> auto& { return worker.backend(b); });
  std::uint64_t sessions = 0;
  for (const ServerCells* cell : cells) sessions += cell->sessions.value();
  for (std::uint32_t s = 0; s < snapshot_.backends[b].servers.size(); ++s) {
    for (std::uint32_t w = 0; w < figures_.workers(); ++w)
      cells.push_back(&figures_.of(w).server(b, s));
  }
  ServerTotals sum = add_up<ServerTotals, ServerCells>(cells, kServerCounters, kServerDurations);
  // A request that was tried on two servers is one of the backend's.
  sum.sessions = sessions;
  return sum;
}

ServerTotals Totals::sum_server(config::BackendIndex b, std::uint32_t s) const {
  const auto cells = of_all_workers<ServerCells>(
      figures_, [b, s](const WorkerFigures& worker) -> auto& { return worker.server(b, s); });
  ServerTotals sum = add_up<ServerTotals, ServerCells>(cells, kServerCounters, kServerDurations);
  for (const ServerCells* cell : cells) {
    sum.idle_connections += cell->idle_connections.value();
    sum.used_connections += cell->used_connections.value();
  }
  return sum;
}

FrontendTotals Totals::frontend(config::FrontendIndex f) const {
  const FrontendTotals& base = frontend_base_[f];
  FrontendTotals totals = since(sum_frontend(f), base, kFrontendCounters, kFrontendDurations);
  for (std::size_t i = 0; i < totals.request_errors.size(); ++i)
    totals.request_errors[i] -= base.request_errors[i];
  return totals;
}

ServerTotals Totals::backend(config::BackendIndex b) const {
  return since(sum_backend(b), backend_base_[b], kServerCounters, kServerDurations);
}

ServerTotals Totals::server(config::BackendIndex b, std::uint32_t s) const {
  return since(sum_server(b, s), server_base_[server_slot(b, s)], kServerCounters,
               kServerDurations);
}

WorkerTotals Totals::process() const {
  WorkerTotals sum;
  std::int64_t busy_permille = 0;
  for (std::uint32_t w = 0; w < figures_.workers(); ++w) {
    const WorkerCells& cells = figures_.of(w).worker();
    sum.connections += cells.connections.value();
    sum.connections_now += cells.connections_now.value();
    sum.requests += cells.requests.value();
    sum.bytes_out += cells.bytes_out.value();
    sum.bytes_out_spliced += cells.bytes_out_spliced.value();
    sum.maxconn_reached += cells.maxconn_reached.value();
    sum.accept_failures += cells.accept_failures.value();
    sum.accept_queues_full += cells.accept_queues_full.value();
    sum.buffers_bytes += cells.buffers_bytes.value();
    sum.pipes_used += cells.pipes_used.value();
    sum.pipes_free += cells.pipes_free.value();
    sum.log_dropped += cells.log_dropped.value();
    busy_permille += cells.loop_busy_permille.value();
    for (config::FrontendIndex f = 0; f < snapshot_.frontends.size(); ++f) {
      const FrontendCells& frontend = figures_.of(w).frontend(f);
      sum.tls_connections_now += frontend.tls_connections_now.value();
      for (const metrics::Counter& version : frontend.tls_handshakes)
        sum.tls_handshakes += version.value();
      sum.tls_resumptions += frontend.tls_resumptions.value();
      sum.compression_bytes_in += frontend.compression_bytes_in.value();
      sum.compression_bytes_out += frontend.compression_bytes_out.value();
    }
  }
  const std::int64_t workers = std::max<std::int64_t>(figures_.workers(), 1);
  sum.idle_percent = std::clamp<std::int64_t>(100 - busy_permille / (10 * workers), 0, 100);
  return sum;
}

// ---- rates -------------------------------------------------------------------------------------

const FrontendRates& Totals::frontend_rates(config::FrontendIndex f) const noexcept {
  return frontend_samples_[f].rates;
}

const Rate& Totals::backend_rate(config::BackendIndex b) const noexcept {
  return backend_samples_[b].rate;
}

const Rate& Totals::server_rate(config::BackendIndex b, std::uint32_t s) const noexcept {
  return server_samples_[server_slot(b, s)].rate;
}

void Totals::tick(Instant now) {
  // The first tick counts from the start, which was about a second ago.
  const Duration elapsed = ticked_at_ ? now - *ticked_at_ : Duration(std::chrono::seconds(1));
  if (elapsed <= Duration::zero()) return;
  ticked_at_ = now;
  tick_frontends(elapsed);
  tick_backends(elapsed);
  tick_process(elapsed);
}

void Totals::tick_frontends(Duration elapsed) {
  for (config::FrontendIndex f = 0; f < frontend_samples_.size(); ++f) {
    SampledFrontend& sampled = frontend_samples_[f];
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
    for (std::uint32_t w = 0; w < figures_.workers(); ++w) {
      connections += figures_.of(w).frontend(f).connections.value();
      requests += figures_.of(w).frontend(f).requests.value();
    }
    sample(sampled.rates.sessions, sampled.sessions_before, connections, elapsed);
    sample(sampled.rates.requests, sampled.requests_before, requests, elapsed);
  }
}

void Totals::tick_backends(Duration elapsed) {
  for (config::BackendIndex b = 0; b < backend_samples_.size(); ++b) {
    std::uint64_t sessions = 0;
    for (std::uint32_t w = 0; w < figures_.workers(); ++w)
      sessions += figures_.of(w).backend(b).sessions.value();
    sample(backend_samples_[b].rate, backend_samples_[b].before, sessions, elapsed);
    for (std::uint32_t s = 0; s < snapshot_.backends[b].servers.size(); ++s) {
      Sampled& sampled = server_samples_[server_slot(b, s)];
      std::uint64_t given = 0;
      for (std::uint32_t w = 0; w < figures_.workers(); ++w)
        given += figures_.of(w).server(b, s).sessions.value();
      sample(sampled.rate, sampled.before, given, elapsed);
    }
  }
}

void Totals::tick_process(Duration elapsed) {
  const WorkerTotals now = process();
  sample(process_rates_.connections, process_before_.connections, now.connections, elapsed);
  sample(process_rates_.requests, process_before_.requests, now.requests, elapsed);
  sample(process_rates_.bytes_out, process_before_.bytes_out, now.bytes_out, elapsed);
  sample(process_rates_.tls_handshakes, process_before_.tls_handshakes, now.tls_handshakes,
         elapsed);
  sample(process_rates_.compression_bytes_in, process_before_.compression_bytes_in,
         now.compression_bytes_in, elapsed);
  sample(process_rates_.compression_bytes_out, process_before_.compression_bytes_out,
         now.compression_bytes_out, elapsed);
}

// ---- clearing ----------------------------------------------------------------------------------

void Totals::clear_maxima() {
  const auto forget = [](Rate& rate) { rate.most = rate.now; };
  for (config::FrontendIndex f = 0; f < frontend_base_.size(); ++f) {
    rebase_maxima(frontend_base_[f], sum_frontend(f), kFrontendDurations);
    forget(frontend_samples_[f].rates.sessions);
    forget(frontend_samples_[f].rates.requests);
  }
  for (config::BackendIndex b = 0; b < backend_base_.size(); ++b) {
    rebase_maxima(backend_base_[b], sum_backend(b), kServerDurations);
    forget(backend_samples_[b].rate);
    for (std::uint32_t s = 0; s < snapshot_.backends[b].servers.size(); ++s) {
      rebase_maxima(server_base_[server_slot(b, s)], sum_server(b, s), kServerDurations);
      forget(server_samples_[server_slot(b, s)].rate);
    }
  }
  forget(process_rates_.connections);
  forget(process_rates_.requests);
  forget(process_rates_.bytes_out);
  forget(process_rates_.tls_handshakes);
}

void Totals::clear_all() {
  clear_maxima();
  for (config::FrontendIndex f = 0; f < frontend_base_.size(); ++f)
    frontend_base_[f] = sum_frontend(f);
  for (config::BackendIndex b = 0; b < backend_base_.size(); ++b) {
    backend_base_[b] = sum_backend(b);
    for (std::uint32_t s = 0; s < snapshot_.backends[b].servers.size(); ++s)
      server_base_[server_slot(b, s)] = sum_server(b, s);
  }
}

}  // namespace tandem::lb::figures
