#include "config/schema.h"

#include "config/schema_rows.h"

#include <array>

namespace tandem::config {
namespace {

constexpr std::array kGlobalKeys = {
    integer("nbthread", {0, 256}, "0", "Worker threads; 0: one for each CPU the process may use."),
    integer("maxconn", {1, kConnectionsMax}, "20000",
            "Client connections of the whole process; beyond it new ones wait in the kernel."),
    duration_or_zero("grace", "30s",
                     "Soft stop (TERM, USR1): how long running requests may still take."),
    duration("hard-stop-after", "60s",
             "The process ends this long after a soft stop began, whatever still runs."),
    row("user", Kind::kString, "",
        "Started as root, the process becomes this user once it listens."),
    row("group", Kind::kString, "", "The group to go with `user`; its own group if not given."),
    row("node", Kind::kString, "the host name", "Name of this node in `show info` and in the log."),
    row("description", Kind::kString, "", "Free text for `show info`."),
};
constexpr Section kGlobalSection{"global", kGlobalKeys};

constexpr std::array kRuntimeKeys = {
    required(row("bind", Kind::kAddress, "",
                 "Where the control socket listens, usually `\"unix:/run/tandem/lb.sock\"`.")),
    row("mode", Kind::kFileMode, "600", "Permissions of a Unix socket, in octal."),
    word("level", "user operator admin", "operator",
         "What its clients may do: look, look into sessions, change."),
};
constexpr Section kRuntimeSection{"runtime", kRuntimeKeys};

constexpr std::array kAdminKeys = {
    row("bind", Kind::kAddress, "127.0.0.1:8404",
        "Where the web page, `/metrics`, `/live` and `/ready` are served."),
    row("stats-uri", Kind::kHttpPath, "/stats", "The page, HAProxy's table and its CSV."),
    row("metrics-uri", Kind::kHttpPath, "/metrics", "Prometheus exposition."),
    shaped(row("auth", Kind::kSecret, "",
               "User to password; present, everything but `/live` and `/ready` asks for one."),
           Shape::kNamed, Names::kUser),
};
constexpr Section kAdminSection{"admin", kAdminKeys};

constexpr std::array kMetricsKeys = {
    boolean("compat", "true",
            "Serve the figures under HAProxy's names (`haproxy_…`) too, for its dashboards and "
            "alerts."),
};
constexpr Section kMetricsSection{"metrics", kMetricsKeys};

constexpr std::array kAccessKeys = {
    with_later(
        word("format", "json httplog tcplog clf", "json",
             "How a request or session is written: a JSON object, HAProxy's `option httplog` "
             "or `option tcplog`, or the Common Log Format."),
        "ecs"),
    row("target", Kind::kLogTarget, "stdout",
        "`\"stdout\"`, `\"stderr\"`, `\"file:PATH\"`, `\"syslog:/dev/log\"` or "
        "`\"syslog:host:port\"` (UDP)."),
    row("tag", Kind::kString, "tandem", "Program name in syslog messages."),
    word("facility",
         "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp local0 local1 local2 "
         "local3 local4 local5 local6 local7",
         "local0", "Facility of syslog messages."),
};
constexpr Section kAccessSection{"access", kAccessKeys};

constexpr std::array kLogKeys = {
    word("level", "debug info notice warning error", "info",
         "The process's own messages below it are dropped."),
    with_later(word("target", "stderr", "stderr", "Where the process's own messages go."),
               "stdout file: syslog:"),
    section("access", kAccessSection, "The access log, a line for each request; absent: none."),
};
constexpr Section kLogSection{"log", kLogKeys};

constexpr std::array kRootKeys = {
    row("$schema", Kind::kString, "", "Where an editor finds the schema; means nothing to tandem."),
    shaped(row("include", Kind::kFile, "",
               "Files to merge in, in name order; `*`, `?` and `[…]` match file names. Relative to "
               "the file that includes."),
           Shape::kOneOrList),
    section("global", kGlobalSection, "The process."),
    shaped(section("runtime", kRuntimeSection, "Control sockets, HAProxy's runtime API."),
           Shape::kList),
    boolean("runtime-compat", "true",
            "Answer on control sockets as HAProxy where its tools insist (name and version)."),
    section("admin", kAdminSection, "Web page, metrics and probes; absent: none of them."),
    section("metrics", kMetricsSection, "What Prometheus is told."),
    section("log", kLogSection, "What is logged and where."),
    section("defaults", kDefaultsSection,
            "Settings of every frontend and backend that does not have its own."),
    shaped(section("frontends", kFrontendSection, "What listens, and which backend answers."),
           Shape::kNamed),
    shaped(section("backends", kBackendSection, "Groups of servers, and how one is chosen."),
           Shape::kNamed),
    shaped(
        section("certificates", kCertificateSection, "Certificates by name, for `ssl` of binds."),
        Shape::kNamed),
    later("resolvers", "Name servers to follow servers' names with."),
    section("failover", kFailoverSection, "The pair: what `tandem-failover` does."),
};
constexpr Section kRootSection{"file", kRootKeys};

constexpr std::array kSections = {
    &kRootSection,         &kGlobalSection,        &kRuntimeSection,  &kAdminSection,
    &kMetricsSection,      &kLogSection,           &kAccessSection,   &kDefaultsSection,
    &kTimeoutSection,      &kCompressionSection,   &kFrontendSection, &kBindSection,
    &kSslSection,          &kCertificateSection,   &kRuleSection,     &kConditionsSection,
    &kNegatedSection,      &kRedirectSection,      &kReturnSection,   &kBackendSection,
    &kCheckSection,        &kStepSection,          &kExpectSection,   &kServerSection,
    &kServerSslSection,    &kDefaultServerSection, &kFailoverSection, &kGroupSection,
    &kNodeSection,         &kTrackSection,         &kTrackLbSection,  &kTrackScriptSection,
    &kTrackFileSection,    &kPeerSection,          &kAuthSection,     &kAuthKeySection,
    &kNotifySection,       &kSwitchoverSection,    &kActuatorSection, &kFailoverRuntimeSection,
    &kFailoverAdminSection};

}  // namespace

const Key* Section::find(std::string_view key) const noexcept {
  for (const Key& candidate : keys)
    if (candidate.name == key) return &candidate;
  return nullptr;
}

const Section& root_section() noexcept { return kRootSection; }

std::span<const Section* const> all_sections() noexcept { return kSections; }

}  // namespace tandem::config
