// The rows of "defaults", "frontends" and "backends", and of what stands inside them.
#include "config/schema_rows.h"

#include <array>

namespace tandem::config {
namespace {

// ---- timeout -----------------------------------------------------------------------------------

constexpr std::array kTimeoutKeys = {
    duration("connect", "5s", "Until a connection to a server stands."),
    duration(
        "client", "50s",
        "Silence of a client from which bytes are expected; unless written `1h` in mode `tcp`."),
    duration(
        "server", "50s",
        "Silence of a server from which bytes are expected; unless written `1h` in mode `tcp`."),
    duration("http-request", "10s",
             "From the first byte of a request to the end of its head; then 408."),
    duration("http-keep-alive", "10s", "Until the next request on a client's connection begins."),
    duration("queue", "30s", "Wait for a free place at a server; then 503."),
    duration("tunnel", "1h",
             "Silence of both sides after an upgrade (WebSocket). Written in mode `tcp`, it stands "
             "in for `client` and `server` once a session is connected."),
    duration("check", "3s", "One health check, connection included."),
};

// ---- what frontends and defaults share
// -----------------------------------------------------------

constexpr Key kModeKey =
    word("mode", "http tcp", "http",
         "What is spoken with clients and servers; `tcp`: whatever they like. A frontend and its "
         "backends have the same.");
constexpr Key kTimeoutKey = section("timeout", kTimeoutSection, "How long each step may take.");
constexpr Key kErrorfilesKey = shaped(
    row("errorfiles", Kind::kFile, "",
        "Status code to a file with a whole HTTP response, status line and headers included, at "
        "most 64 KiB, in place of tandem's own answer."),
    Shape::kNamed, Names::kStatus);

constexpr Key kCompressionKey =
    or_boolean(section("compression", kCompressionSection,
                       "Compress answers for clients that take it; `true`: with all defaults. That "
                       "of a backend comes before that of the frontend, as a whole."));

constexpr std::array kProxyKeys = {kModeKey, kTimeoutKey, kErrorfilesKey, kCompressionKey};

constexpr std::array kFrontendSharedKeys = {
    integer("maxconn", {0, kConnectionsMax}, "0",
            "Client connections of this frontend; 0: only the limit of `global`."),
    row("monitor-uri", Kind::kHttpPath, "",
        "Requests for this path are answered 200 by tandem itself: for the load balancer in "
        "front."),
    boolean("forwardfor", "false", "Tell servers the client's address in `X-Forwarded-For`."),
    row("unique-id-header", Kind::kToken, "",
        "Give each request a unique id, sent to the server in this header and logged."),
    boolean("log", "true", "Write this frontend's requests to the access log."),
    duration("inspect-delay", "5s",
             "Mode `tcp`: how long a client's TLS hello is waited for where rules look at it."),
    row("default_backend", Kind::kReference, "", "Where requests go that no rule sends elsewhere."),
};

// ---- compression -------------------------------------------------------------------------------

constexpr std::array kCompressionKeys = {
    shaped(word("algo", "br gzip", "br, gzip",
                "Codings that are offered; of those a client likes equally well the first is "
                "taken."),
           Shape::kOneOrList),
    shaped(row("type", Kind::kString, "text, scripts, JSON, XML and fonts, see below",
               "Media types that are compressed, without parameters; `\"text/*\"` is every type of "
               "that kind, `\"application/*+json\"` every one that ends so."),
           Shape::kOneOrList),
    integer("min-size", {0, 1 << 30}, "1024",
            "Bytes below which an answer is left alone, where its length is known beforehand."),
    integer("level", {1, 9}, "3", "1 for quick to 9 for thorough, with either coding."),
    boolean("offload", "false",
            "Do not tell servers that clients take codings (`Accept-Encoding`), so that none "
            "compresses itself."),
};

// ---- frontends ---------------------------------------------------------------------------------

constexpr std::array kBindKeys = {
    required(row("address", Kind::kAddress, "", "Where to listen.")),
    integer("backlog", {1, 65'535}, "4096",
            "Connections the kernel holds until they are accepted."),
    boolean("defer-accept", "true",
            "A connection is accepted with its first bytes: those that send none cost nothing."),
    section("ssl", kSslSection, "Clients speak TLS here."),
    or_boolean(
        shaped(row("accept-proxy", Kind::kIpPrefix, "false",
                   "Connections begin with a PROXY header, of version 1 or 2, that tells the "
                   "client's address: all of them (`true`), or those from these networks."),
               Shape::kOneOrList)),
    later("interface", "Listen on one network interface only."),
    later("v6only", "Leave IPv4 out of an IPv6 address."),
};

constexpr std::array kNegatedKeys = {
    shaped(row("host", Kind::kString, "",
               "Host name, without port and regardless of case; `\"*.example.org\"` is every name "
               "below it."),
           Shape::kOneOrList),
    shaped(row("path", Kind::kHttpPath, "", "The whole path, without query."), Shape::kOneOrList),
    shaped(row("path_beg", Kind::kHttpPath, "", "How the path begins."), Shape::kOneOrList),
    shaped(row("path_end", Kind::kString, "", "How the path ends."), Shape::kOneOrList),
    shaped(row("method", Kind::kToken, "", "Request method, in capitals."), Shape::kOneOrList),
    later("src", "Client addresses."),
    boolean("ssl_fc", "", "Whether the client speaks TLS."),
    shaped(row("req.ssl_sni", Kind::kString, "",
               "Mode `tcp`: the name that the client's TLS hello asks for, as `host` has it."),
           Shape::kOneOrList),
    shaped(row("req.ssl_sni_end", Kind::kString, "",
               "The same by how the name ends, regardless of case."),
           Shape::kOneOrList),
    shaped(row("req.ssl_alpn", Kind::kString, "",
               "Mode `tcp`: a protocol that the client's TLS hello offers, such as `h2`."),
           Shape::kOneOrList),
    later("path_reg", "Regular expression on the path."),
    later("path_dir", "One directory of the path."),
    later("path_sub", "A part of the path."),
    later("hdr", "A header's value."),
    later("url_param", "A query parameter's value."),
    later("cookie", "A cookie's value."),
};
constexpr std::array kConditionsKeys =
    join(kNegatedKeys,
         std::array{section("not", kNegatedSection, "Conditions none of which may hold.")});

constexpr std::array kRedirectKeys = {
    row("scheme", Kind::kToken, "", "The same address under this scheme, such as `https`."),
    row("prefix", Kind::kString, "", "This text with the path appended."),
    row("location", Kind::kString, "", "This address."),
    Key{.name = "code",
        .kind = Kind::kCode,
        .words = "301 302 303 307 308",
        .fallback = "302",
        .doc = "Status of the answer."},
    boolean("drop-query", "false", "Leave the query string out (`prefix` only)."),
};

constexpr std::array kReturnKeys = {
    integer("status", {200, 599}, "200", "Status of the answer."),
    row("content-type", Kind::kString, "text/plain", "Its `Content-Type`."),
    row("string", Kind::kText, "", "Its body."),
    row("file", Kind::kFile, "",
        "A file with its body, read when the configuration is, at most "
        "1 MiB."),
    shaped(row("hdr", Kind::kText, "", "Further headers, name to value."), Shape::kNamed,
           Names::kHeader),
};

constexpr std::array kRuleKeys = {
    section("if", kConditionsSection,
            "When the rule applies: every key must hold, one member of a list is enough. Absent: "
            "always."),
    row("use_backend", Kind::kReference, "", "Action: this backend answers."),
    section("redirect", kRedirectSection, "Action: send the client elsewhere."),
    section("return", kReturnSection, "Action: answer here."),
    later("deny", "Refuse the request."),
    later("rate-limit", "Count requests and act past a rate."),
    shaped(row("set-header", Kind::kString, "",
               "Headers of the request, name to value, in place of those of the same name; goes on "
               "with the next rule. `%[src]` in a value and its like: see Headers."),
           Shape::kNamed, Names::kHeader),
    shaped(row("add-header", Kind::kString, "", "The same, beside those of the same name."),
           Shape::kNamed, Names::kHeader),
    shaped(row("del-header", Kind::kToken, "",
               "Headers of the request that its server does not see; goes on with the next rule."),
           Shape::kOneOrList),
    later("set-path", "Rewrite the path."),
    later("replace-path", "Rewrite the path by a regular expression."),
    later("auth", "Ask for a password."),
};

constexpr std::array kFrontendKeys = join(
    join(
        std::array{
            required(shaped(or_endpoint(section("bind", kBindSection,
                                                "Where to listen: a string, an object or "
                                                "an array of both.")),
                            Shape::kOneOrList)),
            shaped(
                section("rules", kRuleSection,
                        "In order; the first that holds and says where the request goes decides."),
                Shape::kList)},
        kFrontendSharedKeys),
    join(kProxyKeys, std::array{later("stick-table", "Counters and affinity by key.")}));

// ---- servers and checks
// --------------------------------------------------------------------------

constexpr std::array kServerSharedKeys = {
    integer("weight", {0, 256}, "1", "Its share; 0: no new requests."),
    integer("maxconn", {0, kConnectionsMax}, "0",
            "Requests at once, over all workers; further ones queue. 0: no limit."),
    integer("maxqueue", {0, kConnectionsMax}, "0",
            "Requests that may wait for this very server; 0: no limit of its own."),
    boolean("backup", "false", "Used only when every server that is not a backup is out."),
    boolean("check", "true if the backend has `check`", "Check this server's health."),
    duration("inter", "2s", "Time between checks."),
    duration("fastinter", "`inter`", "The same while a change of state is in progress."),
    duration("downinter", "`inter`", "The same while the server is down."),
    integer("rise", {1, 1000}, "2", "Good checks in a row that bring a server up."),
    integer("fall", {1, 1000}, "3", "Failed checks in a row that take a server down."),
    duration_or_zero("slowstart", "0s",
                     "After coming up, weight grows to its full over this time."),
    row("check-addr", Kind::kString, "", "Check this host in place of the server's."),
    integer("check-port", {1, 65'535}, "", "Check this port in place of the server's."),
    boolean("agent-check", "false",
            "Ask an agent on the server too, for its weight, health and state; see below."),
    integer("agent-port", {1, 65'535}, "", "Where the agent listens; needed with `agent-check`."),
    row("agent-addr", Kind::kString, "the server's address", "The agent is on this host."),
    duration("agent-inter", "2s", "Time between two questions to the agent."),
    row("agent-send", Kind::kText, "", "What the agent is sent first."),
    word("observe", "layer4 layer7", "",
         "Watch live traffic too: failed connections, or bad responses as well."),
    integer("error-limit", {1, 100'000}, "10", "Observed errors in a row that set off `on-error`."),
    word("on-error", "fastinter fail-check sudden-death mark-down", "fail-check",
         "What observed errors do: check faster, count as a failed check, make the next failed "
         "check fatal, or take the server down."),
    word("on-marked-down", "shutdown-sessions", "",
         "End the server's running requests when it goes down."),
    word("state", "ready drain maint", "ready", "State at start."),
    word("send-proxy", "none v1 v2", "none",
         "Begin each connection with a PROXY header of this version, which tells the server the "
         "client's address."),
    boolean("check-send-proxy", "true with `send-proxy`, unless checks go elsewhere",
            "Begin checks with a PROXY header too, one without addresses; version 1 unless "
            "`send-proxy` says otherwise."),
    or_boolean(section("ssl", kServerSslSection,
                       "Speak TLS with the server; `true`: with all defaults, believing the CAs of "
                       "the system.")),
    word("proto", "h1 h2", "h1",
         "What is spoken with the server: HTTP/1.1, or HTTP/2, by ALPN where it has `ssl` and by "
         "prior knowledge where it has not. Mode `http`."),
    boolean("check-ssl", "true with `ssl`, unless checks go elsewhere", "Speak TLS in checks too."),
};

constexpr std::array kServerLaterKeys = {
    later("cookie", "The server's value in the persistence cookie."),
    later("resolvers", "Follow the server's name in DNS."),
    later("track", "Take another server's health."),
    later("minconn", "A `maxconn` that grows with the load."),
    later("source", "Address to connect from."),
};

constexpr std::array kDefaultServerKeys = join(kServerSharedKeys, kServerLaterKeys);
constexpr std::array kServerKeys =
    join(std::array{required(row("address", Kind::kEndpoint, "",
                                 "Where it listens; a name is looked up when the configuration is "
                                 "read."))},
         kDefaultServerKeys);

constexpr std::array kExpectKeys = {
    shaped(row("status", Kind::kStatusRange, "200-399",
               "Good status codes: a number, a range such as `\"200-399\"`, or an array of both."),
           Shape::kOneOrList),
    row("string", Kind::kText, "", "Must occur in the first 16 KiB of the body."),
    later("rstatus", "Regular expression on the status."),
    later("rstring", "Regular expression on the body."),
};

constexpr std::array kStepKeys = {
    row("send", Kind::kText, "", "Sends this text; `\\r\\n` ends a line in most protocols."),
    row("send-hex", Kind::kString, "", "Sends these bytes: two hexadecimal digits for each."),
    row("expect", Kind::kText, "",
        "Goes on once this text has come, wherever it stands in what came since the last step that "
        "sent something, after what an earlier step has found."),
    row("expect-hex", Kind::kString, "", "The same with bytes: two hexadecimal digits for each."),
    later("connect", "Another connection within one check."),
};

constexpr std::array kCheckKeys = {
    with_later(word("type", "tcp tls http grpc pgsql mysql redis smtp", "tcp",
                    "How the server is asked, see below."),
               "ssl-hello ldap agent exec"),
    shaped(section("steps", kStepSection, "What is sent and expected once the connection stands."),
           Shape::kOneOrList),
    row("method", Kind::kToken, "GET", "Method of the request."),
    row("uri", Kind::kHttpPath, "/", "What is asked for."),
    row("host", Kind::kString, "the server's address",
        "`Host` of the request, or `:authority` with `grpc`."),
    section("expect", kExpectSection, "What a good response is."),
    row("user", Kind::kString, "", "Who logs in; `pgsql` cannot do without."),
    row("password", Kind::kSecret, "", "The user's; with `redis` it may stand without a user."),
    row("database", Kind::kString, "the user's name", "Where `pgsql` logs in."),
    word("role", "primary replica master", "",
         "What the server must be: `primary` or `replica` with `pgsql`, `master` or `replica` with "
         "`redis`."),
    word("hello", "HELO EHLO", "`HELO`", "How a mail server is greeted."),
    row("domain", Kind::kToken, "`localhost`", "Our name in that greeting."),
    row("service", Kind::kString, "the server as a whole",
        "Which service a gRPC server is asked about."),
    later("hdr", "Headers of the request."),
};

// ---- backends ----------------------------------------------------------------------------------

constexpr std::array kBackendSharedKeys = {
    row("balance", Kind::kBalance, "roundrobin", "How a server is chosen, see below."),
    row("hash", Kind::kHashKey, "",
        "What `\"balance\": \"hash\"` looks at: `src`, `path`, `pathq`, `hdr(NAME)`, "
        "`cookie(NAME)`, `url_param(NAME)`."),
    or_zero(integer("hash-balance-factor", {101, 65'535}, "0",
                    "With `source`, `uri` and `hash`: percent of the mean load a server may carry "
                    "before its requests go to the next; 0: no bound.")),
    word("http-reuse", "never safe aggressive always", "safe",
         "When an idle server connection may serve another client: `safe` sends no client's first "
         "request over one."),
    integer("retries", {0, 100}, "3", "Further attempts after a failed one."),
    boolean("redispatch", "true", "A retry may go to another server."),
    shaped(
        word("retry-on", "none conn-failure empty-response response-timeout all-retryable-errors",
             "conn-failure",
             "What is tried again. Requests that were not sent always may be; the words past "
             "`conn-failure` add idempotent ones that got no response."),
        Shape::kOneOrList),
    integer("pool-max-conn", {0, 1'000'000}, "1024",
            "Idle connections kept for each server and worker."),
    duration("pool-purge-delay", "5s", "How long an idle server connection is kept."),
    boolean("allbackups", "false", "Use all backup servers at once, not only the first."),
    integer("fullconn", {1, kConnectionsMax}, "a tenth of the `maxconn` of its frontends",
            "Load at which the backend counts as full (`slim` in `show stat`)."),
    or_boolean(section("check", kCheckSection,
                       "Check the health of each server, by this; `true`: by connecting.")),
    section("default-server", kDefaultServerSection,
            "Settings of every server that does not have its own."),
};

constexpr std::array kBackendKeys =
    join(join(std::array{shaped(or_endpoint(section("servers", kServerSection,
                                                    "In order, by name: `\"host:port\"` or an "
                                                    "object.")),
                                Shape::kNamed)},
              kBackendSharedKeys),
         join(kProxyKeys, std::array{later("cookie", "Persistence by cookie."),
                                     later("server-template", "Servers found in DNS."),
                                     later("rules", "Rules of a backend."),
                                     later("forwardfor", "Said in frontends or `defaults`."),
                                     later("stick-table", "Counters and affinity by key.")}));

constexpr std::array kDefaultsKeys =
    join(kProxyKeys, join(kFrontendSharedKeys, kBackendSharedKeys));

}  // namespace

const Section kTimeoutSection{"timeout", kTimeoutKeys};
const Section kCompressionSection{"compression", kCompressionKeys};
const Section kBindSection{"bind", kBindKeys};
const Section kNegatedSection{"not", kNegatedKeys};
const Section kConditionsSection{"if", kConditionsKeys};
const Section kRedirectSection{"redirect", kRedirectKeys, "scheme prefix location"};
const Section kReturnSection{"return", kReturnKeys};
const Section kRuleSection{"rule", kRuleKeys,
                           "use_backend redirect return set-header add-header del-header"};
const Section kFrontendSection{"frontend", kFrontendKeys};
const Section kServerSection{"server", kServerKeys};
const Section kDefaultServerSection{"default-server", kDefaultServerKeys};
const Section kExpectSection{"expect", kExpectKeys};
const Section kStepSection{"step", kStepKeys, "send send-hex expect expect-hex"};
const Section kCheckSection{"check", kCheckKeys};
const Section kBackendSection{"backend", kBackendKeys};
const Section kDefaultsSection{"defaults", kDefaultsKeys};

}  // namespace tandem::config
