// Sessions as servers see them: one that asks and one that answers, bytes carried between them.
#include "http/h1_decoder.h"
#include "lb/http2/session.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::http2 {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

struct Both {
  explicit Both(const Session::Limits& of_server = {})
      : client(Session::Role::kClient, {}, workspace),
        server(Session::Role::kServer, of_server, workspace) {
    run();
  }

  void run() {
    bool moved = true;
    while (moved) moved = carry(client, server) | carry(server, client);
  }

  int carry(Session& from, Session& to) {
    const std::string bytes(from.output());
    workspace.frame.fill('x');
    from.output_sent(bytes.size());
    if (bytes.empty()) return 0;
    static_cast<void>(to.receive(bytes, {}));
    return 1;
  }

  Stream& ask(std::string_view method = "GET", bool last = true) {
    Stream& stream = client.open();
    CHECK(stream.id() < 0);
    block.clear();
    for (const auto& [name, value] :
         Fields{{":method", method}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}})
      block.add(name, value);
    client.send_request(stream, block, last, method == "HEAD");
    return stream;
  }

  /// The server's side of what was asked last.
  Stream& asked() {
    run();
    Stream* found = nullptr;
    while (Stream* stream = server.next_news()) found = stream;
    REQUIRE(found != nullptr);
    return *found;
  }

  void answer(Stream& stream, const Fields& fields, bool last) {
    block.clear();
    for (const auto& [name, value] : fields) block.add(name, value);
    server.send_head(stream, block, last);
  }

  static void send(Session& session, Stream& stream, std::string_view bytes, bool last,
                   std::string_view trailers = {}) {
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    session.send(stream, {&piece, 1}, last, trailers);
  }

  Workspace workspace;  // of both: what they share is nobody's between two calls
  Session client;
  Session server;
  FieldBlock block;
};

std::string text_of(Stream& stream) {
  const std::string* text = stream.next_response();
  return text == nullptr ? "<none>" : *text;
}

TEST_CASE("a request is answered with a body and trailers") {
  Both both;
  Stream& request = both.ask("POST", false);
  CHECK(text_of(request) == "<none>");
  both.send(both.client, request, "question", true, "x-sum: 1\r\n");
  Stream& asked = both.asked();
  CHECK(asked.unread() == "question");
  CHECK(asked.trailers() == "x-sum: 1\r\n");
  both.answer(asked, {{":status", "200"}, {"server", "x"}}, false);
  both.send(both.server, asked, "answer", true, "x-end: 2\r\n");
  both.run();
  CHECK(text_of(request) == "HTTP/1.1 200 OK\r\nserver: x\r\ntransfer-encoding: chunked\r\n\r\n");
  CHECK(text_of(request) == "<none>");
  CHECK(request.unread() == "answer");
  CHECK(request.has_ended());
  CHECK(request.trailers() == "x-end: 2\r\n");
  CHECK(request.is_closed());
  CHECK_FALSE(request.is_broken());
  CHECK(both.client.next_news() == &request);
  both.client.release(request);
  CHECK_FALSE(both.client.has_streams());
}

TEST_CASE("heads of interim answers come one by one before the last") {
  Both both;
  Stream& request = both.ask();
  Stream& asked = both.asked();
  for (const std::string_view status : {"100", "103"}) {
    both.block.clear();
    both.block.add(":status", status);
    both.server.send_interim(asked, both.block);
  }
  both.run();
  CHECK_FALSE(request.has_head());
  both.answer(asked, {{":status", "204"}}, true);
  both.run();
  CHECK(request.has_head());
  CHECK(text_of(request) == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(text_of(request) == "HTTP/1.1 103 Early Hints\r\n\r\n");
  CHECK(text_of(request) == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(text_of(request) == "<none>");
}

TEST_CASE("an answer to HEAD has no body, whatever it says") {
  Both both;
  Stream& request = both.ask("HEAD");
  both.answer(both.asked(), {{":status", "200"}, {"content-length", "9"}}, true);
  both.run();
  CHECK(text_of(request) == "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
  CHECK_FALSE(request.is_broken());
}

TEST_CASE("no more streams are opened than the server lets run") {
  Both both({.streams_max = 2});
  CHECK(both.client.has_room());
  Stream& first = both.ask();
  static_cast<void>(both.ask());
  CHECK_FALSE(both.client.has_room());
  both.run();
  Stream* asked = both.server.next_news();
  REQUIRE(asked != nullptr);
  both.answer(*asked, {{":status", "204"}}, true);
  both.run();
  CHECK(first.is_closed());
  both.client.release(first);
  CHECK(both.client.has_room());
}

TEST_CASE("a server says whether it takes tunnels") {
  Both both;
  CHECK(both.client.takes_tunnels());
  Workspace workspace;
  Session alone(Session::Role::kClient, {}, workspace);
  CHECK_FALSE(alone.takes_tunnels());
}

TEST_CASE("a request that the server refuses is known to be unread") {
  Both both;
  Stream& request = both.ask();
  both.server.reset(both.asked(), NGHTTP2_REFUSED_STREAM);
  both.run();
  CHECK(request.is_broken());
  CHECK(request.error_code() == NGHTTP2_REFUSED_STREAM);
  CHECK(both.client.take_resets() == 1);
}

TEST_CASE("after a goodbye nothing is asked, and what was taken is answered") {
  Both both;
  Stream& request = both.ask();
  Stream& asked = both.asked();
  both.server.go_away(false);
  both.run();
  CHECK_FALSE(both.client.has_room());
  Stream& late = both.ask();
  CHECK(late.is_broken());
  CHECK(late.is_closed());
  CHECK(late.error_code() == NGHTTP2_REFUSED_STREAM);
  both.client.release(late);
  both.answer(asked, {{":status", "200"}}, false);
  both.send(both.server, asked, "still", true);
  both.run();
  CHECK(request.unread() == "still");
  CHECK_FALSE(request.is_broken());
  CHECK(both.client.is_over());
}

TEST_CASE("a request that crossed a goodbye is known to be unread") {
  Both both;
  both.server.go_away(false);
  Stream& request = both.ask();
  both.run();
  CHECK(request.is_broken());
  CHECK(request.error_code() == NGHTTP2_REFUSED_STREAM);
}

TEST_CASE("an answer that breaks off is broken") {
  Both both;
  Stream& request = both.ask();
  Stream& asked = both.asked();
  both.answer(asked, {{":status", "200"}}, false);
  both.send(both.server, asked, "half", false);
  both.server.reset(asked, NGHTTP2_INTERNAL_ERROR);
  both.run();
  CHECK(request.unread() == "half");
  CHECK(request.is_broken());
  CHECK_FALSE(request.has_ended());
}

TEST_CASE("an answer that HTTP/1 could not say is told as an empty one") {
  Both both;
  Stream& request = both.ask();
  Stream& asked = both.asked();
  const std::string large(20'000, 'v');
  both.answer(asked, {{":status", "200"}, {"x", large}}, true);
  both.run();
  CHECK(text_of(request).empty());
}

TEST_CASE("requests that are let go of before they are sent are never sent") {
  Both both;
  both.client.release(both.client.open());
  Stream& request = both.client.open();
  both.client.reset(request, NGHTTP2_CANCEL);
  both.client.release(request);
  both.run();
  CHECK(both.server.next_news() == nullptr);
  CHECK_FALSE(both.client.has_streams());
}

TEST_CASE("an answer's window is opened as it is read") {
  Both both;
  Stream& request = both.ask();
  Stream& asked = both.asked();
  both.answer(asked, {{":status", "200"}}, false);
  const std::string body(300'000, 'x');
  both.send(both.server, asked, body, true);
  std::size_t got = 0;
  both.run();
  while (!request.is_exhausted()) {
    REQUIRE_FALSE(request.unread().empty());
    CHECK(request.unread().size() <= 65'535);
    got += request.unread().size();
    both.client.consume(request, request.unread().size());
    both.run();
  }
  CHECK(got == body.size());
}

}  // namespace
}  // namespace tandem::lb::http2
