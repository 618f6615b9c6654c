// Snapshot: the configuration after it has been checked. Plain values that cannot be wrong any
// more: references are indices, addresses are resolved, defaults are filled in. Immutable once
// built; shared between threads as shared_ptr<const Snapshot>.
#pragma once

#include "common/address.h"
#include "common/ip_address.h"
#include "common/log.h"
#include "common/time.h"
#include "config/values.h"
#include "lb/config/compression.h"
#include "lb/config/header_rule.h"
#include "lb/tls/client_context.h"
#include "lb/tls/client_options.h"
#include "lb/tls/server_options.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tandem::lb::config {

using tandem::config::Balance;
using tandem::config::LogTarget;

using FrontendIndex = std::uint32_t;
using BackendIndex = std::uint32_t;

/// What is spoken on both sides of a proxy.
enum class Mode : std::uint8_t {
  kHttp,
  kTcp,  // whatever client and server like: bytes are passed on as they are
};

/// All of "timeout". Zero never occurs: a missing one has its default (CONFIGURATION.md).
struct Timeouts {
  Milliseconds connect{5'000};
  Milliseconds client{50'000};
  Milliseconds server{50'000};
  Milliseconds http_request{10'000};
  Milliseconds http_keep_alive{10'000};
  Milliseconds queue{30'000};
  Milliseconds tunnel{3'600'000};
  bool tunnel_written = false;  // Mode::kTcp: it stands in for client and server
  Milliseconds check{3'000};
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// A file of "errorfiles", read when the configuration was checked: a whole HTTP response, status
/// line and headers included, as HAProxy has it.
using ErrorFiles = std::map<int, std::string>;

/// On which connections a PROXY header is expected, and then required.
struct AcceptProxy {
  bool from_everybody = false;
  std::vector<IpPrefix> networks;  // only connections from these
  [[nodiscard]] bool is_off() const noexcept { return !from_everybody && networks.empty(); }
  friend bool operator==(const AcceptProxy&, const AcceptProxy&) = default;
};

/// "ssl" of a bind, with what the files held when the configuration was checked.
using BindSsl = tls::ServerOptions;

struct Bind {
  SocketAddress address;
  std::string text;  // as written, for messages and show stat
  std::uint32_t backlog = 4096;
  bool defer_accept = true;    // TCP_DEFER_ACCEPT: a connection reaches us with its first bytes
  std::optional<BindSsl> ssl;  // none: clients speak plainly
  AcceptProxy accept_proxy;
  friend bool operator==(const Bind&, const Bind&) = default;
};

// ---- rules -------------------------------------------------------------------------------------

/// Conditions of one rule: every non-empty list must have one member that matches. `negated`
/// holds the lists under "not": none of them may match.
struct Conditions {
  std::vector<std::string> host;      // lower case, without port; "*.example.org" allowed
  std::vector<std::string> path;      // exact, without query
  std::vector<std::string> path_beg;  // prefix
  std::vector<std::string> path_end;  // suffix
  std::vector<std::string> method;
  std::optional<bool> ssl_fc;  // the client speaks TLS, or does not
  // Of the hello of TLS that is passed on; Mode::kTcp alone, which has none of the first five.
  std::vector<std::string> ssl_sni;      // lower case; "*.example.org" allowed
  std::vector<std::string> ssl_sni_end;  // suffix, lower case
  std::vector<std::string> ssl_alpn;     // one of the protocols it offers
  friend bool operator==(const Conditions&, const Conditions&) = default;
};
struct UseBackend {
  BackendIndex backend;
  friend bool operator==(const UseBackend&, const UseBackend&) = default;
};
struct Redirect {
  enum class Kind : std::uint8_t { kScheme, kPrefix, kLocation };
  Kind kind;
  std::string value;
  int code;  // 301, 302, 303, 307, 308
  bool drop_query = false;
  friend bool operator==(const Redirect&, const Redirect&) = default;
};
struct Return {
  int status;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  friend bool operator==(const Return&, const Return&) = default;
};
using Action = std::variant<UseBackend, Redirect, Return>;
struct Rule {
  Conditions conditions;
  Conditions negated;
  Action action;
  friend bool operator==(const Rule&, const Rule&) = default;
};

/// A rule that changes headers and decides nothing.
struct HeaderRule {
  Conditions conditions;
  Conditions negated;
  std::size_t rules_before = 0;  // those of Frontend::rules that stand in front of it
  std::vector<HeaderEdit> edits;
  friend bool operator==(const HeaderRule&, const HeaderRule&) = default;
};

// ---- frontends ---------------------------------------------------------------------------------

struct Frontend {
  std::string name;
  std::uint32_t id = 0;  // iid of show stat, 1-based, unique over all proxies
  Mode mode = Mode::kHttp;
  std::vector<Bind> binds;
  std::uint32_t maxconn = 0;  // 0: only the process limit
  Timeouts timeouts;
  std::string monitor_uri;       // empty: none
  bool forwardfor = false;       // X-Forwarded-For towards servers
  std::string unique_id_header;  // empty: no unique id is made ("unique-id-header")
  ErrorFiles errorfiles;
  std::vector<Rule> rules;               // those that decide
  std::vector<HeaderRule> header_rules;  // the others, in order
  /// How long a client's TLS hello is waited for; none: no rule looks at it.
  std::optional<Milliseconds> inspect_delay;
  std::optional<BackendIndex> default_backend;
  std::optional<Compression> compression;  // that of a backend comes before it
  bool access_log = true;
  friend bool operator==(const Frontend&, const Frontend&) = default;
};

// ---- backends ----------------------------------------------------------------------------------

/// "ssl" of a server, and what was made of it when the configuration was checked.
struct ServerSsl {
  tls::ClientOptions options;
  std::shared_ptr<const tls::ClientContext> context;
  friend bool operator==(const ServerSsl& one, const ServerSsl& other) {
    return one.options == other.options;
  }
};

struct CheckStep {
  enum class Kind : std::uint8_t { kSend, kExpect };
  Kind kind;
  std::string bytes;  // not empty
  friend bool operator==(const CheckStep&, const CheckStep&) = default;
};
struct Check {
  /// kAgent is no type of a backend's check: see Server::agent.
  enum class Type : std::uint8_t {
    kTcp,
    kTls,
    kHttp,
    kGrpc,
    kPgsql,
    kMysql,
    kRedis,
    kSmtp,
    kAgent
  };
  enum class Role : std::uint8_t { kAny, kPrimary, kReplica };  // Redis calls the first one master
  Type type = Type::kTcp;
  std::vector<CheckStep> steps;  // kTcp, empty: connecting is enough; kAgent: what it is sent
  std::string method = "GET";
  std::string uri = "/";
  std::string host;  // Host field, :authority; empty: the server's address
  std::vector<std::pair<int, int>> expect_status = {{200, 399}};  // inclusive ranges
  std::string expect_body;           // must occur in the first 16 KiB of the body; empty: any
  std::string user;                  // who logs in; kPgsql: never empty
  std::string password;              // kPgsql, kRedis; empty: none
  std::string database;              // kPgsql; empty: as the user
  Role role = Role::kAny;            // kPgsql, kRedis
  std::string hello = "HELO";        // kSmtp; or "EHLO"
  std::string domain = "localhost";  // kSmtp: what we call ourselves
  std::string service;               // kGrpc; empty: the server as a whole
  std::optional<ServerSsl> blind;    // kTls: for servers without "ssl"; verifies nothing
  friend bool operator==(const Check&, const Check&) = default;
};

/// An agent beside a server, that tells its weight, health and administrative state
/// ("agent-check").
struct Agent {
  std::uint16_t port = 0;
  std::optional<SocketAddress> address;  // port unused; none: the server's
  Milliseconds inter{2'000};
  std::string send;  // what it is sent first; empty: nothing
  friend bool operator==(const Agent&, const Agent&) = default;
};

enum class OnMarkedDown : std::uint8_t { kNone, kShutdownSessions };
enum class OnError : std::uint8_t { kFastinter, kFailCheck, kSuddenDeath, kMarkDown };
enum class Observe : std::uint8_t { kNone, kLayer4, kLayer7 };
enum class InitialState : std::uint8_t { kReady, kDrain, kMaint };
/// Whether connections begin with a PROXY header, and of which version.
enum class SendProxy : std::uint8_t { kNone, kV1, kV2 };

/// What is spoken with a server, in mode http.
enum class Proto : std::uint8_t { kH1, kH2 };

struct Server {
  std::string name;
  std::uint32_t id = 0;  // sid of show stat, 1-based in its backend
  SocketAddress address;
  std::string address_text;    // as written
  std::uint16_t weight = 1;    // 0 to 256
  std::uint32_t maxconn = 0;   // 0: no limit
  std::uint32_t maxqueue = 0;  // 0: no limit of its own
  bool backup = false;
  InitialState state = InitialState::kReady;
  bool check = false;
  std::optional<SocketAddress> check_address;  // "check-addr", port unused; none: `address`
  std::optional<std::uint16_t> check_port;     // none: the port of `address`
  Milliseconds inter{2'000};
  Milliseconds fastinter{2'000};  // while a change is in progress; default: inter
  Milliseconds downinter{2'000};  // while down; default: inter
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  std::optional<Agent> agent;  // beside "check", or without
  Milliseconds slowstart{0};   // 0: full weight at once
  OnMarkedDown on_marked_down = OnMarkedDown::kNone;
  Observe observe = Observe::kNone;
  std::uint32_t error_limit = 10;
  OnError on_error = OnError::kFailCheck;
  std::optional<ServerSsl> ssl;   // none: plain
  std::optional<bool> check_ssl;  // none: where the check goes to the server's own address
  Proto proto = Proto::kH1;
  SendProxy send_proxy = SendProxy::kNone;
  std::optional<bool> check_send_proxy;  // none: as send_proxy, where checks go to `address` itself
  friend bool operator==(const Server&, const Server&) = default;
};

enum class HttpReuse : std::uint8_t { kNever, kSafe, kAggressive, kAlways };

struct Backend {
  std::string name;
  std::uint32_t id = 0;  // iid
  Mode mode = Mode::kHttp;
  Balance balance;
  Timeouts timeouts;
  std::uint32_t retries = 3;
  bool redispatch = true;
  bool retry_idempotent = false;  // "retry-on": also repeat idempotent requests
  HttpReuse http_reuse = HttpReuse::kSafe;
  std::uint32_t pool_max = 1024;  // idle connections kept for each server and worker
  Milliseconds pool_idle{5'000};  // how long an idle server connection is kept
  bool allbackups = false;
  std::uint32_t fullconn =
      0;  // slim of the BACKEND row: a tenth of the maxconn of its frontends unless set
  ErrorFiles errorfiles;                   // before the frontend's
  std::optional<Compression> compression;  // none: the frontend's
  Check check;
  std::vector<Server> servers;
  friend bool operator==(const Backend&, const Backend&) = default;
};

// ---- the process -------------------------------------------------------------------------------

struct Global {
  std::uint32_t nbthread = 1;  // never 0 here: "0" has become the number of CPUs
  std::uint32_t maxconn = 20'000;
  Milliseconds grace{30'000};
  Milliseconds hard_stop_after{60'000};
  std::string user;  // empty: stay who we are
  std::string group;
  std::string node;  // host name unless set
  std::string description;
  friend bool operator==(const Global&, const Global&) = default;
};

enum class Level : std::uint8_t { kUser, kOperator, kAdmin };
struct RuntimeSocket {
  SocketAddress address;
  std::string text;
  std::uint32_t mode = 0600;  // Unix sockets only
  Level level = Level::kOperator;
  friend bool operator==(const RuntimeSocket&, const RuntimeSocket&) = default;
};

struct Admin {
  std::optional<SocketAddress> bind;  // none: no admin listener
  std::string bind_text;
  std::string stats_uri = "/stats";
  std::string metrics_uri = "/metrics";
  std::map<std::string, std::string> auth;  // user -> password; empty: open
  friend bool operator==(const Admin&, const Admin&) = default;
};

struct AccessLog {
  enum class Format : std::uint8_t { kJson, kHttplog, kTcplog, kClf };
  using Target = LogTarget::Kind;
  Format format = Format::kJson;
  Target target = Target::kNone;
  std::string path;  // file; or the syslog socket path / host:port
  std::string tag = "tandem";
  int facility = 16;  // local0
  friend bool operator==(const AccessLog&, const AccessLog&) = default;
};

/// What the data plane needs of "failover": where it shows tandem-failover that it lives.
struct PulseSocket {
  std::optional<SocketAddress> bind;  // none: no failover, or it does not look
  friend bool operator==(const PulseSocket&, const PulseSocket&) = default;
};

/// A certificate that clients are shown.
struct CertificateInfo {
  std::string path;                // of its file; each is there once
  std::vector<std::string> names;  // "www.example.org", "*.example.org"
  std::int64_t expires_at = 0;     // Unix seconds
  friend bool operator==(const CertificateInfo&, const CertificateInfo&) = default;
};

struct Snapshot {
  Global global;
  std::vector<RuntimeSocket> runtime;
  bool runtime_compat = true;  // answer as HAProxy where tools insist (RUNTIME.md B1.9)
  Admin admin;
  bool metrics_compat = true;  // haproxy_* families beside tandem_*
  log::Level log_level = log::Level::kInfo;
  AccessLog access_log;
  PulseSocket pulse;
  std::vector<CertificateInfo> certificates;  // of all binds
  std::vector<Frontend> frontends;            // in file order
  std::vector<Backend> backends;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

}  // namespace tandem::lb::config
