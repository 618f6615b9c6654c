// The dialogues of checks, each against servers that answer well, otherwise, wrongly, too much and
// not to the end; all of it whole and byte by byte.
#include "lb/health/dialogue.h"

#include "test/unit/lb/health/dialogue_harness.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::health {
namespace {

using config::Check;
using config::CheckStep;
using Role = config::Check::Role;
using Answers = std::vector<std::string>;
using namespace std::string_literals;

struct Heard {
  std::string sent;
  std::string result;
};

/// However the answers are cut, the dialogue is the same.
Heard heard(const Check& check, const Answers& answers) {
  const Talk whole(check, answers, false);
  const Talk bytes(check, answers, true);
  CHECK(whole.result() == bytes.result());
  CHECK(whole.sent() == bytes.sent());
  return {.sent = whole.sent(), .result = whole.result()};
}

std::string result_of(const Check& check, const Answers& answers) {
  return heard(check, answers).result;
}
std::string late(const Check& check, const Answers& answers) {
  return Talk(check, answers, true).result_when_late();
}
std::string closed(const Check& check, const Answers& answers) {
  return Talk(check, answers, true).result_when_closed();
}

// ---- tcp with steps ----------------------------------------------------------------------------

Check steps(std::vector<CheckStep> list) {
  Check check;
  check.steps = std::move(list);
  return check;
}
CheckStep send(std::string bytes) { return {CheckStep::Kind::kSend, std::move(bytes)}; }
CheckStep expect(std::string bytes) { return {CheckStep::Kind::kExpect, std::move(bytes)}; }

TEST_CASE("steps send and expect in turn") {
  const Check ping = steps({send("PING\r\n"), expect("+PONG"), send("QUIT\r\n"), expect("+OK")});
  CHECK(heard(ping, {}).sent == "PING\r\n");
  CHECK(heard(ping, {"+PONG\r\n"}).sent == "PING\r\nQUIT\r\n");
  CHECK(result_of(ping, {"+PONG\r\n"}) == "open");
  CHECK(result_of(ping, {"+PONG\r\n", "+OK\r\n"}) == "L7OK 0 ");
  const Check greeted = steps({expect("220 "), send("QUIT\r\n")});
  CHECK(heard(greeted, {}).sent.empty());
  CHECK(heard(greeted, {"220 mx\r\n"}).sent == "QUIT\r\n");
  CHECK(result_of(greeted, {"220 mx\r\n"}) == "L7OK 0 ");
  CHECK(result_of(steps({send("x")}), {}) == "L7OK 0 ");
}

TEST_CASE("what is expected may stand anywhere, in the order of the steps") {
  const Check two = steps({expect("role:master"), expect("slaves:1")});
  CHECK(result_of(two, {"# x\r\nrole:master\r\nslaves:1\r\n"}) == "L7OK 0 ");
  CHECK(result_of(two, {"slaves:1\r\nrole:master\r\n"}) == "open");
  CHECK(result_of(steps({expect("aab")}), {"aaab"}) == "L7OK 0 ");
  CHECK(result_of(steps({expect("\0\xff"s)}), {"x\0\xff"s}) == "L7OK 0 ");
}

TEST_CASE("an answer comes after its question") {
  const Check check = steps({expect("hello"), send("name?"), expect("mx250")});
  const Talk talk(check, {"hello from mx250", "and nothing else"}, false);
  CHECK(talk.result() == "open");
}

TEST_CASE("a wrong answer to a step is told with its number, silence is a time-out") {
  const Check ping = steps({send("PING\r\n"), expect("+PONG")});
  CHECK(late(ping, {}) == "L7TOUT 0 waited for the answer of step 2 of 2");
  CHECK(late(ping, {"-ERR no"}) == "L7RSP 0 step 2 of 2 did not match: got -ERR no");
  CHECK(closed(ping, {}) == "L7RSP 0 connection closed before the answer of step 2 of 2");
  CHECK(closed(ping, {"-ERR no"}) == "L7RSP 0 step 2 of 2 did not match: got -ERR no");
  CHECK(late(ping, {std::string(100, 'x')}) ==
        "L7RSP 0 step 2 of 2 did not match: got " + std::string(40, 'x'));
}

// ---- redis -------------------------------------------------------------------------------------

Check redis(Role role = Role::kAny, std::string password = "", std::string user = "") {
  Check check;
  check.type = Check::Type::kRedis;
  check.role = role;
  check.password = std::move(password);
  check.user = std::move(user);
  return check;
}

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kAskRole = "*1\r\n$4\r\nROLE\r\n";

TEST_CASE("Redis is asked for a sign of life and for its role") {
  CHECK(heard(redis(), {}).sent == kPing);
  CHECK(result_of(redis(), {"+PONG\r\n"}) == "L7OK 0 Redis server is ok");
  const Answers master = {"+PONG\r\n", "*3\r\n$6\r\nmaster\r\n:12\r\n*0\r\n"};
  const Answers replica = {"+PONG\r\n", "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n"};
  CHECK(heard(redis(Role::kPrimary), master).sent == std::string(kPing).append(kAskRole));
  CHECK(result_of(redis(Role::kPrimary), master) == "L7OK 0 Redis server is ok: master");
  CHECK(result_of(redis(Role::kPrimary), replica) == "L7STS 0 role is replica");
  CHECK(result_of(redis(Role::kReplica), replica) == "L7OK 0 Redis server is ok: replica");
  CHECK(result_of(redis(Role::kReplica), master) == "L7STS 0 role is master");
  CHECK(result_of(redis(Role::kPrimary), {"+PONG\r\n", "*2\r\n$8\r\nsentinel\r\n"}) ==
        "L7STS 0 role is sentinel");
}

TEST_CASE("Redis is logged in to, and a refusal is told without what was sent") {
  CHECK(heard(redis(Role::kAny, "se cret"), {"+OK\r\n"}).sent ==
        "*2\r\n$4\r\nAUTH\r\n$7\r\nse cret\r\n" + std::string(kPing));
  CHECK(heard(redis(Role::kAny, "p", "monitor"), {}).sent ==
        "*3\r\n$4\r\nAUTH\r\n$7\r\nmonitor\r\n$1\r\np\r\n");
  CHECK(result_of(redis(Role::kAny, "p"), {"+OK\r\n", "+PONG\r\n"}) == "L7OK 0 Redis server is ok");
  CHECK(result_of(redis(Role::kAny, "p"), {"-WRONGPASS invalid\r\n"}) ==
        "L7STS 0 AUTH was refused: WRONGPASS");
  CHECK(result_of(redis(Role::kAny, "hunter2"),
                  {"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n"}) ==
        "L7STS 0 AUTH was refused: ERR");
  CHECK(result_of(redis(Role::kAny, "p"), {"+PONG\r\n"}) ==
        "L7RSP 0 the answer to AUTH is not +OK");
}

TEST_CASE("a Redis that cannot serve says why") {
  CHECK(result_of(redis(), {"-LOADING Redis is loading the dataset in memory\r\n"}) ==
        "L7STS 0 LOADING Redis is loading the dataset in memory");
  CHECK(result_of(redis(), {"-NOAUTH Authentication required.\r\n"}) ==
        "L7STS 0 NOAUTH Authentication required.");
  CHECK(result_of(redis(Role::kPrimary), {"+PONG\r\n", "-NOPERM no\r\n"}) == "L7STS 0 NOPERM no");
}

TEST_CASE("what is no Redis is refused") {
  for (const std::string_view answer :
       {"+PING\r\n", "+PONG\n", "+PO\rNG\r\n", "PONG\r\n", ":1\r\n", "\r\n", "HTTP/1.1 400 Bad\r\n",
        "$4\r\nPONG\r\n", "+PONGPONG\r\n"}) {
    INFO(answer);
    CHECK(result_of(redis(), {std::string(answer)}).starts_with("L7RSP 0 "));
  }
  for (const std::string_view answer :
       {"+master\r\n", "*0\r\n", "*-1\r\n", "*x\r\n", "*1\r\n:6\r\n", "*1\r\n$-1\r\n",
        "*1\r\n$6\r\nmasters\r\n", "*1\r\n$5\r\nmaster\r\n", "*1\r\n$5\r\nother\r\n",
        "*1\r\n$99999999999999999999\r\n", "*1\r\n$6\r\n-aster\r\n"}) {
    INFO(answer);
    CHECK(result_of(redis(Role::kPrimary), {"+PONG\r\n", std::string(answer)})
              .starts_with("L7RSP 0 "));
  }
  CHECK(result_of(redis(), {std::string(2000, '+')}) == "L7RSP 0 the line has no end");
  CHECK(closed(redis(), {"+PO"}) == "L7RSP 0 connection closed before the answer to PING");
  CHECK(late(redis(Role::kPrimary), {"+PONG\r\n*3\r\n$6"}) ==
        "L7TOUT 0 waited for the answer to ROLE");
  CHECK(late(redis(Role::kAny, "p"), {}) == "L7TOUT 0 waited for the answer to AUTH");
}

// ---- pgsql -------------------------------------------------------------------------------------

Check pgsql(Role role = Role::kAny, std::string password = "") {
  Check check;
  check.type = Check::Type::kPgsql;
  check.user = "monitor";
  check.role = role;
  check.password = std::move(password);
  return check;
}

std::string be32(std::uint32_t n) {
  return {static_cast<char>(n >> 24U), static_cast<char>(n >> 16U), static_cast<char>(n >> 8U),
          static_cast<char>(n)};
}
std::string pg(char type, const std::string& body) {
  return type + be32(static_cast<std::uint32_t>(body.size() + 4)) + body;
}
std::string authentication(std::uint32_t kind, const std::string& more = "") {
  return pg('R', be32(kind) + more);
}
std::string row(const std::string& value) {
  return pg('D', "\0\1"s + be32(static_cast<std::uint32_t>(value.size())) + value);
}
const std::string kLoggedIn = authentication(0) + pg('S', "server_version\0"s + "15.3\0"s) +
                              pg('K', be32(1) + be32(2)) + pg('Z', "I");
const std::string kStartup =
    be32(52) + be32(196608) + "user\0monitor\0application_name\0tandem-check\0\0"s;
const std::string kQuery = pg('Q', "SELECT pg_catalog.pg_is_in_recovery()\0"s);
const std::string kTerminate = pg('X', "");

std::string answer_of(const std::string& value) {
  return pg('T', "\0\1column"s) + row(value) + pg('C', "SELECT 1\0"s) + pg('Z', "I");
}

TEST_CASE("a PostgreSQL that asks who we are is alive") {
  CHECK(heard(pgsql(), {}).sent == kStartup);
  Check with_database = pgsql();
  with_database.database = "app";
  CHECK(heard(with_database, {}).sent.find("database\0app\0"s) != std::string::npos);
  for (const std::uint32_t kind : {3U, 5U, 10U, 7U})
    CHECK(result_of(pgsql(), {authentication(kind, "salt")}) == "L7OK 0 PostgreSQL server is ok");
  CHECK(heard(pgsql(), {authentication(3)}).sent == kStartup);
  CHECK(heard(pgsql(), {authentication(0)}).sent == kStartup + kTerminate);
}

TEST_CASE("PostgreSQL is asked for its role once logged in") {
  const auto asked = heard(pgsql(Role::kPrimary), {kLoggedIn, answer_of("f")});
  CHECK(asked.sent == kStartup + kQuery + kTerminate);
  CHECK(asked.result == "L7OK 0 PostgreSQL server is ok: primary");
  CHECK(result_of(pgsql(Role::kPrimary), {kLoggedIn, answer_of("t")}) == "L7STS 0 role is replica");
  CHECK(result_of(pgsql(Role::kReplica), {kLoggedIn, answer_of("t")}) ==
        "L7OK 0 PostgreSQL server is ok: replica");
  CHECK(result_of(pgsql(Role::kReplica), {kLoggedIn, answer_of("f")}) == "L7STS 0 role is primary");
}

TEST_CASE("a password is given in the clear or by MD5") {
  const Check check = pgsql(Role::kAny, "secret");
  CHECK(heard(check, {authentication(3), kLoggedIn}).sent ==
        kStartup + pg('p', "secret\0"s) + kTerminate);
  CHECK(result_of(check, {authentication(3), kLoggedIn}) == "L7OK 0 PostgreSQL server is ok");
  // printf %s secretmonitor | md5sum, then that and "salt".
  CHECK(heard(check, {authentication(5, "salt")}).sent ==
        kStartup + pg('p', "md5fa34c4308967fcc888933bdce8889b36\0"s));
  CHECK(result_of(check, {authentication(5, "sal")}) ==
        "L7RSP 0 the request for authentication is cut short");
  CHECK(result_of(check, {authentication(7)}) == "L7RSP 0 authentication 7 is not supported");
  CHECK(result_of(check, {authentication(3), authentication(3)}) ==
        "L7RSP 0 authentication goes on without an end");
  CHECK(result_of(pgsql(Role::kPrimary), {authentication(3)}) ==
        "L7RSP 0 the server wants a password");
}

/// Of the password "secret" and the nonce of the harness, computed by Python's hashlib and hmac.
const std::string kScramNames = authentication(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s);
const std::string kScramFirst = authentication(11, "r=nonceX,s=c2FsdA==,i=1");
const std::string kScramFinal =
    authentication(12, "v=3GXdG1GgnpZndUrZCS8bxr5RqyWRASvn+ShUf9rU+gM=");

TEST_CASE("a password is shown to be known by SCRAM, and the server must show the same") {
  const Check check = pgsql(Role::kAny, "secret");
  const auto login = heard(check, {kScramNames, kScramFirst, kScramFinal + kLoggedIn});
  const std::string first = "n,,n=,r=nonce";
  CHECK(login.sent ==
        kStartup + pg('p', "SCRAM-SHA-256\0"s + be32(13) + first) +
            pg('p', "c=biws,r=nonceX,p=7EdE63zxX/IepAbA3p+8s4NpIRZbomTtq6IHZdLcQMk=") + kTerminate);
  CHECK(login.result == "L7OK 0 PostgreSQL server is ok");
  const std::string broken = "L7RSP 0 the server breaks off SCRAM";
  const std::string forged = "L7RSP 0 the server does not know the password";
  CHECK(result_of(check, {kScramNames, kLoggedIn}) == broken);
  CHECK(result_of(check, {kScramNames, kScramFirst, kLoggedIn}) == broken);
  CHECK(result_of(check, {kScramNames, kScramFirst, kScramFirst}) == broken);
  CHECK(result_of(check, {kScramNames, kScramFirst, authentication(12, "v=AAAA")}) == forged);
  CHECK(result_of(check, {kScramNames, kScramFirst, authentication(12)}) == forged);
  CHECK(result_of(check, {kScramNames, kScramFirst, kScramFinal, kScramNames}) ==
        "L7RSP 0 authentication goes on without an end");
  CHECK(result_of(check, {kScramNames, authentication(11, "r=other,s=c2FsdA==,i=1")}) ==
        "L7RSP 0 the server's part of SCRAM is not for this login");
  CHECK(result_of(check, {kScramNames, authentication(11, "r=nonceX,s=c2FsdA==,i=999999999")}) ==
        "L7RSP 0 999999999 rounds of SCRAM are more than 65536");
  for (const std::string& names : {"SCRAM-SHA-256-PLUS\0\0"s, "SCRAM-SHA-256"s, ""s})
    CHECK(result_of(check, {authentication(10, names)}) ==
          "L7RSP 0 the server knows no way to log in that we do");
  CHECK(result_of(pgsql(Role::kPrimary), {kScramNames}) == "L7RSP 0 the server wants a password");
  CHECK(late(check, {kScramNames}) == "L7TOUT 0 waited for the answer to the password");
}

TEST_CASE("a PostgreSQL that refuses says why") {
  const std::string error =
      pg('E', "SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"s);
  CHECK(result_of(pgsql(), {error}) == "L7RSP 0 FATAL: the database system is starting up");
  CHECK(result_of(pgsql(Role::kPrimary), {kLoggedIn, error}) ==
        "L7RSP 0 FATAL: the database system is starting up");
  CHECK(result_of(pgsql(), {pg('E', "")}) == "L7RSP 0 ERROR: no reason given");
  CHECK(result_of(pgsql(), {pg('E', "Munterminated")}) == "L7RSP 0 ERROR: unterminated");
}

TEST_CASE("what is no PostgreSQL is refused") {
  for (const std::string& answer :
       {"HTTP/1.1 400 Bad Request\r\n"s, pg('Z', "I"), "R"s + be32(3), "R"s + be32(0xffffffff),
        "R"s + be32(100'000), pg('R', "abc"), "\0"s, "+PONG\r\n"s}) {
    INFO(answer);
    CHECK(result_of(pgsql(), {answer}).starts_with("L7RSP 0 "));
  }
  const Check primary = pgsql(Role::kPrimary);
  for (const std::string& answer :
       {row("x"), row("tt"), row(""), pg('D', ""), pg('D', "\0\2"s + be32(1) + "t"), pg('Z', "I"),
        row("t") + row("t"), pg('D', "\0\1"s + be32(0xffffffff)), "Q"s}) {
    INFO(answer);
    CHECK(result_of(primary, {kLoggedIn, answer}).starts_with("L7RSP 0 "));
  }
  CHECK(result_of(primary, {authentication(0), row("f")}).starts_with("L7RSP 0 "));
  std::string notices = authentication(0);
  for (int i = 0; i < 2000; ++i) notices += pg('N', std::string(60, 'x'));
  CHECK(result_of(primary, {notices}) == "L7RSP 0 the server says too much");
  CHECK(closed(pgsql(), {"R"}) ==
        "L7RSP 0 connection closed before the answer to the startup packet");
  CHECK(late(primary, {kLoggedIn}) == "L7TOUT 0 waited for the answer to the query");
  CHECK(late(primary, {authentication(0)}) == "L7TOUT 0 waited for the end of the login");
  CHECK(late(pgsql(Role::kAny, "p"), {authentication(3)}) ==
        "L7TOUT 0 waited for the answer to the password");
}

// ---- mysql -------------------------------------------------------------------------------------

Check mysql(std::string user = "") {
  Check check;
  check.type = Check::Type::kMysql;
  check.user = std::move(user);
  return check;
}

std::string my(char number, const std::string& payload) {
  const std::size_t size = payload.size();
  return std::string{static_cast<char>(size), static_cast<char>(size >> 8U),
                     static_cast<char>(size >> 16U), number} +
         payload;
}
std::string handshake(const std::string& version = "10.11.6-MariaDB", char upper = '\xf7') {
  return std::string(1, '\x0a') + version + '\0' + be32(7) + "saltsalt" + '\0' + '\xfe' + upper +
         '\x21' + "\2\0\xff\x81\x15"s + std::string(10, '\0') + "saltsaltsalt\0"s +
         "mysql_native_password\0"s;
}
const std::string kHandshake = my(0, handshake());
const std::string kMyOk = my(2, "\0\0\0\2\0\0\0"s);
const std::string kMyQuit = "\1\0\0\0\1"s;

TEST_CASE("a MySQL that shakes hands is alive") {
  const auto alone = heard(mysql(), {kHandshake});
  CHECK(alone.sent.empty());
  CHECK(alone.result == "L7OK 0 MySQL server is ok: 10.11.6-MariaDB");
}

TEST_CASE("a MySQL user logs in with an empty password") {
  const std::string login = my(1, "\x01\x82\x08\0\0\0\0\1\x21"s + std::string(23, '\0') +
                                      "monitor\0\0mysql_native_password\0"s);
  const auto well = heard(mysql("monitor"), {kHandshake, kMyOk});
  CHECK(well.sent == login + kMyQuit);
  CHECK(well.result == "L7OK 0 MySQL server is ok: 10.11.6-MariaDB");
  const auto switched =
      heard(mysql("monitor"), {kHandshake, my(2, "\xfe"s + "caching_sha2_password\0salt\0"s)});
  CHECK(switched.sent == login + my(3, "") + kMyQuit);
  CHECK(switched.result == "L7OK 0 MySQL server is ok: 10.11.6-MariaDB");
}

TEST_CASE("a MySQL that refuses says why") {
  CHECK(result_of(mysql(), {my(0, "\xff\x6a\x04Host '10.0.0.1' is not allowed"s)}) ==
        "L7STS 1130 Host '10.0.0.1' is not allowed");
  CHECK(result_of(mysql("monitor"), {kHandshake, my(2, "\xff\x15\x04#28000Access denied"s)}) ==
        "L7STS 1045 Access denied");
  CHECK(result_of(mysql(), {my(1, "\xff\x10\x04"s)}) == "L7STS 1040 ");
  CHECK(result_of(mysql(), {my(1, "\xff\x10\x04#0"s)}) == "L7STS 1040 ");
}

TEST_CASE("what is no MySQL is refused") {
  for (const std::string& answer :
       {"HTTP/1.1 400 Bad Request\r\n"s, my(0, ""), my(1, handshake()), my(0, "\x09"s + "3.23\0"s),
        my(0, "\x0a"s), my(0, "\x0a"s + "8.0"), my(0, "\x0a\0"s + std::string(60, 'x')),
        my(0, "\x0a"s + "8.0\0"s + std::string(14, 'x')), my(0, handshake(std::string(65, '8'))),
        my(0, "\xff\x10"s), my(0, std::string(5000, 'x'))}) {
    INFO(answer);
    CHECK(result_of(mysql(), {answer}).starts_with("L7RSP 0 "));
  }
  for (const std::string& answer :
       {my(1, "\0\0\0\2\0\0\0"s), my(2, "\0"s), my(2, "\x03\0\0\2\0\0\0"s), kHandshake}) {
    INFO(answer);
    CHECK(result_of(mysql("monitor"), {kHandshake, answer}).starts_with("L7RSP 0 "));
  }
  CHECK(result_of(mysql("monitor"), {my(0, handshake("3.23", '\0'))}) ==
        "L7RSP 0 the server is older than MySQL 4.1");
  CHECK(closed(mysql(), {"\x4a"}) == "L7RSP 0 connection closed before the handshake");
  CHECK(late(mysql("monitor"), {kHandshake}) == "L7TOUT 0 waited for the answer to the login");
}

// ---- smtp --------------------------------------------------------------------------------------

Check smtp(std::string hello = "HELO", std::string domain = "localhost") {
  Check check;
  check.type = Check::Type::kSmtp;
  check.hello = std::move(hello);
  check.domain = std::move(domain);
  return check;
}

TEST_CASE("a mail server is greeted and left") {
  const auto plain = heard(smtp(), {"220 mx ESMTP\r\n", "250 mx at your service\r\n"});
  CHECK(plain.sent == "HELO localhost\r\nQUIT\r\n");
  CHECK(plain.result == "L7OK 250 mx at your service");
  const auto extended = heard(smtp("EHLO", "lb.example.org"),
                              {"220-mx\r\n220 ready\r\n", "250-mx\r\n250-SIZE 1\r\n250 HELP\r\n"});
  CHECK(extended.sent == "EHLO lb.example.org\r\nQUIT\r\n");
  CHECK(extended.result == "L7OK 250 mx");
  CHECK(result_of(smtp(), {"220\r\n", "250\r\n"}) == "L7OK 250 ");
}

TEST_CASE("a mail server that refuses says why") {
  CHECK(heard(smtp(), {"554 no SMTP service here\r\n"}).sent == "QUIT\r\n");
  CHECK(result_of(smtp(), {"554 no SMTP service here\r\n"}) == "L7STS 554 no SMTP service here");
  CHECK(result_of(smtp(), {"421 too busy\r\n"}) == "L7STS 421 too busy");
  CHECK(result_of(smtp(), {"250 hasty\r\n"}) == "L7STS 250 hasty");
  CHECK(result_of(smtp(), {"220 mx\r\n", "550 who?\r\n"}) == "L7STS 550 who?");
  CHECK(result_of(smtp(), {"220 mx\r\n", "354 go on\r\n"}) == "L7STS 354 go on");
}

TEST_CASE("what is no SMTP is refused") {
  for (const std::string_view answer :
       {"HTTP/1.1 400 Bad Request\r\n", "220 mx\n", "22\r\n", "220mx\r\n", "2200 mx\r\n",
        "120 mx\r\n", "999 mx\r\n", "+20 mx\r\n", "\r\n", "220-a\r\n250 b\r\n", "220 \rx\r\n"}) {
    INFO(answer);
    CHECK(result_of(smtp(), {std::string(answer)}).starts_with("L7RSP 0 "));
  }
  CHECK(result_of(smtp(), {std::string(3000, '2')}) == "L7RSP 0 the line has no end");
  std::string endless;
  for (int i = 0; i < 10'000; ++i) endless += "220-again\r\n";
  CHECK(result_of(smtp(), {endless}) == "L7RSP 0 the server says too much");
  CHECK(closed(smtp(), {"220 mx\r\n25"}) == "L7RSP 0 connection closed before the answer to HELO");
  CHECK(late(smtp(), {}) == "L7TOUT 0 waited for the banner");
  CHECK(late(smtp("EHLO"), {"220 mx\r\n250-mx\r\n"}) == "L7TOUT 0 waited for the answer to EHLO");
}

}  // namespace
}  // namespace tandem::lb::health
