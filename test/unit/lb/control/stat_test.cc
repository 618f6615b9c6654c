#include "common/text.h"
#include "test/unit/lb/control/control_harness.h"

#include <catch2/catch.hpp>

#include <set>

namespace tandem::lb::control {
namespace {

using namespace std::chrono_literals;

// As HAProxy prints it; tools find columns by place or by name.
constexpr std::string_view kHeader =
    "# "
    "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,"
    "status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,"
    "tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,"
    "hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_"
    "abrt,"
    "comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,"
    "agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,"
    "check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,"
    "conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,"
    "qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,"
    "need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,srid,"
    "sess_other,h1sess,h2sess,h3sess,req_other,h1req,h2req,h3req,proto,priv_idle_cur,reqbin,"
    "reqbout,resbin,resbout,cache_hint_hits,-,";

std::vector<std::string> lines_of(const std::string& answer) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(answer, '\n')) lines.emplace_back(line);
  return lines;
}

}  // namespace

TEST_CASE("the header of show stat is HAProxy's to the byte") {
  ControlHarness harness;
  const auto lines = lines_of(harness.ask("show stat"));
  CHECK(lines.front() == kHeader);
}

TEST_CASE("every row has as many fields as the header, in the order tools rely on") {
  ControlHarness harness;
  const auto lines = lines_of(harness.ask("show stat"));
  REQUIRE(lines.size() == 1 + 8 + 2);  // header, rows, the empty line and what follows it
  const std::vector<std::string> order = {"www,FRONTEND", "app,web1",    "app,web2", "app,spare",
                                          "app,old",      "app,BACKEND", "api,api1", "api,BACKEND"};
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(lines[i + 1].starts_with(order[i]));
  const std::size_t fields = split(kHeader, ',').size();
  for (std::size_t i = 1; i <= 8; ++i) {
    INFO(lines[i]);
    CHECK(split(lines[i], ',').size() == fields);
    CHECK(lines[i].find('"') == std::string::npos);
  }
}

TEST_CASE("a TCP proxy's rows say so, and leave empty what only requests have") {
  config::Snapshot config = make_config();
  config.frontends[0].mode = config::Mode::kTcp;
  config.backends[0].mode = config::Mode::kTcp;
  ControlHarness harness(std::move(config));
  for (const std::string_view server : {"FRONTEND", "web1", "BACKEND"}) {
    const std::string_view proxy = server == "FRONTEND" ? "www" : "app";
    CAPTURE(server);
    CHECK(harness.field(proxy, server, Column::kMode) == "tcp");
    for (const Column column : {Column::kHrsp1xx, Column::kHrsp2xx, Column::kHrsp5xx,
                                Column::kHrspOther, Column::kIntercepted, Column::kCacheHits})
      CHECK(harness.field(proxy, server, column).empty());
    CHECK(harness.field(proxy, server, Column::kReqTot) == (server == "FRONTEND" ? "0" : ""));
    CHECK(harness.field(proxy, server, Column::kStot) == "0");
    CHECK(harness.field(proxy, server, Column::kBin) == "0");
  }
  CHECK(harness.field("api", "BACKEND", Column::kMode) == "http");
  CHECK(harness.field("api", "BACKEND", Column::kHrsp2xx) == "0");
}

TEST_CASE("numeric fields are numbers, and those of a server that tools need are never empty") {
  ControlHarness harness;
  const auto rows = make_rows(harness.context.source(), {});
  const std::set<Column> texts = {Column::kPxname,      Column::kSvname,  Column::kStatus,
                                  Column::kCheckStatus, Column::kLastChk, Column::kCheckDesc,
                                  Column::kAddr,        Column::kMode,    Column::kAlgo};
  for (const StatRow& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      const auto column = static_cast<Column>(i);
      const std::string text = row[column].plain();
      INFO(column_info(column).name << " = " << text);
      if (texts.contains(column) || text.empty()) continue;
      CHECK((parse_decimal(text) || (column == Column::kLastsess && text == "-1")));
    }
    if (row.type != RowType::kServer) continue;
    for (const Column column : {Column::kQcur, Column::kQmax, Column::kScur, Column::kSmax,
                                Column::kStot, Column::kBin, Column::kBout, Column::kDresp})
      CHECK_FALSE(row[column].is_empty());
  }
}

TEST_CASE("what the rows say about state, weight and limits") {
  ControlHarness harness;
  struct Row {
    std::string_view proxy, server;
    Column column;
    std::string value;
  };
  const std::vector<Row> rows = {
      {"www", "FRONTEND", Column::kStatus, "OPEN"},
      {"www", "FRONTEND", Column::kSlim, "5000"},
      {"www", "FRONTEND", Column::kType, "0"},
      {"www", "FRONTEND", Column::kRateLim, "0"},
      {"app", "web1", Column::kStatus, "UP"},
      {"app", "web1", Column::kSlim, "200"},
      {"app", "web1", Column::kWeight, "10"},
      {"app", "web1", Column::kCheckStatus, "L4OK"},
      {"app", "web1", Column::kCheckDesc, "Layer4 check passed"},
      {"app", "web1", Column::kLastChk, "scripted"},
      {"app", "web1", Column::kCheckHealth, "4"},
      {"app", "web1", Column::kDowntime, "0"},
      {"app", "web1", Column::kAct, "1"},
      {"app", "web1", Column::kBck, "0"},
      {"app", "web1", Column::kAddr, "192.0.2.1:1"},
      {"app", "web1", Column::kLastsess, "-1"},
      {"app", "web2", Column::kStatus, "no check"},
      {"app", "web2", Column::kCheckStatus, ""},
      {"app", "web2", Column::kSlim, ""},
      {"app", "web2", Column::kChkfail, ""},
      {"app", "spare", Column::kBck, "1"},
      {"app", "old", Column::kStatus, "MAINT"},
      {"app", "BACKEND", Column::kStatus, "UP"},
      {"app", "BACKEND", Column::kAct, "2"},
      {"app", "BACKEND", Column::kBck, "1"},
      {"app", "BACKEND", Column::kWeight, "11"},
      {"app", "BACKEND", Column::kSlim, "500"},
      {"app", "BACKEND", Column::kAlgo, "roundrobin"},
      {"app", "BACKEND", Column::kType, "1"},
      {"api", "api1", Column::kIid, "3"},
      {"api", "api1", Column::kSid, "1"},
      {"api", "api1", Column::kAddr, "[2001:db8::7]:9000"},
  };
  for (const Row& row : rows) {
    INFO(row.proxy << "/" << row.server << " " << column_info(row.column).name);
    CHECK(harness.field(row.proxy, row.server, row.column) == row.value);
  }
}

TEST_CASE("counters of all workers reach their columns") {
  ControlHarness harness;
  for (std::uint32_t w = 0; w < 2; ++w) {
    figures::ServerCells& web1 = harness.figures.of(w).server(0, 0);
    web1.sessions.add(10);
    web1.bytes_in.add(100);
    web1.bytes_out.add(1'000);
    web1.responses[5].add(3);
    web1.responses[0].add(1);
    web1.retries.add(2);
    web1.total_duration.observe(50ms);
    harness.figures.of(w).frontend(0).requests.add(20);
  }
  harness.fleet.shared.servers[0][0].load = 3;
  harness.fleet.shared.servers[0][0].load_most = 9;
  harness.fleet.shared.servers[0][0].last_session_ms =
      to_milliseconds(harness.context.now().time_since_epoch()) - 4'500;
  CHECK(harness.field("app", "web1", Column::kStot) == "20");
  CHECK(harness.field("app", "web1", Column::kBin) == "200");
  CHECK(harness.field("app", "web1", Column::kBout) == "2000");
  CHECK(harness.field("app", "web1", Column::kHrsp5xx) == "6");
  CHECK(harness.field("app", "web1", Column::kHrspOther) == "2");
  CHECK(harness.field("app", "web1", Column::kWretr) == "4");
  CHECK(harness.field("app", "web1", Column::kScur) == "3");
  CHECK(harness.field("app", "web1", Column::kSmax) == "9");
  CHECK(harness.field("app", "web1", Column::kTtimeMax) == "50");
  CHECK(harness.field("app", "web1", Column::kLastsess) == "4");
  CHECK(harness.field("app", "BACKEND", Column::kLastsess) == "4");
  CHECK(harness.field("www", "FRONTEND", Column::kReqTot) == "40");
}

TEST_CASE("show stat can be asked for some rows") {
  ControlHarness harness;
  struct Row {
    std::string line;
    std::vector<std::string> rows;
  };
  const std::vector<Row> rows = {
      {"show stat -1 1 -1", {"www,FRONTEND"}},
      {"show stat -1 2 -1", {"app,BACKEND", "api,BACKEND"}},
      {"show stat app 4 -1", {"app,web1", "app,web2", "app,spare", "app,old"}},
      {"show stat app 4 2", {"app,web2"}},
      {"show stat 3 6 -1", {"api,api1", "api,BACKEND"}},
      {"show stat #3 2 -1", {"api,BACKEND"}},
      {"show stat 99 -1 -1", {}},
      {"show stat app 6 -1 no-maint", {"app,web1", "app,web2", "app,spare", "app,BACKEND"}},
      {"show stat domain proxy www 1 -1", {"www,FRONTEND"}},
  };
  for (const Row& row : rows) {
    INFO(row.line);
    const auto lines = lines_of(harness.ask(row.line));
    REQUIRE(lines.size() == 1 + row.rows.size() + 2);
    for (std::size_t i = 0; i < row.rows.size(); ++i)
      CHECK(lines[i + 1].starts_with(row.rows[i] + ","));
  }
  CHECK(harness.ask("show stat nope 4 -1") == "No such proxy.\n\n");
  CHECK(harness.ask("show stat domain resolvers") == "Invalid statistics domain.\n\n");
}

TEST_CASE("up hides what is down, and the backend says how many are not") {
  ControlHarness harness;
  harness.fleet.fleet->set_health({0, 1}, health::State::kDown);
  const auto lines = lines_of(harness.ask("show stat app 6 -1 up"));
  CHECK(lines[1].starts_with("app,web1,"));
  CHECK(lines[2].starts_with("app,spare,"));
  CHECK(lines[3].find(",UP (2/4),") != std::string::npos);
}

TEST_CASE("below operator level addresses and algorithms are not told") {
  ControlHarness harness;
  const std::string answer = harness.ask("show stat", command::Level::kUser);
  CHECK(answer.find("192.0.2.1") == std::string::npos);
  CHECK(answer.find("roundrobin") == std::string::npos);
}

TEST_CASE("the typed form has a line for each field, as client libraries read it") {
  ControlHarness harness;
  const std::string answer = harness.ask("show stat app 4 1 typed");
  CHECK(answer.find("S.2.1.0.pxname.1:KNSV:str:app\n") == 0);
  CHECK(answer.find("\nS.2.1.17.status.1:SGPV:str:UP\n") != std::string::npos);
  CHECK(answer.find("\nS.2.1.7.stot.1:MCPP:u64:0\n") != std::string::npos);
  CHECK(answer.find("\nS.2.1.55.lastsess.1:MAPP:s32:-1\n") != std::string::npos);
  CHECK(answer.find("tracked") == std::string::npos);
  CHECK(harness.ask("show stat app 4 1 typed desc").find(":\"proxy name\"\n") != std::string::npos);
}

TEST_CASE("the JSON form is an array of rows of fields") {
  ControlHarness harness;
  const std::string answer = harness.ask("show stat app 4 -1 json");
  CHECK(answer.starts_with(R"([[{"objType":"Server","proxyId":2,"id":1,"field":{"pos":0,)"
                           R"("name":"pxname"},"processNum":1,"tags":{"origin":"Key",)"
                           R"("nature":"Name","scope":"Service"},)"
                           R"("value":{"type":"str","value":"app"}},)"));
  CHECK(answer.ends_with("}]]\n\n"));
}

TEST_CASE("a text that would break the CSV is made harmless") {
  CHECK(StatValue::text("a,b\"c\nd").plain() == "a b c d");
}

TEST_CASE("slow start shows its share, the status its progress") {
  config::Snapshot config = make_config();
  config.backends[0].servers[1].slowstart = 16s;
  config.backends[0].servers[1].weight = 16;
  ControlHarness harness(config);
  CHECK(harness.field("app", "web2", Column::kThrottle).empty());
  harness.fleet.fleet->set_state({0, 1}, upstream::AdminState::kMaint);
  harness.fleet.fleet->set_state({0, 1}, upstream::AdminState::kReady);
  harness.fleet.pass(8s);
  const auto throttle = parse_decimal(harness.field("app", "web2", Column::kThrottle));
  REQUIRE(throttle);
  CHECK((*throttle >= 45 && *throttle <= 57));
  CHECK(harness.field("app", "web2", Column::kUweight) == "16");
  CHECK(parse_decimal(harness.field("app", "web2", Column::kWeight)) < 16);
}

}  // namespace tandem::lb::control
