// What each worker counts for each frontend, backend and server, and for itself. Written at few
// places (proxy/outcome.cc, the acceptor, the upstream connections), read by the control thread.
#pragma once

#include "lb/figures/termination.h"
#include "metrics/cell.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::lb::figures {

/// Responses by first digit of the status: [1] to [5]; [0] is everything else.
using ResponseCounters = std::array<metrics::Counter, 6>;

/// Why a request was refused or broken off before a server was asked; label of
/// request_errors_total{reason}.
enum class RequestError : std::uint8_t {
  kBadRequest,  // refused by the decoder (400, 414, 431, 501, 505)
  kTimeout,     // 408
  kAborted,     // the client went away in its own request
  kCount,
};

/// Why a connection was closed whose PROXY header was awaited; label of
/// proxy_headers_refused_total{reason}. The first ones are those of proxy_protocol::Refusal.
enum class ProxyHeaderError : std::uint8_t {
  kMissing,  // something else came
  kMalformed,
  kUnsupported,  // a version, command or family that does not exist
  kTooLong,
  kChecksum,
  kTimeout,  // not whole in time
  kAborted,  // the peer closed before it was
  kCount,
};

/// What came of waiting for a client's TLS hello in mode tcp; label of
/// client_hellos_total{result}.
enum class HelloResult : std::uint8_t {
  kRead,
  kNotTls,   // something else came, or the client had finished sending before it was whole
  kTooLong,  // over tls::kClientHelloBytesMax
  kTimeout,  // not whole in time
  kAborted,  // the client went away
  kCount,
};

/// One frontend on one worker.
struct FrontendCells {
  metrics::Counter connections;       // conn_tot, stot
  metrics::Gauge connections_now;     // scur
  metrics::Gauge connections_most;    // this worker's largest
  metrics::Counter requests;          // req_tot
  metrics::Counter bytes_in;          // from clients
  metrics::Counter bytes_out;         // to clients
  metrics::Counter denied_requests;   // dreq
  metrics::Counter denied_responses;  // dresp
  metrics::Counter intercepted;       // answered by tandem: redirect, return, monitor-uri
  metrics::Counter compression_responses;
  metrics::Counter compression_bytes_in;        // bodies before
  metrics::Counter compression_bytes_out;       // and after
  metrics::Counter compression_bytes_bypassed;  // bodies for which no encoder was left
  std::array<metrics::Counter, static_cast<std::size_t>(RequestError::kCount)> request_errors;
  std::array<metrics::Counter, static_cast<std::size_t>(ProxyHeaderError::kCount)>
      proxy_header_errors;
  std::array<metrics::Counter, static_cast<std::size_t>(HelloResult::kCount)> client_hellos;
  std::array<metrics::Counter, kTerminations> terminations;  // by termination_index()
  std::array<metrics::Counter, 2> tls_handshakes;            // done, of TLS 1.2 and TLS 1.3
  metrics::Counter tls_resumptions;                          // of these, by a ticket
  metrics::Counter tls_failures;                             // handshakes refused by either side
  metrics::Counter tls_aborts;                               // handshakes whose client went away
  metrics::Gauge tls_connections_now;
  metrics::Counter http2_connections;  // client connections that spoke HTTP/2
  metrics::Gauge http2_connections_now;
  metrics::Counter http2_resets;  // streams reset by clients
  metrics::Counter http2_errors;  // connections ended because the client broke the protocol
  metrics::Counter http2_floods;  // connections ended because the client cost too much
  ResponseCounters responses;
  metrics::DurationHistogram request_duration;  // first byte of the request to last of the answer
};

/// One server on one worker; or, of a backend, what no server had a part in. Readers add the
/// servers of a backend to it, so that a request is counted once. `sessions` alone is counted for
/// both.
struct ServerCells {
  metrics::Counter sessions;          // stot: requests given to it; of a backend: all routed to it
  metrics::Counter chosen;            // lbtot: picks of the balancing policy
  metrics::Counter bytes_in;          // request bytes (bin)
  metrics::Counter bytes_out;         // response bytes (bout)
  metrics::Counter connect_errors;    // econ
  metrics::Counter response_errors;   // eresp
  metrics::Counter retries;           // wretr
  metrics::Counter redispatches;      // wredis
  metrics::Counter client_aborts;     // cli_abrt
  metrics::Counter server_aborts;     // srv_abrt
  metrics::Counter denied_responses;  // dresp
  metrics::Counter connects;          // new connections made
  metrics::Counter compression_responses;  // these four: of a backend alone
  metrics::Counter compression_bytes_in;
  metrics::Counter compression_bytes_out;
  metrics::Counter compression_bytes_bypassed;
  metrics::Counter tls_handshakes;   // done, on connections to it
  metrics::Counter tls_resumptions;  // of these, by a session kept from before
  metrics::Counter tls_failures;
  metrics::Counter reuses;          // requests on a pooled connection
  metrics::Gauge idle_connections;  // idle_conn_cur
  metrics::Gauge used_connections;  // used_conn_cur
  ResponseCounters responses;
  metrics::DurationHistogram queue_duration;
  metrics::DurationHistogram connect_duration;
  metrics::DurationHistogram first_byte_duration;  // request sent to response head
  metrics::DurationHistogram total_duration;
};

/// The worker itself.
struct WorkerCells {
  metrics::Counter connections;        // CumConns
  metrics::Gauge connections_now;      // CurrConns
  metrics::Counter requests;           // CumReq
  metrics::Counter bytes_out;          // TotalBytesOut
  metrics::Counter bytes_out_spliced;  // TotalSplicedBytesOut
  metrics::Counter maxconn_reached;    // times an accept had to wait
  metrics::Counter accept_failures;    // no descriptor or no memory
  metrics::Counter leaving_closed;     // told to close because their address moves away
  metrics::Gauge accept_queues_full;   // listening sockets whose queue is full, once a second
  metrics::Gauge buffers_bytes;        // memory in attached buffers
  metrics::Gauge pipes_used;           // PipesUsed
  metrics::Gauge pipes_free;
  metrics::Gauge compressors_used;
  metrics::Gauge compressors_free;
  metrics::Gauge loop_lag_microseconds;  // how long the last turn took
  metrics::Gauge loop_busy_permille;     // updated once a second
  metrics::Counter log_dropped;
};

}  // namespace tandem::lb::figures
