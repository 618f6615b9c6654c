// "global", "runtime", "admin" and "log".
#include "common/text.h"
#include "config/files.h"
#include "config/schema.h"
#include "config/shape.h"
#include "lb/config/build.h"

#include <fmt/format.h>

#include <array>

namespace tandem::lb::config {
namespace {

constexpr Word<Level> kLevels[] = {
    {"user", Level::kUser}, {"operator", Level::kOperator}, {"admin", Level::kAdmin}};

constexpr Word<log::Level> kLogLevels[] = {{"debug", log::Level::kDebug},
                                           {"info", log::Level::kInfo},
                                           {"notice", log::Level::kNotice},
                                           {"warning", log::Level::kWarning},
                                           {"error", log::Level::kError}};

constexpr Word<AccessLog::Format> kFormats[] = {{"json", AccessLog::Format::kJson},
                                                {"httplog", AccessLog::Format::kHttplog},
                                                {"tcplog", AccessLog::Format::kTcplog},
                                                {"clf", AccessLog::Format::kClf}};

/// Codes of RFC 5424 table 1.
constexpr Word<int> kFacilities[] = {
    {"kern", 0},      {"user", 1},    {"mail", 2},    {"daemon", 3},  {"auth", 4},
    {"syslog", 5},    {"lpr", 6},     {"news", 7},    {"uucp", 8},    {"cron", 9},
    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17}, {"local2", 18},
    {"local3", 19},   {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23}};

void build_global(BuildContext& context) {
  const Place global = context.root.child("global");
  Global& out = context.snapshot.global;
  out.nbthread = 0;
  read(global.child("nbthread"), out.nbthread);
  if (out.nbthread == 0) out.nbthread = context.environment.cpus;
  read(global.child("maxconn"), out.maxconn);
  read(global.child("grace"), out.grace);
  read(global.child("hard-stop-after"), out.hard_stop_after);
  read(global.child("user"), out.user);
  read(global.child("group"), out.group);
  out.node = context.environment.host_name;
  read(global.child("node"), out.node);
  read(global.child("description"), out.description);
  if (const Place at = global.child("hard-stop-after"); at && out.hard_stop_after < out.grace)
    context.warning(at, "shorter than \"grace\": requests are cut before their grace is over");
}

void build_runtime(BuildContext& context) {
  const Place list = context.root.child("runtime");
  read(context.root.child("runtime-compat"), context.snapshot.runtime_compat);
  if (!list || list.value->type != jsonc::Type::kArray) return;
  for (const Place& entry : one_or_list(list)) {
    const auto address = context.listening(entry.child("bind"));
    if (!address) continue;
    RuntimeSocket socket;
    socket.address = *address;
    read(entry.child("bind"), socket.text);
    read(entry.child("level"), kLevels, socket.level);
    const Place mode = entry.child("mode");
    if (mode) socket.mode = read_file_mode(mode.value->text).value_or(socket.mode);
    if (mode && !address->is_unix())
      context.error(mode, "only a Unix socket has a mode: leave it out");
    context.snapshot.runtime.push_back(std::move(socket));
  }
}

void build_admin(BuildContext& context) {
  const Place admin = context.root.child("admin");
  if (!admin || admin.value->type != jsonc::Type::kObject) return;
  Admin& out = context.snapshot.admin;
  out.bind_text = "127.0.0.1:8404";
  read(admin.child("bind"), out.bind_text);
  out.bind = admin.child("bind") ? context.listening(admin.child("bind"))
                                 : SocketAddress::parse(out.bind_text).value();
  if (!admin.child("bind")) context.listeners.push_back({*out.bind, admin});
  read(admin.child("stats-uri"), out.stats_uri);
  read(admin.child("metrics-uri"), out.metrics_uri);
  const Place auth = admin.child("auth");
  if (auth)
    for (const jsonc::Member& user : auth.value->members) out.auth[user.key] = user.value.text;
  if (out.stats_uri == out.metrics_uri)
    context.error(admin, "\"stats-uri\" and \"metrics-uri\" must differ");
  if (out.bind && !is_loopback(*out.bind) && out.auth.empty())
    context.warning(admin.child("bind"),
                    "everybody who reaches this address can use it: add \"auth\" or listen on "
                    "127.0.0.1");
}

/// The path or address behind "file:" and "syslog:".
void build_target(BuildContext& context, const Place& at, AccessLog& out) {
  const auto target = read_log_target(at.value->text);
  if (!target) return;
  out.target = target->target;
  out.path = target->rest;
  if (out.target == AccessLog::Target::kFile) {
    out.path = beside(context.report.source(at.value->at.source), target->rest);
  } else if (out.target == AccessLog::Target::kSyslog) {
    if (out.path.starts_with("unix:")) out.path.erase(0, 5);
    if (out.path.starts_with('/')) return;
    jsonc::Value address = *at.value;
    address.text = target->rest;
    const auto found = context.address({&address, at.pointer});
    if (found) out.path = found->text();
  }
}

void build_log(BuildContext& context) {
  const Place log = context.root.child("log");
  read(log.child("level"), kLogLevels, context.snapshot.log_level);
  const Place access = log.child("access");
  if (!access || access.value->type != jsonc::Type::kObject) return;
  AccessLog& out = context.snapshot.access_log;
  out.target = AccessLog::Target::kStdout;
  read(access.child("format"), kFormats, out.format);
  read(access.child("tag"), out.tag);
  read(access.child("facility"), kFacilities, out.facility);
  if (const Place target = access.child("target");
      target && target.value->type == jsonc::Type::kString)
    build_target(context, target, out);
}

/// A pair's data plane shows that it lives unless it was told not to.
void build_pulse(BuildContext& context) {
  const Place failover = context.root.child("failover");
  if (!failover || failover.value->type != jsonc::Type::kObject) return;
  const Place lb = failover.child("track").child("lb");
  bool wanted = true;
  read(lb, wanted);
  if (!wanted) return;
  context.snapshot.pulse.bind = lb.child("bind")
                                    ? context.listening(lb.child("bind"))
                                    : SocketAddress::parse("unix:/run/tandem/pulse.sock").value();
  if (const auto& bind = context.snapshot.pulse.bind; bind && !bind->is_unix())
    context.error(lb.child("bind"), "a Unix socket is expected: \"unix:/path\"");
}

}  // namespace

void build_process(BuildContext& context) {
  build_global(context);
  build_runtime(context);
  build_admin(context);
  read(context.root.child("metrics").child("compat"), context.snapshot.metrics_compat);
  build_log(context);
  build_pulse(context);
}

}  // namespace tandem::lb::config
