// How each row of the statistics table is filled. A field that tandem has no such thing for is left
// empty; one that is zero because nothing of the kind can happen (cache) says zero, as
// HAProxy does, because tools do sums with it.
#include "lb/control/stat_table.h"

#include <algorithm>

namespace tandem::lb::control {
namespace {

using enum Column;
using figures::FrontendTotals;
using figures::ServerTotals;
using upstream::ServerId;

std::uint64_t seconds(Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  return whole < 0 ? 0 : static_cast<std::uint64_t>(whole);
}

std::uint64_t milliseconds(std::int64_t microseconds) {
  return microseconds < 0 ? 0 : static_cast<std::uint64_t>(microseconds / 1000);
}

/// From 1/16 units to configured ones; what is left of a small weight still shows as 1.
std::uint64_t whole_weight(std::uint32_t effective) {
  return (effective + balance::kWeightScale - 1) / balance::kWeightScale;
}

std::uint64_t count(std::int64_t gauge) {
  return gauge < 0 ? 0 : static_cast<std::uint64_t>(gauge);
}

/// What the rows of one proxy have in common.
struct ProxyWords {
  std::string_view name;
  config::Mode mode;
};

void begin(StatRow& row, RowType type, const ProxyWords& proxy, std::string_view server) {
  row.values.fill(StatValue());
  row.type = type;
  row.set_text(kPxname, proxy.name);
  row.set_text(kSvname, server);
  row.set(kPid, 1);
  row.set(kIid, row.iid);
  row.set(kSid, row.sid);
  row.set(kType, static_cast<std::uint64_t>(type));
  row.set_text(kMode, proxy.mode == config::Mode::kTcp ? "tcp" : "http");
}

void set_all(StatRow& row, std::initializer_list<Column> columns, std::uint64_t value) {
  for (const Column column : columns) row.set(column, value);
}

/// A TCP proxy has sessions and no requests: empty, as HAProxy leaves them.
void empty_request_columns(StatRow& row) {
  for (const Column column : {kHrsp1xx, kHrsp2xx, kHrsp3xx, kHrsp4xx, kHrsp5xx, kHrspOther,
                              kIntercepted, kCacheLookups, kCacheHits, kCacheHintHits})
    row.values[static_cast<std::size_t>(column)] = StatValue();
  // A frontend's number of requests stays, and is zero.
  if (row.type != RowType::kFrontend) row.values[static_cast<std::size_t>(kReqTot)] = StatValue();
}

void set_responses(StatRow& row, const figures::ResponseTotals& responses) {
  row.set(kHrsp1xx, responses[1]);
  row.set(kHrsp2xx, responses[2]);
  row.set(kHrsp3xx, responses[3]);
  row.set(kHrsp4xx, responses[4]);
  row.set(kHrsp5xx, responses[5]);
  row.set(kHrspOther, responses[0]);
}

template <class TotalsOf>
void set_compression(StatRow& row, const TotalsOf& totals) {
  row.set(kCompIn, totals.compression_bytes_in);
  row.set(kCompOut, totals.compression_bytes_out);
  row.set(kCompByp, totals.compression_bytes_bypassed);
  row.set(kCompRsp, totals.compression_responses);
}

// ---- frontend ----------------------------------------------------------------------------------

void set_frontend_load(StatRow& row, const StatSource& source) {
  const upstream::FrontendShared& shared = source.shared.frontends[row.index];
  const std::uint32_t own_limit = shared.maxconn;
  row.set(kScur, shared.connections);
  row.set(kSmax, shared.connections_most);
  row.set(kSlim, own_limit != 0 ? own_limit : source.shared.process.maxconn.load());
  row.set_text(kStatus, source.shared.process.stopping ? "STOP" : "OPEN");
}

void set_frontend_traffic(StatRow& row, const FrontendTotals& totals) {
  row.set(kStot, totals.connections);
  row.set(kConnTot, totals.connections);
  row.set(kH1sess, totals.connections);
  row.set(kReqTot, totals.requests);
  row.set(kH1req, totals.requests);
  row.set(kBin, totals.bytes_in);
  row.set(kReqbin, totals.bytes_in);
  row.set(kBout, totals.bytes_out);
  row.set(kResbout, totals.bytes_out);
  row.set(kDreq, totals.denied_requests);
  row.set(kDresp, totals.denied_responses);
  row.set(kEreq, totals.all_request_errors());
  row.set(kIntercepted, totals.intercepted);
  set_compression(row, totals);
  set_responses(row, totals.responses);
}

void set_frontend_rates(StatRow& row, const figures::FrontendRates& rates) {
  row.set(kRate, rates.sessions.now);
  row.set(kRateMax, rates.sessions.most);
  row.set(kRateLim, 0);
  row.set(kConnRate, rates.sessions.now);
  row.set(kConnRateMax, rates.sessions.most);
  row.set(kReqRate, rates.requests.now);
  row.set(kReqRateMax, rates.requests.most);
}

void fill_frontend(StatRow& row, const StatSource& source) {
  const config::Frontend& frontend = source.snapshot.frontends[row.index];
  begin(row, RowType::kFrontend, {frontend.name, frontend.mode}, "FRONTEND");
  set_frontend_load(row, source);
  set_frontend_traffic(row, source.totals.frontend(row.index));
  set_frontend_rates(row, source.totals.frontend_rates(row.index));
  set_all(row,
          {kDcon, kDses, kWrew, kCacheLookups, kCacheHits, kCacheHintHits, kEint, kSessOther,
           kH2sess, kH3sess, kReqOther, kH2req, kH3req},
          0);
  if (frontend.mode != config::Mode::kTcp) return;
  empty_request_columns(row);
  row.set(kSessOther, source.totals.frontend(row.index).connections);
  row.set(kH1sess, 0);
}

// ---- server and backend ------------------------------------------------------------------------

template <class SharedPart>
void set_load(StatRow& row, const SharedPart& shared, std::uint32_t load) {
  row.set(kQcur, shared.queued);
  row.set(kQmax, shared.queued_most);
  row.set(kScur, load);
  row.set(kSmax, std::max(load, shared.load_most.load(std::memory_order_relaxed)));
}

void set_traffic(StatRow& row, const ServerTotals& totals) {
  row.set(kStot, totals.sessions);
  row.set(kReqTot, totals.sessions);
  row.set(kBin, totals.bytes_in);
  row.set(kBout, totals.bytes_out);
  row.set(kReqbout, totals.bytes_in);
  row.set(kResbin, totals.bytes_out);
  row.set(kDresp, totals.denied_responses);
  row.set(kEcon, totals.connect_errors);
  row.set(kEresp, totals.response_errors);
  row.set(kWretr, totals.retries);
  row.set(kWredis, totals.redispatches);
  row.set(kLbtot, totals.chosen);
  row.set(kCliAbrt, totals.client_aborts);
  row.set(kSrvAbrt, totals.server_aborts);
  row.set(kConnect, totals.connects);
  row.set(kReuse, totals.reuses);
  set_all(row, {kWrew, kEint}, 0);
  set_responses(row, totals.responses);
}

void set_durations(StatRow& row, const ServerTotals& totals) {
  const auto set = [&row](Column average, Column largest, const figures::DurationTotals& of) {
    row.set(average, milliseconds(of.average_microseconds));
    row.set(largest, milliseconds(of.largest_microseconds));
  };
  set(kQtime, kQtimeMax, totals.queue_duration);
  set(kCtime, kCtimeMax, totals.connect_duration);
  set(kRtime, kRtimeMax, totals.first_byte_duration);
  set(kTtime, kTtimeMax, totals.total_duration);
}

void set_rate(StatRow& row, const figures::Rate& rate) {
  row.set(kRate, rate.now);
  row.set(kRateMax, rate.most);
}

void set_last_session(StatRow& row, std::int64_t last_ms, Instant now) {
  const std::int64_t age = to_milliseconds(now.time_since_epoch()) - last_ms;
  const std::int64_t whole = last_ms < 0 ? -1 : std::max<std::int64_t>(age, 0) / 1000;
  row.set(kLastsess, static_cast<std::uint64_t>(whole));
}

void set_server_state(StatRow& row, const StatSource& source, ServerId id) {
  const upstream::ServerState& state = source.fleet.server(id);
  const Instant now = source.fleet.now();
  row.set_text(kStatus, source.fleet.status_text(id));
  row.set(kWeight, whole_weight(upstream::effective_weight(state, now)));
  row.set(kUweight, state.weight);
  row.set(kAct, state.config->backup ? 0 : 1);
  row.set(kBck, state.config->backup ? 1 : 0);
  row.set(kLastchg, seconds(now - state.last_change));
  if (const auto percent = upstream::throttle_percent(state, now)) row.set(kThrottle, *percent);
  if (state.maxconn != 0) row.set(kSlim, state.maxconn);
  if (state.config->maxqueue != 0) row.set(kQlimit, state.config->maxqueue);
  if (state.config->observe != config::Observe::kNone)
    row.set(kHanafail, source.fleet.health(id).passive_failures);
}

void set_last_check(StatRow& row, const health::ServerHealth& health) {
  const health::Result& last = health.last;
  const std::string_view mark = health.in_progress ? "* " : "";
  row.set_text(kCheckStatus, std::string(mark) + std::string(health::status_code(last.status)));
  if (health::has_code(last.status)) row.set(kCheckCode, static_cast<std::uint64_t>(last.code));
  if (last.duration.count() >= 0) row.set(kCheckDuration, count(last.duration.count()));
  row.set_text(kCheckDesc, health::status_words(last.status));
  if (!last.description.empty()) row.set_text(kLastChk, last.description);
  row.set(kCheckRise, health.verdict.rise());
  row.set(kCheckFall, health.verdict.fall());
  row.set(kCheckHealth, health.verdict.health());
}

void set_checks(StatRow& row, const StatSource& source, ServerId id) {
  const health::ServerHealth& health = source.fleet.health(id);
  if (!health.is_checked || !health.is_enabled) return;
  row.set(kChkfail, health.failures);
  row.set(kChkdown, health.downs);
  row.set(kDowntime, seconds(source.fleet.server(id).downtime_at(source.fleet.now())));
  if (!health.is_paused) set_last_check(row, health);
}

void set_agent(StatRow& row, const health::AgentHealth& agent) {
  if (!agent.counts()) return;
  const health::Result& last = agent.last;
  const std::string_view mark = agent.in_progress ? "* " : "";
  row.set_text(kAgentStatus, std::string(mark) + std::string(health::status_code(last.status)));
  if (health::has_code(last.status)) row.set(kAgentCode, static_cast<std::uint64_t>(last.code));
  if (last.duration.count() >= 0) row.set(kAgentDuration, count(last.duration.count()));
  row.set_text(kAgentDesc, health::status_words(last.status));
  if (!last.description.empty()) row.set_text(kLastAgt, last.description);
  row.set(kAgentRise, 1);
  row.set(kAgentFall, 1);
  row.set(kAgentHealth, agent.is_up ? 1 : 0);
}

void set_connections(StatRow& row, const StatSource& source, const ServerTotals& totals) {
  const std::uint64_t pools = source.snapshot.global.nbthread;
  row.set(kSrvIcur, count(totals.idle_connections));
  row.set(kSrcIlim, source.snapshot.backends[row.index].pool_max * pools);
  row.set(kIdleConnCur, count(totals.idle_connections));
  row.set(kSafeConnCur, 0);
  row.set(kUsedConnCur, count(totals.used_connections));
  row.set(kNeedConnEst, count(totals.used_connections));
  row.set(kPrivIdleCur, 0);
}

void fill_server(StatRow& row, const StatSource& source, bool with_details) {
  const ServerId id{row.index, row.server};
  const config::Backend& backend = source.snapshot.backends[id.backend];
  const upstream::ServerShared& shared = source.shared.servers[id.backend][id.server];
  begin(row, RowType::kServer, {backend.name, backend.mode}, backend.servers[id.server].name);
  set_load(row, shared, shared.load.load(std::memory_order_relaxed));
  const ServerTotals totals = source.totals.server(id.backend, id.server);
  set_traffic(row, totals);
  set_durations(row, totals);
  set_connections(row, source, totals);
  set_rate(row, source.totals.server_rate(id.backend, id.server));
  set_last_session(row, shared.last_session_ms, source.fleet.now());
  set_server_state(row, source, id);
  set_checks(row, source, id);
  set_agent(row, source.fleet.health(id).agent);
  row.set(kSrid, 0);
  const SocketAddress& address = source.fleet.server(id).address;
  if (with_details) row.set_text(kAddr, address.is_unix() ? "unix" : address.text());
  if (backend.mode == config::Mode::kTcp) empty_request_columns(row);
}

/// `progress`: how many of the servers are up, when some of their rows are hidden.
void set_backend_state(StatRow& row, const StatSource& source, bool with_progress) {
  const upstream::BackendState& state = source.fleet.backend(row.index);
  const std::size_t servers = source.snapshot.backends[row.index].servers.size();
  const Instant now = source.fleet.now();
  const upstream::BackendWeight weight = source.fleet.weight(row.index);
  std::string status = state.is_up ? "UP" : "DOWN";
  if (with_progress)
    status += " (" + std::to_string(source.fleet.servers_up(row.index)) + "/" +
              std::to_string(servers) + ")";
  row.set_text(kStatus, status);
  row.set(kWeight, whole_weight(weight.effective));
  row.set(kUweight, weight.user);
  row.set(kAct, state.acting.active);
  row.set(kBck, state.acting.backup);
  row.set(kChkdown, state.downs);
  row.set(kLastchg, seconds(now - state.last_change));
  if (servers > 0) row.set(kDowntime, seconds(state.downtime_at(now)));
}

std::int64_t last_session_of_any(const StatSource& source, config::BackendIndex backend) {
  std::int64_t last = -1;
  for (const upstream::ServerShared& server : source.shared.servers[backend])
    last = std::max(last, server.last_session_ms.load(std::memory_order_relaxed));
  return last;
}

void fill_backend(StatRow& row, const StatSource& source, const StatFilter& filter) {
  const config::Backend& backend = source.snapshot.backends[row.index];
  begin(row, RowType::kBackend, {backend.name, backend.mode}, "BACKEND");
  set_load(row, source.shared.backends[row.index], source.shared.requests(row.index));
  const ServerTotals totals = source.totals.backend(row.index);
  set_traffic(row, totals);
  set_durations(row, totals);
  set_rate(row, source.totals.backend_rate(row.index));
  set_last_session(row, last_session_of_any(source, row.index), source.fleet.now());
  set_backend_state(row, source, filter.hide_maint || filter.hide_down);
  row.set(kSlim, backend.fullconn);
  set_compression(row, totals);
  set_all(row,
          {kDreq, kCacheLookups, kCacheHits, kCacheHintHits, kAggServerStatus,
           kAggServerCheckStatus, kAggCheckStatus},
          0);
  if (filter.with_details) row.set_text(kAlgo, backend.balance.policy);
  if (backend.mode == config::Mode::kTcp) empty_request_columns(row);
}

// ---- which rows --------------------------------------------------------------------------------

bool wants(const StatFilter& filter, RowType type) {
  return filter.types < 0 || (filter.types & (1 << static_cast<int>(type))) != 0;
}

bool is_hidden(const StatSource& source, const StatFilter& filter, ServerId id) {
  const bool in_maint = source.fleet.server(id).admin_state() == upstream::AdminState::kMaint;
  if (in_maint && (filter.hide_maint || filter.hide_down)) return true;
  if (!filter.hide_down) return false;
  return upstream::operational_state(source.fleet.server(id), source.fleet.health(id)) ==
         upstream::OperationalState::kStopped;
}

using Visit = std::function<void(const StatRow&)>;

void visit_servers(StatRow& row, const StatSource& source, const StatFilter& filter,
                   const Visit& visit) {
  const config::Backend& backend = source.snapshot.backends[row.index];
  for (std::uint32_t s = 0; s < backend.servers.size(); ++s) {
    row.sid = backend.servers[s].id;
    row.server = s;
    if (filter.sid && *filter.sid != row.sid) continue;
    if (is_hidden(source, filter, {row.index, s})) continue;
    fill_server(row, source, filter.with_details);
    visit(row);
  }
}

}  // namespace

void visit_rows(const StatSource& source, const StatFilter& filter, const Visit& visit) {
  StatRow row;
  const config::Snapshot& snapshot = source.snapshot;
  for (row.index = 0; row.index < snapshot.frontends.size(); ++row.index) {
    row.iid = snapshot.frontends[row.index].id;
    if (!wants(filter, RowType::kFrontend) || filter.iid.value_or(row.iid) != row.iid) continue;
    fill_frontend(row, source);
    visit(row);
  }
  for (row.index = 0; row.index < snapshot.backends.size(); ++row.index) {
    row.iid = snapshot.backends[row.index].id;
    if (filter.iid.value_or(row.iid) != row.iid) continue;
    if (wants(filter, RowType::kServer)) visit_servers(row, source, filter, visit);
    if (!wants(filter, RowType::kBackend)) continue;
    row.sid = 0;
    row.server = 0;
    fill_backend(row, source, filter);
    visit(row);
  }
}

std::vector<StatRow> make_rows(const StatSource& source, const StatFilter& filter) {
  std::vector<StatRow> rows;
  visit_rows(source, filter, [&rows](const StatRow& row) { rows.push_back(row); });
  return rows;
}

}  // namespace tandem::lb::control
