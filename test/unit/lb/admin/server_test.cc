#include "admin/server.h"

#include "admin_harness.h"
#include "common/file_descriptor.h"
#include "lb/admin/endpoints.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace tandem::lb::admin {

using tandem::admin::AdminServer;
namespace {

using testing::World;

/// A client on the test's own thread: it runs the loop until what it waits for has come.
class Client {
 public:
  Client(event::Loop& loop, const SocketAddress& address)
      : loop_(loop), fd_(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    REQUIRE(::connect(fd_.get(), address.data(), address.size()) == 0);
  }

  void send(std::string_view bytes) {
    REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }

  /// One response with its Content-Length.
  std::string response() {
    std::size_t head = 0;
    read_until([&] { return (head = buffer_.find("\r\n\r\n")) != std::string::npos; });
    const std::size_t at = buffer_.find("Content-Length: ");
    REQUIRE(at < head);
    const std::size_t length = std::stoul(buffer_.substr(at + 16));
    read_until([&] { return buffer_.size() >= head + 4 + length; });
    std::string taken = buffer_.substr(0, head + 4 + length);
    buffer_.erase(0, taken.size());
    return taken;
  }
  /// Everything until the server closes.
  std::string rest() {
    read_until([this] { return ended_; });
    return buffer_;
  }

 private:
  template <class Condition>
  void read_until(Condition done) {
    while (!done()) {
      REQUIRE_FALSE(ended_);
      char bytes[4096];
      const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got > 0)
        buffer_.append(bytes, static_cast<std::size_t>(got));
      else if (got == 0)
        ended_ = true;
      else
        loop_.run_once();
    }
  }

  event::Loop& loop_;
  FileDescriptor fd_;
  std::string buffer_;
  bool ended_ = false;
};

struct Served {
  event::Loop loop;
  event::Poller poller{loop};
  World world;
  config::Admin settings;
  Endpoints endpoints{settings, world.source};
  AdminServer server{poller, endpoints};

  Served() { REQUIRE(server.listen(*SocketAddress::parse("127.0.0.1:0"))); }
  Client connect() { return Client(loop, server.address()); }
};

}  // namespace

TEST_CASE("A connection serves one request after another", "[admin]") {
  Served served;
  Client client = served.connect();
  client.send("GET /live HTTP/1.1\r\nHost: a\r\n\r\nGET /ready?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.response().ends_with("\r\n\r\nalive\n"));
  CHECK(client.response().ends_with("\r\n\r\nready\n"));
  client.send("GET /metr");
  client.send("ics HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string metrics = client.response();
  CHECK(metrics.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(metrics.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
  CHECK(metrics.find("\ntandem_build_info{version=\"0.1.0\"} 1\n") != std::string::npos);
  client.send("GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(client.rest().ends_with("</html>\n"));
}

TEST_CASE("HEAD gets the head of the answer alone", "[admin]") {
  Served served;
  Client client = served.connect();
  client.send("HEAD /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string head = client.rest();
  CHECK(head.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("What is no request is refused and the connection closed", "[admin]") {
  Served served;
  struct Row {
    std::string bytes;
    std::string status;
  };
  for (const Row& row :
       {Row{"nonsense\r\n\r\n", "400"}, Row{"GET /live HTTP/1.1\r\n\r\n", "400"},
        Row{"GET /live HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", "431"},
        Row{"POST /stats HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b", "405"},
        Row{"GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "200"},
        Row{"GET /live HTTP/1.0\r\n\r\n", "200"}}) {
    CAPTURE(row.bytes.substr(0, 40));
    Client client = served.connect();
    client.send(row.bytes);
    const std::string answer = client.rest();
    CHECK(answer.starts_with("HTTP/1.1 " + row.status + " "));
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  }
}

TEST_CASE("A browser is asked for the password", "[admin]") {
  Served served;
  served.settings.auth = {{"ops", "secret"}};
  Client client = served.connect();
  client.send("GET /stats HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.response().find("WWW-Authenticate: Basic realm=\"tandem\"") != std::string::npos);
  client.send(
      "GET /stats;csv HTTP/1.1\r\nHost: a\r\nAuthorization: Basic b3BzOnNlY3JldA==\r\n\r\n");
  CHECK(client.response().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("A client that leaves while its metrics are rendered harms nobody", "[admin]") {
  Served served;
  for (int i = 0; i < 20; ++i) {
    Client client = served.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    served.loop.run_once();
  }
  Client client = served.connect();
  client.send("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(client.rest().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("A server may end while metrics are rendered", "[admin]") {
  Served served;
  Client client = served.connect();
  client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  served.loop.run_once();
  served.loop.run_once();
}

TEST_CASE("More clients than there is room for wait their turn", "[admin]") {
  Served served;
  std::vector<Client> idle;
  for (std::size_t i = 0; i < AdminServer::kConnectionsMax; ++i) idle.push_back(served.connect());
  Client late = served.connect();
  late.send("GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  idle.clear();
  CHECK(late.rest().ends_with("alive\n"));
}

TEST_CASE("An address in use is an error with its name", "[admin]") {
  Served served;
  AdminServer second(served.poller, served.endpoints);
  const Result<void> bound = second.listen(served.server.address());
  REQUIRE_FALSE(bound);
  CHECK(bound.error().message ==
        "cannot bind " + served.server.address().text() + ": Address already in use");
}

}  // namespace tandem::lb::admin
