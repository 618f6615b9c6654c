#include "lb/admin/compat_table.h"

#include <utility>

namespace tandem::lb::admin {
namespace {

using enum control::Column;
using enum CompatShape;
using enum prometheus::MetricType;

constexpr std::uint8_t bit(control::RowType type) {
  return static_cast<std::uint8_t>(1U << std::to_underlying(type));
}
constexpr std::uint8_t kFront = bit(control::RowType::kFrontend);
constexpr std::uint8_t kBack = bit(control::RowType::kBackend);
constexpr std::uint8_t kServer = bit(control::RowType::kServer);
constexpr std::uint8_t kAll = kFront | kBack | kServer;

constexpr CompatStatFamily kStat[] = {
    {"current_queue", kQcur, Gauge, kBack | kServer},
    {"max_queue", kQmax, Gauge, kBack | kServer},
    {"current_sessions", kScur, Gauge, kAll},
    {"max_sessions", kSmax, Gauge, kAll},
    {"limit_sessions", kSlim, Gauge, kAll},
    {"sessions_total", kStot, Counter, kAll},
    {"bytes_in_total", kBin, Counter, kAll},
    {"bytes_out_total", kBout, Counter, kAll},
    {"requests_denied_total", kDreq, Counter, kFront | kBack},
    {"responses_denied_total", kDresp, Counter, kAll},
    {"request_errors_total", kEreq, Counter, kFront},
    {"connection_errors_total", kEcon, Counter, kBack | kServer},
    {"response_errors_total", kEresp, Counter, kBack | kServer},
    {"retry_warnings_total", kWretr, Counter, kBack | kServer},
    {"redispatch_warnings_total", kWredis, Counter, kBack | kServer},
    {"status", kStatus, Gauge, kAll, kState, "1 for the state that holds"},
    {"weight", kWeight, Gauge, kBack | kServer},
    {"active_servers", kAct, Gauge, kBack},
    {"backup_servers", kBck, Gauge, kBack},
    {"check_failures_total", kChkfail, Counter, kServer},
    {"check_up_down_total", kChkdown, Counter, kBack | kServer},
    {"check_last_change_seconds", kLastchg, Gauge, kBack | kServer},
    {"downtime_seconds_total", kDowntime, Counter, kBack | kServer},
    {"queue_limit", kQlimit, Gauge, kServer},
    {"current_throttle", kThrottle, Gauge, kServer},
    {"loadbalanced_total", kLbtot, Counter, kBack | kServer},
    {"limit_session_rate", kRateLim, Gauge, kFront},
    {"max_session_rate", kRateMax, Gauge, kAll},
    {"check_status", kCheckStatus, Gauge, kServer, kCheckState,
     "1 for the result of the last check"},
    {"check_code", kCheckCode, Gauge, kServer, kCheckNumber},
    {"check_duration_seconds", kCheckDuration, Gauge, kServer, kCheckMilliseconds,
     "seconds of the last check"},
    {"http_responses_total", kHrsp1xx, Counter, kAll, kCodes, "responses by class of status"},
    {"http_requests_rate_max", kReqRateMax, Gauge, kFront},
    {"http_requests_total", kReqTot, Counter, kFront | kBack},
    {"client_aborts_total", kCliAbrt, Counter, kBack | kServer},
    {"server_aborts_total", kSrvAbrt, Counter, kBack | kServer},
    {"http_comp_bytes_in_total", kCompIn, Counter, kFront | kBack},
    {"http_comp_bytes_out_total", kCompOut, Counter, kFront | kBack},
    {"http_comp_bytes_bypassed_total", kCompByp, Counter, kFront | kBack},
    {"http_comp_responses_total", kCompRsp, Counter, kFront | kBack},
    {"last_session_seconds", kLastsess, Gauge, kBack | kServer},
    {"queue_time_average_seconds", kQtime, Gauge, kBack | kServer, kMilliseconds,
     "average seconds in queue"},
    {"connect_time_average_seconds", kCtime, Gauge, kBack | kServer, kMilliseconds,
     "average seconds to connect"},
    {"response_time_average_seconds", kRtime, Gauge, kBack | kServer, kMilliseconds,
     "average seconds to the response"},
    {"total_time_average_seconds", kTtime, Gauge, kBack | kServer, kMilliseconds,
     "average seconds in all"},
    {"connections_rate_max", kConnRateMax, Gauge, kFront},
    {"connections_total", kConnTot, Counter, kFront},
    {"intercepted_requests_total", kIntercepted, Counter, kFront},
    {"denied_connections_total", kDcon, Counter, kFront},
    {"denied_sessions_total", kDses, Counter, kFront},
    {"failed_header_rewriting_total", kWrew, Counter, kAll},
    {"connection_attempts_total", kConnect, Counter, kBack | kServer},
    {"connection_reuses_total", kReuse, Counter, kBack | kServer},
    {"http_cache_lookups_total", kCacheLookups, Counter, kFront | kBack},
    {"http_cache_hits_total", kCacheHits, Counter, kFront | kBack},
    {"idle_connections_current", kSrvIcur, Gauge, kServer},
    {"idle_connections_limit", kSrcIlim, Gauge, kServer},
    {"max_queue_time_seconds", kQtimeMax, Gauge, kBack | kServer, kMilliseconds,
     "most seconds in queue"},
    {"max_connect_time_seconds", kCtimeMax, Gauge, kBack | kServer, kMilliseconds,
     "most seconds to connect"},
    {"max_response_time_seconds", kRtimeMax, Gauge, kBack | kServer, kMilliseconds,
     "most seconds to the response"},
    {"max_total_time_seconds", kTtimeMax, Gauge, kBack | kServer, kMilliseconds,
     "most seconds in all"},
    {"internal_errors_total", kEint, Counter, kAll},
    {"unsafe_idle_connections_current", kIdleConnCur, Gauge, kServer},
    {"safe_idle_connections_current", kSafeConnCur, Gauge, kServer},
    {"used_connections_current", kUsedConnCur, Gauge, kServer},
    {"need_connections_current", kNeedConnEst, Gauge, kServer},
    {"uweight", kUweight, Gauge, kBack | kServer},
    {"agg_server_status", kAggServerStatus, Gauge, kBack, kServersByState, "servers by state"},
    {"agg_server_check_status", kAggServerCheckStatus, Gauge, kBack, kServersByState,
     "servers by state; the older name"},
    {"agg_check_status", kAggCheckStatus, Gauge, kBack, kServersByChecks,
     "servers by result of the last check"},
};

// Not here: zlib's memory, because there is no zlib, and failed_resolutions, because names are not
// followed; its name would also be the only one that promtool objects to.
constexpr CompatInfoFamily kInfo[] = {
    {"nbthread", "Nbthread", Gauge, "worker threads"},
    {"nbproc", "Nbproc", Gauge, "processes; always 1"},
    {"relative_process_id", "Process_num", Gauge, "number of the process; always 1"},
    {"uptime_seconds", "Uptime_sec", Gauge, "seconds since the start"},
    {"pool_failures_total", "PoolFailed", Counter, "failed allocations"},
    {"max_fds", "Ulimit-n", Gauge, "limit of file descriptors"},
    {"max_sockets", "Maxsock", Gauge, "limit of sockets"},
    {"max_connections", "Maxconn", Gauge, "limit of client connections in force"},
    {"hard_max_connections", "Hard_maxconn", Gauge, "limit of client connections as configured"},
    {"current_connections", "CurrConns", Gauge, "client connections now"},
    {"connections_total", "CumConns", Counter, "client connections"},
    {"requests_total", "CumReq", Counter, "requests"},
    {"max_ssl_connections", "MaxSslConns", Gauge, "limit of TLS connections; 0: none"},
    {"current_ssl_connections", "CurrSslConns", Gauge, "TLS connections now"},
    {"ssl_connections_total", "CumSslConns", Counter, "TLS connections"},
    {"max_pipes", "Maxpipes", Gauge, "limit of pipes for splicing; 0: none"},
    {"pipes_used_total", "PipesUsed", Counter, "pipes in use now"},
    {"pipes_free_total", "PipesFree", Counter, "pipes kept for use now"},
    {"current_connection_rate", "ConnRate", Gauge, "connections in the last second"},
    {"limit_connection_rate", "ConnRateLimit", Gauge, "limit of connections a second; 0: none"},
    {"max_connection_rate", "MaxConnRate", Gauge, "most connections in a second"},
    {"current_session_rate", "SessRate", Gauge, "sessions in the last second"},
    {"limit_session_rate", "SessRateLimit", Gauge, "limit of sessions a second; 0: none"},
    {"max_session_rate", "MaxSessRate", Gauge, "most sessions in a second"},
    {"current_ssl_rate", "SslRate", Gauge, "TLS connections in the last second"},
    {"limit_ssl_rate", "SslRateLimit", Gauge, "limit of TLS connections a second; 0: none"},
    {"max_ssl_rate", "MaxSslRate", Gauge, "most TLS connections in a second"},
    {"current_frontend_ssl_key_rate", "SslFrontendKeyRate", Gauge,
     "TLS keys made for clients in the last second"},
    {"max_frontend_ssl_key_rate", "SslFrontendMaxKeyRate", Gauge,
     "most TLS keys made for clients in a second"},
    {"frontend_ssl_reuse", "SslFrontendSessionReuse_pct", Gauge,
     "percent of the clients' TLS sessions that were resumed"},
    {"current_backend_ssl_key_rate", "SslBackendKeyRate", Gauge,
     "TLS keys made for servers in the last second"},
    {"max_backend_ssl_key_rate", "SslBackendMaxKeyRate", Gauge,
     "most TLS keys made for servers in a second"},
    {"ssl_cache_lookups_total", "SslCacheLookups", Counter, "TLS sessions looked up"},
    {"ssl_cache_misses_total", "SslCacheMisses", Counter, "TLS sessions not found"},
    {"http_comp_bytes_in_total", "CompressBpsIn", Counter,
     "bytes given to compression in the last second"},
    {"http_comp_bytes_out_total", "CompressBpsOut", Counter,
     "bytes out of compression in the last second"},
    {"limit_http_comp", "CompressBpsRateLim", Gauge,
     "limit of bytes out of compression a second; 0: none"},
    {"current_tasks", "Tasks", Gauge, "connections that are worked on"},
    {"current_run_queue", "Run_queue", Gauge, "tasks that wait for a turn"},
    {"idle_time_percent", "Idle_pct", Gauge,
     "share of the last second that the workers waited in percent"},
    {"stopping", "Stopping", Gauge, "1 after a soft stop has begun"},
    {"jobs", "Jobs", Gauge, "client connections and listeners"},
    {"unstoppable_jobs", "Unstoppable Jobs", Gauge, "jobs that a soft stop does not wait for"},
    {"listeners", "Listeners", Gauge, "sockets that accept clients"},
    {"active_peers", "ActivePeers", Gauge, "peers that answer"},
    {"connected_peers", "ConnectedPeers", Gauge, "peers that are connected"},
    {"dropped_logs_total", "DroppedLogs", Counter, "lines of the access log that were lost"},
    {"busy_polling_enabled", "BusyPolling", Gauge, "1 if the workers never sleep"},
    {"bytes_out_total", "TotalBytesOut", Counter, "bytes sent to clients"},
    {"spliced_bytes_out_total", "TotalSplicedBytesOut", Counter,
     "bytes sent to clients without passing through user memory"},
    {"bytes_out_rate", "BytesOutRate", Gauge, "bytes sent to clients in the last second"},
    {"recv_logs_total", "CumRecvLogs", Counter, "log messages received"},
    {"build_info", "Build info", Gauge, "always 1; the label tells the version"},
    {"max_memory_bytes", "Memmax_bytes", Gauge, "limit of memory; 0: none"},
    {"pool_allocated_bytes", "PoolAlloc_bytes", Gauge, "memory in buffers"},
    {"pool_used_bytes", "PoolUsed_bytes", Gauge, "memory in buffers that hold bytes"},
    {"start_time_seconds", "Start_time_sec", Gauge, "when the process started in Unix time"},
};

}  // namespace

std::span<const CompatStatFamily> compat_stat_families() noexcept { return kStat; }

std::span<const CompatInfoFamily> compat_info_families() noexcept { return kInfo; }

std::string_view compat_prefix(control::RowType type) noexcept {
  switch (type) {
    case control::RowType::kFrontend:
      return "haproxy_frontend_";
    case control::RowType::kBackend:
      return "haproxy_backend_";
    case control::RowType::kServer:
      return "haproxy_server_";
  }
  return "";
}

}  // namespace tandem::lb::admin
