#include "lb/proxy/access_log.h"

#include "lb/proxy/access_log_format.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <stdlib.h>
#include <time.h>

#include <memory>
#include <regex>
#include <string>

namespace tandem::lb::proxy {
namespace {

using Format = config::AccessLog::Format;

config::Snapshot snapshot() {
  config::Snapshot snapshot;
  snapshot.frontends.resize(3);
  snapshot.frontends[0].name = "www";
  snapshot.frontends[1].name = "quiet";
  snapshot.frontends[1].access_log = false;
  snapshot.frontends[2].name = "pg";
  snapshot.frontends[2].mode = config::Mode::kTcp;
  snapshot.backends.resize(1);
  snapshot.backends[0].name = "app";
  snapshot.backends[0].servers.resize(1);
  snapshot.backends[0].servers[0].name = "web1";
  return snapshot;
}

/// 6 February 2009, 12:14:14.655 UTC, in a place one hour ahead.
constexpr std::int64_t kMilliseconds = 1'233'922'454'655;
struct InBerlinWinter {
  InBerlinWinter() {
    ::setenv("TZ", "CET-1", 1);
    ::tzset();
  }
};

Outcome finished_request(const SocketAddress& client) {
  Outcome outcome;
  outcome.client = &client;
  outcome.local = &client;
  outcome.backend = 0;
  outcome.server = 0;
  outcome.method = "GET";
  outcome.target = "/index.html";
  outcome.host = "example.org";
  outcome.status = 200;
  outcome.bytes_in = 81;
  outcome.bytes_out = 2750;
  outcome.accepted_at = std::chrono::system_clock::time_point(Milliseconds(kMilliseconds));
  outcome.request_time = Milliseconds(10);
  outcome.queue_time = Milliseconds(0);
  outcome.connect_time = Milliseconds(30);
  outcome.response_time = Milliseconds(69);
  outcome.total_time = Milliseconds(109);
  outcome.process_connections = 5;
  outcome.frontend_connections = 4;
  outcome.backend_load = 3;
  outcome.server_load = 2;
  return outcome;
}

std::string line(Format format, const Outcome& outcome) {
  static const InBerlinWinter zone;
  static const config::Snapshot kSnapshot = snapshot();
  const auto formatter = std::make_unique<LineFormatter>(kSnapshot, format);
  return std::string(formatter->format(outcome));
}

const SocketAddress& client() {
  static const SocketAddress address = *SocketAddress::parse("10.0.1.2:33317");
  return address;
}

}  // namespace

TEST_CASE("httplog writes a finished request as HAProxy does", "[access_log]") {
  CHECK(line(Format::kHttplog, finished_request(client())) ==
        "10.0.1.2:33317 [06/Feb/2009:13:14:14.655] www app/web1 10/0/30/69/109 200 2750 - - ---- "
        "5/4/3/2/0 0/0 \"GET /index.html HTTP/1.1\"\n");
}

TEST_CASE("httplog says how far a failed request came", "[access_log]") {
  Outcome outcome = finished_request(client());
  SECTION("no server was reached in time, after a redispatch") {
    outcome.cause = Cause::kServerAborted;
    outcome.phase = Phase::kConnect;
    outcome.status = 503;
    outcome.connect_time.reset();
    outcome.response_time.reset();
    outcome.retries = 3;
    outcome.redispatched = true;
    outcome.server_queue_ahead = 7;
    outcome.backend_queue_ahead = 8;
    outcome.version = 10;
    CHECK(line(Format::kHttplog, outcome) ==
          "10.0.1.2:33317 [06/Feb/2009:13:14:14.655] www app/web1 10/0/-1/-1/109 503 2750 - - "
          "SC-- 5/4/3/2/+3 7/8 \"GET /index.html HTTP/1.0\"\n");
  }
  SECTION("no backend was chosen") {
    outcome.backend.reset();
    outcome.server.reset();
    outcome.cause = Cause::kLocal;
    outcome.phase = Phase::kRequest;
    outcome.queue_time.reset();
    outcome.connect_time.reset();
    outcome.response_time.reset();
    CHECK(line(Format::kHttplog, outcome)
              .find("] www www/<NOSRV> 10/-1/-1/-1/109 200 2750 - - "
                    "LR-- ") != std::string::npos);
  }
  SECTION("the backend had no server") {
    outcome.server.reset();
    CHECK(line(Format::kHttplog, outcome).find("] www app/<NOSRV> ") != std::string::npos);
  }
  SECTION("no request line could be read, and nothing was answered") {
    outcome.method = {};
    outcome.target = {};
    outcome.status = 0;
    outcome.bytes_out = 0;
    const std::string bad = line(Format::kHttplog, outcome);
    CHECK(bad.find(" -1 0 - - ") != std::string::npos);
    CHECK(bad.ends_with(" \"<BADREQ>\"\n"));
  }
}

TEST_CASE("tcplog writes a session as HAProxy does, and a request in its way", "[access_log]") {
  Outcome outcome = finished_request(client());
  CHECK(line(Format::kTcplog, outcome) ==
        "10.0.1.2:33317 [06/Feb/2009:13:14:14.655] www app/web1 0/30/109 2750 -- 5/4/3/2/0 0/0\n");
  outcome.frontend = 2;
  SECTION("also in place of what is for requests alone") {
    for (const Format format : {Format::kTcplog, Format::kHttplog, Format::kClf})
      CHECK(line(format, outcome) ==
            "10.0.1.2:33317 [06/Feb/2009:13:14:14.655] pg app/web1 0/30/109 2750 -- 5/4/3/2/0 "
            "0/0\n");
  }
  SECTION("HAProxy 2.6 wrote this one") {
    outcome.server.reset();
    outcome.queue_time.reset();
    outcome.connect_time.reset();
    outcome.total_time = Milliseconds(0);
    outcome.bytes_out = 0;
    outcome.cause = Cause::kServerAborted;
    outcome.phase = Phase::kConnect;
    outcome.process_connections = outcome.frontend_connections = 2;
    outcome.backend_load = outcome.server_load = 0;
    CHECK(line(Format::kTcplog, outcome) ==
          "10.0.1.2:33317 [06/Feb/2009:13:14:14.655] pg app/<NOSRV> -1/-1/0 0 SC 2/2/0/0/0 0/0\n");
  }
}

TEST_CASE("A session's JSON has no fields that only a request has", "[access_log]") {
  Outcome outcome = finished_request(client());
  outcome.frontend = 2;
  const auto session = nlohmann::json::parse(line(Format::kJson, outcome));
  CHECK(session["frontend"] == "pg");
  CHECK(session["protocol"] == "TCP");
  CHECK(session["bytes_in"] == 81);
  CHECK(session["bytes_out"] == 2750);
  CHECK(session["termination"] == "--");
  CHECK(session["queue_ms"] == 0);
  CHECK(session["connect_ms"] == 30);
  CHECK(session["total_ms"] == 109);
  for (const char* key : {"method", "target", "host", "status", "request_ms", "response_ms",
                          "reused", "user_agent", "unique_id"})
    CHECK_FALSE(session.contains(key));
}

TEST_CASE("httplog has the shape that log tools look for", "[access_log]") {
  // HAProxy 2.6 wrote the first two; the expression must hold for its lines and for ours.
  const std::regex shape(
      R"re([0-9a-f.:]+:\d+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] \S+ \S+/\S+ )re"
      R"re((-?\d+/){4}\+?\d+ -?\d+ \d+ - - [-A-Za-z]{2}-- (\d+/){4}\+?\d+ \d+/\d+ "[^"]*"\n)re");
  CHECK(
      std::regex_match("127.0.0.1:59896 [21/Nov/2026:11:28:19.785] www www/<NOSRV> 0/-1/-1/-1/0 "
                       "302 83 - - LR-- 1/1/0/0/0 0/0 \"GET /red?a=#22b HTTP/1.1\"\n",
                       shape));
  CHECK(
      std::regex_match("127.0.0.1:59956 [21/Nov/2026:11:28:20.165] www www/<NOSRV> "
                       "-1/-1/-1/-1/301 408 0 - - cR-- 1/1/0/0/0 0/0 \"<BADREQ>\"\n",
                       shape));
  CHECK(std::regex_match(line(Format::kHttplog, finished_request(client())), shape));
  const auto v6 = *SocketAddress::parse("[2001:db8::1]:443");
  CHECK(line(Format::kHttplog, finished_request(v6)).starts_with("2001:db8::1:443 ["));
  CHECK(std::regex_match(line(Format::kHttplog, finished_request(v6)), shape));
}

TEST_CASE("clf writes the combined format", "[access_log]") {
  Outcome outcome = finished_request(client());
  CHECK(line(Format::kClf, outcome) ==
        "10.0.1.2 - - [06/Feb/2009:13:14:14 +0100] \"GET /index.html HTTP/1.1\" 200 2750 \"-\" "
        "\"-\"\n");
  outcome.referer = "http://example.org/\"";
  outcome.user_agent = "curl\\7";
  CHECK(line(Format::kClf, outcome).ends_with("\"http://example.org/\\\"\" \"curl\\\\7\"\n"));
}

TEST_CASE("json writes one object with times in milliseconds", "[access_log]") {
  Outcome outcome = finished_request(client());
  outcome.connect_time.reset();
  outcome.total_time = std::chrono::microseconds(1'002'034);
  outcome.user_agent = "curl/7.88";
  const auto json = nlohmann::json::parse(line(Format::kJson, outcome));
  CHECK(json["time"] == "2009-02-06T12:14:14.655Z");
  CHECK(json["frontend"] == "www");
  CHECK(json["backend"] == "app");
  CHECK(json["server"] == "web1");
  CHECK(json["client"] == "10.0.1.2");
  CHECK(json["client_port"] == 33317);
  CHECK(json["target"] == "/index.html");
  CHECK(json["status"] == 200);
  CHECK(json["bytes_out"] == 2750);
  CHECK(json["termination"] == "--");
  CHECK(json["request_ms"] == 10.0);
  CHECK(json["connect_ms"].is_null());
  CHECK(json["total_ms"] == 1002.034);
  CHECK(json["referer"].is_null());
  CHECK(json["user_agent"] == "curl/7.88");
  CHECK(json["redispatched"] == false);
}

TEST_CASE("No request can forge a line, whatever bytes it has", "[access_log]") {
  std::string hostile = "/\"}\n10.0.0.1 # \\ \x1b[0m";
  hostile.push_back('\0');
  for (int c = 127; c < 256; ++c) hostile.push_back(static_cast<char>(c));
  Outcome outcome = finished_request(client());
  outcome.target = hostile;
  outcome.user_agent = hostile;
  outcome.referer = hostile;
  outcome.host = hostile;
  outcome.method = "A\"B";
  for (const Format format : {Format::kHttplog, Format::kClf, Format::kJson}) {
    const std::string text = line(format, outcome);
    CHECK(text.find('\n') == text.size() - 1);
    CHECK(std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= 32 && c < 127; }));
  }
  const std::string httplog = line(Format::kHttplog, outcome);
  CHECK(httplog.find("\"A#22B /#22}#0A10.0.0.1 #23 \\ #1B[0m#00#7F#80") != std::string::npos);
  CHECK(std::count(httplog.begin(), httplog.end(), '"') == 2);
  const auto json = nlohmann::json::parse(line(Format::kJson, outcome));
  CHECK(json["target"].get<std::string>().starts_with("/\"}\n10.0.0.1 # \\ \x1b[0m"));
}

TEST_CASE("Lines stay bounded and well-formed however long the request is", "[access_log]") {
  const std::string endless(20'000, '"');
  Outcome outcome = finished_request(client());
  outcome.target = endless;
  outcome.user_agent = endless;
  outcome.referer = endless;
  outcome.host = endless;
  outcome.unique_id = endless;
  outcome.method = endless;
  for (const Format format : {Format::kHttplog, Format::kClf, Format::kJson}) {
    const std::string text = line(format, outcome);
    CHECK(text.size() <= LogWriter::kLineBytesMax);
    CHECK(text.ends_with(format == Format::kJson ? "}\n" : "\"\n"));
  }
  CHECK(nlohmann::json::parse(line(Format::kJson, outcome))["target"].get<std::string>().size() ==
        2048);
}

TEST_CASE("What does not fit in the worker's ring is dropped and counted", "[access_log]") {
  class BlockedSink final : public LogSink {
   public:
    explicit BlockedSink(std::shared_ptr<std::atomic<bool>> open) : open_(std::move(open)) {}
    std::uint64_t write(std::string_view) override {
      open_->wait(false);
      return 0;
    }

   private:
    std::shared_ptr<std::atomic<bool>> open_;
  };
  const auto open = std::make_shared<std::atomic<bool>>(false);
  const config::Snapshot configuration = snapshot();
  figures::WorkerCells cells;
  LogWriter writer(std::make_unique<BlockedSink>(open), 1, 512);
  const auto log = std::make_unique<AccessLog>(configuration, &writer, 0, cells);
  Outcome outcome = finished_request(client());
  log->record(outcome);
  CHECK(cells.log_dropped.value() == 0);
  log->record(outcome);
  CHECK(cells.log_dropped.value() == 1);
  outcome.frontend = 1;  // its log is off: nothing to drop
  log->record(outcome);
  CHECK(cells.log_dropped.value() == 1);
  *open = true;
  open->notify_all();
}

}  // namespace tandem::lb::proxy
