#include "lb/proxy/access_log_format.h"

#include <array>
#include <chrono>
#include <optional>

namespace tandem::lb::proxy {
namespace {

// What each part of a line may take, escapes included; together under LogWriter::kLineBytesMax.
constexpr std::size_t kTargetBytesMax = 4096;
constexpr std::size_t kRefererBytesMax = 1024;
constexpr std::size_t kAgentBytesMax = 512;
constexpr std::size_t kHostBytesMax = 256;
constexpr std::size_t kNameBytesMax = 256;
constexpr std::size_t kIdBytesMax = 128;
constexpr std::size_t kMethodBytesMax = 64;
constexpr std::size_t kTlsBytesMax = 32;
static_assert(kTargetBytesMax + kRefererBytesMax + kAgentBytesMax + kHostBytesMax +
                      4 * kNameBytesMax + kIdBytesMax + kMethodBytesMax + 2 * kTlsBytesMax + 1024 <=
                  LogWriter::kLineBytesMax,
              "the parts of a line leave 1024 bytes for numbers, dates and names of fields");

std::int64_t milliseconds_or_minus_one(const std::optional<Duration>& duration) {
  return duration ? to_milliseconds(*duration) : -1;
}

std::string_view version_name(std::uint8_t version) noexcept {
  if (version >= 20) return "HTTP/2.0";
  return version >= 11 ? "HTTP/1.1" : "HTTP/1.0";
}

void append_request(LogLine& line, const Outcome& outcome, Escape escape) {
  if (outcome.method.empty()) {
    line.text("<BADREQ>");
    return;
  }
  line.escaped(outcome.method, escape, kMethodBytesMax).character(' ');
  line.escaped(outcome.target, escape, kTargetBytesMax);
  line.character(' ').text(version_name(outcome.version));
}

/// "key":"value", or "key":null when there is none.
void append_json_text(LogLine& line, std::string_view key, std::string_view value,
                      std::size_t bytes_max) {
  line.text(key);
  if (value.empty())
    line.text("null");
  else
    line.character('"').escaped(value, Escape::kJson, bytes_max).character('"');
}

/// What only a request has, as members of the object.
void append_json_request(LogLine& line, const Outcome& outcome) {
  append_json_text(line, ",\"method\":", outcome.method, kMethodBytesMax);
  append_json_text(line, ",\"target\":", outcome.target, kTargetBytesMax);
  line.text(",\"protocol\":\"").text(version_name(outcome.version)).character('"');
  append_json_text(line, ",\"host\":", outcome.host, kHostBytesMax);
  append_json_text(line, ",\"user_agent\":", outcome.user_agent, kAgentBytesMax);
  append_json_text(line, ",\"referer\":", outcome.referer, kRefererBytesMax);
  append_json_text(line, ",\"unique_id\":", outcome.unique_id, kIdBytesMax);
}

/// Milliseconds with three decimals: "1.234".
void append_json_time(LogLine& line, std::string_view key, const std::optional<Duration>& time) {
  line.text(key);
  if (!time) {
    line.text("null");
    return;
  }
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(*time).count();
  const std::uint64_t whole = us > 0 ? static_cast<std::uint64_t>(us) : 0;
  line.number(whole / 1000).character('.').padded(static_cast<unsigned>(whole % 1000), 3);
}

}  // namespace

std::string_view LineFormatter::frontend_name(const Outcome& outcome) const {
  return snapshot_.frontends[outcome.frontend].name;
}

std::string_view LineFormatter::backend_name(const Outcome& outcome) const {
  return outcome.backend ? std::string_view(snapshot_.backends[*outcome.backend].name)
                         : frontend_name(outcome);
}

std::string_view LineFormatter::server_name(const Outcome& outcome) const {
  if (!outcome.backend || !outcome.server) return {};
  return snapshot_.backends[*outcome.backend].servers[*outcome.server].name;
}

std::string_view LineFormatter::format(const Outcome& outcome) {
  line_.clear();
  const bool is_tcp = snapshot_.frontends[outcome.frontend].mode == config::Mode::kTcp;
  switch (format_) {
    case config::AccessLog::Format::kHttplog:
      is_tcp ? format_tcplog(outcome) : format_httplog(outcome);
      break;
    case config::AccessLog::Format::kTcplog:
      format_tcplog(outcome);
      break;
    case config::AccessLog::Format::kClf:
      is_tcp ? format_tcplog(outcome) : format_clf(outcome);
      break;
    case config::AccessLog::Format::kJson:
      format_json(outcome, !is_tcp);
      break;
  }
  line_.character('\n');
  return line_.view();
}

// %ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq
// %{+Q}r
void LineFormatter::format_httplog(const Outcome& outcome) {
  append_who(outcome);
  line_.number(milliseconds_or_minus_one(outcome.request_time)).character('/');
  line_.number(milliseconds_or_minus_one(outcome.queue_time)).character('/');
  line_.number(milliseconds_or_minus_one(outcome.connect_time)).character('/');
  line_.number(milliseconds_or_minus_one(outcome.response_time)).character('/');
  line_.number(to_milliseconds(outcome.total_time)).character(' ');

  line_.number(std::int64_t{outcome.status == 0 ? -1 : outcome.status}).character(' ');
  line_.number(outcome.bytes_out).text(" - - ");
  line_.character(static_cast<char>(outcome.cause)).character(static_cast<char>(outcome.phase));
  line_.text("-- ");
  append_loads(outcome);
  line_.text(" \"");
  append_request(line_, outcome, Escape::kHash);
  line_.character('"');
}

// %ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq
void LineFormatter::format_tcplog(const Outcome& outcome) {
  append_who(outcome);
  line_.number(milliseconds_or_minus_one(outcome.queue_time)).character('/');
  line_.number(milliseconds_or_minus_one(outcome.connect_time)).character('/');
  line_.number(to_milliseconds(outcome.total_time)).character(' ');
  line_.number(outcome.bytes_out).character(' ');
  line_.character(static_cast<char>(outcome.cause)).character(static_cast<char>(outcome.phase));
  line_.character(' ');
  append_loads(outcome);
}

void LineFormatter::append_who(const Outcome& outcome) {
  const std::string_view server = server_name(outcome);
  line_.host(outcome.client).character(':');
  line_.number(
      std::uint64_t{outcome.client == nullptr ? std::uint16_t{0} : outcome.client->port()});
  line_.text(" [").text(dates_.clf_local(outcome.accepted_at)).character('.');
  line_.padded(DateCache::milliseconds(outcome.accepted_at), 3).text("] ");
  line_.escaped(frontend_name(outcome), Escape::kHash, kNameBytesMax).character(' ');
  line_.escaped(backend_name(outcome), Escape::kHash, kNameBytesMax).character('/');
  line_.escaped(server.empty() ? "<NOSRV>" : server, Escape::kHash, kNameBytesMax).character(' ');
}

void LineFormatter::append_loads(const Outcome& outcome) {
  line_.number(std::uint64_t{outcome.process_connections}).character('/');
  line_.number(std::uint64_t{outcome.frontend_connections}).character('/');
  line_.number(std::uint64_t{outcome.backend_load}).character('/');
  line_.number(std::uint64_t{outcome.server_load}).character('/');
  if (outcome.redispatched) line_.character('+');
  line_.number(std::uint64_t{outcome.retries}).character(' ');
  line_.number(std::uint64_t{outcome.server_queue_ahead}).character('/');
  line_.number(std::uint64_t{outcome.backend_queue_ahead});
}

void LineFormatter::format_clf(const Outcome& outcome) {
  line_.host(outcome.client).text(" - - [").text(dates_.clf_local(outcome.accepted_at));
  line_.character(' ').text(dates_.zone()).text("] \"");
  append_request(line_, outcome, Escape::kClf);
  line_.text("\" ").number(std::int64_t{outcome.status}).character(' ').number(outcome.bytes_out);
  line_.text(" \"");
  line_.escaped(outcome.referer.empty() ? "-" : outcome.referer, Escape::kClf, kRefererBytesMax);
  line_.text("\" \"");
  line_.escaped(outcome.user_agent.empty() ? "-" : outcome.user_agent, Escape::kClf,
                kAgentBytesMax);
  line_.character('"');
}

void LineFormatter::format_json(const Outcome& outcome, bool is_request) {
  line_.text("{\"time\":\"").text(dates_.iso_utc(outcome.accepted_at)).character('.');
  line_.padded(DateCache::milliseconds(outcome.accepted_at), 3).text("Z\"");
  append_json_text(line_, ",\"frontend\":", frontend_name(outcome), kNameBytesMax);
  append_json_text(line_,
                   ",\"backend\":", outcome.backend ? backend_name(outcome) : std::string_view(),
                   kNameBytesMax);
  append_json_text(line_, ",\"server\":", server_name(outcome), kNameBytesMax);
  line_.text(",\"client\":\"").host(outcome.client).text("\",\"client_port\":");
  line_.number(
      std::uint64_t{outcome.client == nullptr ? std::uint16_t{0} : outcome.client->port()});
  line_.text(",\"local\":\"").host(outcome.local).text("\",\"local_port\":");
  line_.number(std::uint64_t{outcome.local == nullptr ? std::uint16_t{0} : outcome.local->port()});
  if (is_request) {
    append_json_request(line_, outcome);
  } else {
    line_.text(",\"protocol\":\"TCP\"");
  }
  if (!outcome.tls_version.empty()) {
    append_json_text(line_, ",\"tls_version\":", outcome.tls_version, kTlsBytesMax);
    append_json_text(line_, ",\"tls_cipher\":", outcome.tls_cipher, kTlsBytesMax);
  }
  if (!outcome.tls_version.empty() || !outcome.sni.empty())
    append_json_text(line_, ",\"sni\":", outcome.sni, kNameBytesMax);

  if (is_request) line_.text(",\"status\":").number(std::int64_t{outcome.status});
  line_.text(",\"bytes_in\":").number(outcome.bytes_in);
  line_.text(",\"bytes_out\":").number(outcome.bytes_out);
  if (!outcome.coding.empty()) {
    line_.text(",\"compression\":\"").text(outcome.coding).text("\",\"compression_in\":");
    line_.number(outcome.bytes_before_coding).text(",\"compression_out\":");
    line_.number(outcome.bytes_after_coding);
  }
  line_.text(",\"termination\":\"");
  line_.character(static_cast<char>(outcome.cause)).character(static_cast<char>(outcome.phase));
  line_.character('"');
  if (is_request) append_json_time(line_, ",\"request_ms\":", outcome.request_time);
  append_json_time(line_, ",\"queue_ms\":", outcome.queue_time);
  append_json_time(line_, ",\"connect_ms\":", outcome.connect_time);
  if (is_request) append_json_time(line_, ",\"response_ms\":", outcome.response_time);
  append_json_time(line_, ",\"total_ms\":", outcome.total_time);
  line_.text(",\"retries\":").number(std::uint64_t{outcome.retries});
  line_.text(outcome.redispatched ? ",\"redispatched\":true" : ",\"redispatched\":false");
  if (is_request) line_.text(outcome.connection_reused ? ",\"reused\":true" : ",\"reused\":false");
  line_.character('}');
}

}  // namespace tandem::lb::proxy
