#include "lb/admin/family_table.h"

#include "lb/admin/metric_families.h"

#include <array>

namespace tandem::lb::admin {
namespace {

using Type = prometheus::MetricType;

constexpr std::array<FamilyInfo, kFamilies> kTable = {{
    {"tandem_build_info",
     Type::Gauge,
     "Always 1; the label tells the version.",
     {"version"}},  // kBuildInfo
    {"tandem_config_info",
     Type::Gauge,
     "Always 1; the label tells which configuration is in effect.",
     {"hash"}},  // kConfigInfo
    {"tandem_config_last_reload_successful",
     Type::Gauge,
     "Whether the last reload, or the start, took its configuration over.",
     {}},  // kReloadOk
    {"tandem_config_last_reload_timestamp_seconds",
     Type::Gauge,
     "When the configuration in effect was last asked to be reloaded, in Unix time.",
     {}},  // kReloadTime
    {"tandem_reloads_total",
     Type::Counter,
     "Reloads that were asked for.",
     {"result"}},  // kReloads
    {"tandem_process_start_time_seconds",
     Type::Gauge,
     "When the process started, in Unix time.",
     {}},                                                                    // kStartTime
    {"tandem_stopping", Type::Gauge, "Whether a soft stop has begun.", {}},  // kStopping
    {"tandem_connections_total",
     Type::Counter,
     "Client connections accepted.",
     {}},  // kProcessConnections
    {"tandem_current_connections",
     Type::Gauge,
     "Client connections that are open.",
     {}},  // kProcessCurrent
    {"tandem_connections_limit",
     Type::Gauge,
     "Most client connections of the process (maxconn).",
     {}},  // kProcessLimit
    {"tandem_connections_limit_reached_total",
     Type::Counter,
     "Times a new connection had to wait because of maxconn.",
     {}},  // kMaxconnReached
    {"tandem_accept_failures_total",
     Type::Counter,
     "Connections that could not be accepted for want of descriptors or memory.",
     {}},  // kAcceptFailures
    {"tandem_leaving_connections_closed_total",
     Type::Counter,
     "Client connections that were ended with an answer because their address moves to the other "
     "node.",
     {}},  // kLeavingClosed
    {"tandem_accept_queues_full",
     Type::Gauge,
     "Listening sockets on which as many connections wait as their queue holds.",
     {}},  // kAcceptQueuesFull
    {"tandem_bytes_spliced_total",
     Type::Counter,
     "Bytes sent to clients without passing through user memory.",
     {}},  // kBytesSpliced
    {"tandem_buffers_bytes",
     Type::Gauge,
     "Memory in buffers that hold bytes.",
     {}},  // kBuffersBytes
    {"tandem_pipes",
     Type::Gauge,
     "Pipes that splicing uses, and those kept for it.",
     {"state"}},  // kPipes
    {"tandem_compressors",
     Type::Gauge,
     "Encoders that compress a response just now, and those kept for it.",
     {"state"}},                                                                     // kCompressors
    {"tandem_fds_open", Type::Gauge, "File descriptors that are open.", {}},         // kFdsOpen
    {"tandem_fds_limit", Type::Gauge, "Most file descriptors of the process.", {}},  // kFdsLimit
    {"tandem_log_dropped_total",
     Type::Counter,
     "Lines of the access log that were lost because their reader did not keep up.",
     {}},  // kLogDropped
    {"tandem_certificate_expiry_timestamp_seconds",
     Type::Gauge,
     "When the certificate in this file is no longer valid, in Unix time.",
     {"name"}},  // kCertificateExpiry
    {"tandem_event_loop_busy_ratio",
     Type::Gauge,
     "Share of the last second that a worker was busy, 0 to 1.",
     {"worker"}},  // kLoopBusy
    {"tandem_event_loop_lag_seconds",
     Type::Gauge,
     "How long the last turn of a worker took: how late its events may be.",
     {"worker"}},  // kLoopLag
    {"tandem_frontend_connections_total",
     Type::Counter,
     "Client connections accepted.",
     {"frontend"}},  // kFrontendConnections
    {"tandem_frontend_current_connections",
     Type::Gauge,
     "Client connections that are open.",
     {"frontend"}},  // kFrontendCurrent
    {"tandem_frontend_connections_limit",
     Type::Gauge,
     "Most client connections of the frontend; absent where only the limit of the process holds.",
     {"frontend"}},  // kFrontendLimit
    {"tandem_frontend_requests_total",
     Type::Counter,
     "Requests received.",
     {"frontend"}},  // kFrontendRequests
    {"tandem_frontend_responses_total",
     Type::Counter,
     "Responses sent, by class of status.",
     {"frontend", "code"}},  // kFrontendResponses
    {"tandem_frontend_bytes_received_total",
     Type::Counter,
     "Bytes received from clients.",
     {"frontend"}},  // kFrontendBytesIn
    {"tandem_frontend_bytes_sent_total",
     Type::Counter,
     "Bytes sent to clients.",
     {"frontend"}},  // kFrontendBytesOut
    {"tandem_frontend_request_errors_total",
     Type::Counter,
     "Requests refused or broken off before a server was asked.",
     {"frontend", "reason"}},  // kFrontendErrors
    {"tandem_frontend_proxy_headers_refused_total",
     Type::Counter,
     "Client connections closed for want of a good PROXY header.",
     {"frontend", "reason"}},  // kFrontendProxyHeaders
    {"tandem_frontend_client_hellos_total",
     Type::Counter,
     "Client connections whose TLS hello was waited for, by what came of it.",
     {"frontend", "result"}},  // kFrontendClientHellos
    {"tandem_frontend_termination_total",
     Type::Counter,
     "Requests that ended, by HAProxy's two letters of how.",
     {"frontend", "code"}},  // kFrontendTerminations
    {"tandem_frontend_denied_requests_total",
     Type::Counter,
     "Requests denied by rules.",
     {"frontend"}},  // kFrontendDeniedRequests
    {"tandem_frontend_denied_responses_total",
     Type::Counter,
     "Responses denied by rules.",
     {"frontend"}},  // kFrontendDeniedResponses
    {"tandem_frontend_intercepted_requests_total",
     Type::Counter,
     "Requests answered by tandem itself: redirects, returns, monitor-uri.",
     {"frontend"}},  // kFrontendIntercepted
    {"tandem_frontend_compression_responses_total",
     Type::Counter,
     "Responses that were compressed.",
     {"frontend"}},  // kFrontendCompressed
    {"tandem_frontend_compression_bytes_in_total",
     Type::Counter,
     "Bytes of bodies before they were compressed.",
     {"frontend"}},  // kFrontendCompressionIn
    {"tandem_frontend_compression_bytes_out_total",
     Type::Counter,
     "The same bodies after it.",
     {"frontend"}},  // kFrontendCompressionOut
    {"tandem_frontend_compression_bytes_bypassed_total",
     Type::Counter,
     "Bytes of bodies that went as they are because no compressor was left.",
     {"frontend"}},  // kFrontendCompressionBypassed
    {"tandem_tls_handshakes_total",
     Type::Counter,
     "TLS handshakes with clients, by version and how they ended.",
     {"frontend", "version", "result"}},  // kTlsHandshakes
    {"tandem_tls_resumptions_total",
     Type::Counter,
     "TLS handshakes with clients that a ticket made short.",
     {"frontend"}},  // kTlsResumptions
    {"tandem_tls_current_connections",
     Type::Gauge,
     "Client connections whose TLS handshake is done.",
     {"frontend"}},  // kTlsConnections
    {"tandem_frontend_http2_connections_total",
     Type::Counter,
     "Client connections that spoke HTTP/2.",
     {"frontend"}},  // kHttp2Connections
    {"tandem_frontend_http2_current_connections",
     Type::Gauge,
     "Client connections that speak HTTP/2.",
     {"frontend"}},  // kHttp2ConnectionsNow
    {"tandem_frontend_http2_resets_total",
     Type::Counter,
     "Streams of HTTP/2 that clients reset.",
     {"frontend"}},  // kHttp2Resets
    {"tandem_frontend_http2_connections_ended_total",
     Type::Counter,
     "HTTP/2 connections that were ended for what the client did, by why.",
     {"frontend", "reason"}},  // kHttp2ConnectionsEnded
    {"tandem_server_tls_handshakes_total",
     Type::Counter,
     "TLS handshakes with a server, by how they ended.",
     {"backend", "server", "result"}},  // kServerTlsHandshakes
    {"tandem_server_tls_resumptions_total",
     Type::Counter,
     "TLS handshakes with a server that a session from before made short.",
     {"backend", "server"}},  // kServerTlsResumptions
    {"tandem_frontend_request_duration_seconds",
     Type::Histogram,
     "From the first byte of a request to the last byte of its response.",
     {"frontend"}},  // kFrontendDuration
    {"tandem_backend_requests_total",
     Type::Counter,
     "Requests given to the backend.",
     {"backend"}},  // kBackendRequests
    {"tandem_backend_current_requests",
     Type::Gauge,
     "Requests that the backend is working on.",
     {"backend"}},  // kBackendCurrent
    {"tandem_backend_queue_length",
     Type::Gauge,
     "Requests that wait for a server.",
     {"backend"}},  // kBackendQueue
    {"tandem_backend_responses_total",
     Type::Counter,
     "Responses, by class of status.",
     {"backend", "code"}},  // kBackendResponses
    {"tandem_backend_bytes_sent_total",
     Type::Counter,
     "Bytes of requests sent to the backend.",
     {"backend"}},  // kBackendBytesOut
    {"tandem_backend_bytes_received_total",
     Type::Counter,
     "Bytes of responses received from the backend.",
     {"backend"}},  // kBackendBytesIn
    {"tandem_backend_errors_total",
     Type::Counter,
     "Requests that failed: connect, response, client_abort, server_abort.",
     {"backend", "kind"}},  // kBackendErrors
    {"tandem_backend_retries_total",
     Type::Counter,
     "Attempts that were repeated.",
     {"backend"}},  // kBackendRetries
    {"tandem_backend_redispatches_total",
     Type::Counter,
     "Requests that were given to another server after a failure.",
     {"backend"}},  // kBackendRedispatches
    {"tandem_backend_denied_responses_total",
     Type::Counter,
     "Responses denied by rules.",
     {"backend"}},  // kBackendDenied
    {"tandem_backend_connects_total",
     Type::Counter,
     "Connections opened.",
     {"backend"}},  // kBackendConnects
    {"tandem_backend_reuses_total",
     Type::Counter,
     "Requests sent on a connection that was open already.",
     {"backend"}},  // kBackendReuses
    {"tandem_backend_idle_connections",
     Type::Gauge,
     "Open connections that wait for a request.",
     {"backend"}},  // kBackendIdle
    {"tandem_backend_used_connections",
     Type::Gauge,
     "Connections with a request on them.",
     {"backend"}},  // kBackendUsed
    {"tandem_backend_queue_duration_seconds",
     Type::Histogram,
     "Time that requests waited in a queue.",
     {"backend"}},  // kBackendQueueDuration
    {"tandem_backend_connect_duration_seconds",
     Type::Histogram,
     "Time that connecting took.",
     {"backend"}},  // kBackendConnectDuration
    {"tandem_backend_time_to_first_byte_seconds",
     Type::Histogram,
     "From the request sent to the head of the response.",
     {"backend"}},  // kBackendFirstByteDuration
    {"tandem_backend_request_duration_seconds",
     Type::Histogram,
     "From the first byte of a request to the last byte of its response.",
     {"backend"}},  // kBackendDuration
    {"tandem_backend_up",
     Type::Gauge,
     "Whether a server can take new requests.",
     {"backend"}},  // kBackendUp
    {"tandem_backend_active_servers",
     Type::Gauge,
     "Usable servers that are no backups.",
     {"backend"}},  // kBackendActive
    {"tandem_backend_backup_servers",
     Type::Gauge,
     "Usable backup servers.",
     {"backend"}},  // kBackendBackup
    {"tandem_backend_weight",
     Type::Gauge,
     "Sum of the effective weights of the usable servers.",
     {"backend"}},  // kBackendWeight
    {"tandem_backend_downs_total",
     Type::Counter,
     "Times it went down.",
     {"backend"}},  // kBackendDowns
    {"tandem_backend_downtime_seconds_total",
     Type::Counter,
     "Time it had no usable server.",
     {"backend"}},  // kBackendDowntime
    {"tandem_backend_compression_responses_total",
     Type::Counter,
     "Responses that were compressed.",
     {"backend"}},  // kBackendCompressed
    {"tandem_backend_compression_bytes_in_total",
     Type::Counter,
     "Bytes of bodies before they were compressed.",
     {"backend"}},  // kBackendCompressionIn
    {"tandem_backend_compression_bytes_out_total",
     Type::Counter,
     "The same bodies after it.",
     {"backend"}},  // kBackendCompressionOut
    {"tandem_backend_compression_bytes_bypassed_total",
     Type::Counter,
     "Bytes of bodies that went as they are because no compressor was left.",
     {"backend"}},  // kBackendCompressionBypassed
    {"tandem_server_requests_total",
     Type::Counter,
     "Requests given to the server.",
     {"backend", "server"}},  // kServerRequests
    {"tandem_server_current_requests",
     Type::Gauge,
     "Requests that the server is working on.",
     {"backend", "server"}},  // kServerCurrent
    {"tandem_server_queue_length",
     Type::Gauge,
     "Requests that wait for this very server.",
     {"backend", "server"}},  // kServerQueue
    {"tandem_server_responses_total",
     Type::Counter,
     "Responses, by class of status.",
     {"backend", "server", "code"}},  // kServerResponses
    {"tandem_server_bytes_sent_total",
     Type::Counter,
     "Bytes of requests sent to the server.",
     {"backend", "server"}},  // kServerBytesOut
    {"tandem_server_bytes_received_total",
     Type::Counter,
     "Bytes of responses received from the server.",
     {"backend", "server"}},  // kServerBytesIn
    {"tandem_server_errors_total",
     Type::Counter,
     "Requests that failed: connect, response, client_abort, server_abort.",
     {"backend", "server", "kind"}},  // kServerErrors
    {"tandem_server_retries_total",
     Type::Counter,
     "Attempts that were repeated.",
     {"backend", "server"}},  // kServerRetries
    {"tandem_server_redispatches_total",
     Type::Counter,
     "Requests that were given to another server after a failure.",
     {"backend", "server"}},  // kServerRedispatches
    {"tandem_server_denied_responses_total",
     Type::Counter,
     "Responses denied by rules.",
     {"backend", "server"}},  // kServerDenied
    {"tandem_server_connects_total",
     Type::Counter,
     "Connections opened.",
     {"backend", "server"}},  // kServerConnects
    {"tandem_server_reuses_total",
     Type::Counter,
     "Requests sent on a connection that was open already.",
     {"backend", "server"}},  // kServerReuses
    {"tandem_server_idle_connections",
     Type::Gauge,
     "Open connections that wait for a request.",
     {"backend", "server"}},  // kServerIdle
    {"tandem_server_used_connections",
     Type::Gauge,
     "Connections with a request on them.",
     {"backend", "server"}},  // kServerUsed
    {"tandem_server_queue_duration_seconds",
     Type::Histogram,
     "Time that requests waited in a queue.",
     {"backend", "server"}},  // kServerQueueDuration
    {"tandem_server_connect_duration_seconds",
     Type::Histogram,
     "Time that connecting took.",
     {"backend", "server"}},  // kServerConnectDuration
    {"tandem_server_time_to_first_byte_seconds",
     Type::Histogram,
     "From the request sent to the head of the response.",
     {"backend", "server"}},  // kServerFirstByteDuration
    {"tandem_server_request_duration_seconds",
     Type::Histogram,
     "From the first byte of a request to the last byte of its response.",
     {"backend", "server"}},  // kServerDuration
    {"tandem_server_state",
     Type::Gauge,
     "1 for the state that holds: up, down, nolb, drain or maint.",
     {"backend", "server", "state"}},  // kServerState
    {"tandem_server_requests_limit",
     Type::Gauge,
     "Most requests at once (maxconn of the server); absent where there is no limit.",
     {"backend", "server"}},  // kServerLimit
    {"tandem_server_check_failures_total",
     Type::Counter,
     "Health checks that failed while the server was up.",
     {"backend", "server"}},  // kServerCheckFailures
    {"tandem_server_check_duration_seconds",
     Type::Gauge,
     "How long the last health check took.",
     {"backend", "server"}},  // kServerCheckDuration
    {"tandem_server_agent_up",
     Type::Gauge,
     "Whether the server's agent has last said that it is up; absent where none is asked.",
     {"backend", "server"}},  // kServerAgentUp
    {"tandem_server_agent_failures_total",
     Type::Counter,
     "Times that the server's agent could not be asked, or was not understood.",
     {"backend", "server"}},  // kServerAgentFailures
    {"tandem_server_agent_duration_seconds",
     Type::Gauge,
     "How long the server's agent took to answer last.",
     {"backend", "server"}},  // kServerAgentDuration
    {"tandem_server_weight",
     Type::Gauge,
     "Effective weight.",
     {"backend", "server"}},  // kServerWeight
    {"tandem_server_downs_total",
     Type::Counter,
     "Times it went down.",
     {"backend", "server"}},  // kServerDowns
    {"tandem_server_downtime_seconds_total",
     Type::Counter,
     "Time it was down or in maintenance.",
     {"backend", "server"}},  // kServerDowntime
}};

}  // namespace

std::span<const FamilyInfo> metric_families() noexcept { return kTable; }

}  // namespace tandem::lb::admin
