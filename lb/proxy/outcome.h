// Outcome: what became of one request, filled once on every path. The log and the figures read
// nothing else.
#pragma once

#include "common/address.h"
#include "common/time.h"
#include "lb/config/snapshot.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::lb::proxy {

/// First letter of HAProxy's termination state: who or what ended it.
enum class Cause : char {
  kNone = '-',
  kClientAborted = 'C',
  kServerAborted = 'S',
  kProxy = 'P',     // refused or broken by tandem itself (bad request, bad response, deny)
  kResource = 'R',  // a limit of tandem: memory, descriptors, ports
  kInternal = 'I',
  kServerDown = 'D',  // killed because the server went down
  kLocal = 'L',       // answered by tandem: redirect, return, monitor-uri
  kClientTimeout = 'c',
  kServerTimeout = 's',
};

/// Second letter: how far it had come.
enum class Phase : char {
  kNone = '-',
  kRequest = 'R',  // waiting for a whole request
  kQueue = 'Q',
  kConnect = 'C',
  kHeaders = 'H',  // waiting for the response head
  kData = 'D',
  kLast = 'L',  // the last bytes to the client
};

/// Views are valid during the call that hands the outcome over, no longer.
struct Outcome {
  config::FrontendIndex frontend = 0;
  std::optional<config::BackendIndex> backend;
  std::optional<std::uint32_t> server;  // the last one tried; none: <NOSRV>

  const SocketAddress* client = nullptr;
  const SocketAddress* local = nullptr;  // the address the client connected to
  std::string_view method;               // empty: no request line could be read (<BADREQ>)
  std::string_view target;
  std::uint8_t version = 11;  // of HTTP, as in http::MessageHead: 10, 11, 20
  std::string_view host;
  std::string_view user_agent;
  std::string_view referer;
  std::string_view unique_id;
  std::string_view tls_version;  // "TLSv1.3"; empty: plain
  std::string_view tls_cipher;
  std::string_view sni;  // the name in the client's hello

  int status = 0;                         // sent to the client; 0: nothing was sent
  std::uint64_t bytes_in = 0;             // from the client, heads included
  std::uint64_t bytes_out = 0;            // to the client, heads included
  std::uint64_t bytes_spliced = 0;        // of bytes_out: moved without being copied
  std::string_view coding;                // "gzip", "br": what the body got here; empty: none
  std::uint64_t bytes_before_coding = 0;  // of the body
  std::uint64_t bytes_after_coding = 0;
  std::uint64_t bytes_bypassed = 0;  // of a body that went as it is because no encoder was left
  Cause cause = Cause::kNone;
  Phase phase = Phase::kNone;

  std::chrono::system_clock::time_point accepted_at;  // wall clock of the first request byte
  // Phases; nullopt where the request did not get that far (-1 in HAProxy's logs).
  std::optional<Duration> request_time;   // TR: first byte to whole head
  std::optional<Duration> queue_time;     // Tw
  std::optional<Duration> connect_time;   // Tc
  std::optional<Duration> response_time;  // Tr: request sent to response head
  Duration total_time{};                  // Ta: first byte of the request to the last of the answer

  std::uint32_t retries = 0;
  bool redispatched = false;       // "+" before the retries in httplog
  bool connection_reused = false;  // server connection came from the pool
  // As logged by httplog: actconn/feconn/beconn/srvconn, srv_queue/backend_queue.
  std::uint32_t process_connections = 0;
  std::uint32_t frontend_connections = 0;
  std::uint32_t backend_load = 0;
  std::uint32_t server_load = 0;
  std::uint32_t server_queue_ahead = 0;
  std::uint32_t backend_queue_ahead = 0;
};

}  // namespace tandem::lb::proxy
