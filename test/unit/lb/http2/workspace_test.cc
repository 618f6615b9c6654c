#include "lb/http2/workspace.h"

#include "client.h"
#include "lb/http2/session.h"

#include <catch2/catch.hpp>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace tandem::lb::http2::test {
namespace {

bool is_zero(const void* page) {
  const char* const bytes = static_cast<const char*>(page);
  return std::all_of(bytes, bytes + ZeroPages::kPageBytes, [](char byte) { return byte == 0; });
}

}  // namespace

TEST_CASE("pages are zeros, whatever was in them before") {
  ZeroPages pages;
  std::vector<void*> taken;
  for (std::size_t i = 0; i < 600; ++i) {
    taken.push_back(pages.take());
    REQUIRE(taken.back() != nullptr);
    CHECK(is_zero(taken.back()));
    std::memset(taken.back(), 'x', ZeroPages::kPageBytes);
  }
  CHECK(pages.owns(taken.front()));
  CHECK_FALSE(pages.owns(&pages));
  for (void* page : taken) pages.give_back(page);
  for (std::size_t i = 0; i < taken.size(); ++i) CHECK(is_zero(pages.take()));
}

TEST_CASE("a page that rests reads as it did") {
  ZeroPages pages;
  char* const page = static_cast<char*>(pages.take());
  REQUIRE(page != nullptr);
  for (const std::size_t at : std::array<std::size_t, 3>{0, 1'234, ZeroPages::kPageBytes - 1}) {
    page[at] = 'x';
    ZeroPages::rest(page);
    CHECK(page[at] == 'x');
    page[at] = 0;
    ZeroPages::rest(page);
    CHECK(is_zero(page));
  }
}

TEST_CASE("heads of many frames are whole beside those of other sessions") {
  Workspace workspace;
  Session one(Session::Role::kServer, {}, workspace);
  Session other(Session::Role::kServer, {}, workspace);
  Client of_one({});
  Client of_other({});
  const auto carry = [&workspace](Client& client, Session& session) {
    REQUIRE(session.receive(client.take(), {}));
    // A part at a time, and others write between.
    const std::string out(session.output());
    workspace.frame.fill('x');
    client.receive(out);
    session.output_sent(out.size());
  };
  const std::string large(7'000, 'v');
  const std::int32_t asked_one = of_one.ask(get());
  const std::int32_t asked_other = of_other.ask(get());
  carry(of_one, one);
  carry(of_other, other);
  Stream* const stream_one = one.next_news();
  Stream* const stream_other = other.next_news();
  REQUIRE(stream_one != nullptr);
  REQUIRE(stream_other != nullptr);
  const auto answer = [&](Session& session, Stream& stream, std::string_view name) {
    session.block.clear();
    session.block.add(":status", "200");
    for (int i = 0; i < 8; ++i) session.block.add(name, large);
    session.send_head(stream, session.block, true);
    workspace.frame.fill('x');
  };
  answer(one, *stream_one, "x-one");
  answer(other, *stream_other, "x-other");
  carry(of_one, one);
  carry(of_other, other);
  CHECK(of_one.answer(asked_one).head.size() == 9);
  CHECK(value_of(of_one.answer(asked_one).head, "x-one") == large);
  CHECK(of_other.answer(asked_other).head.size() == 9);
  CHECK(value_of(of_other.answer(asked_other).head, "x-other") == large);
  one.release(*stream_one);
  other.release(*stream_other);
}

TEST_CASE("an idle session keeps its tables of fields and little else") {
  constexpr std::size_t kSessions = 100;
  constexpr std::size_t kMost = 7'000;  // bytes; nghttp2 1.52 alone takes 5,000
  Workspace workspace;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::string> asked;
  for (std::size_t i = 0; i <= kSessions; ++i) {
    clients.push_back(std::make_unique<Client>(Client::Options{}));
    static_cast<void>(clients.back()->ask(get()));
    asked.push_back(clients.back()->take());
  }
  std::vector<std::unique_ptr<Session>> sessions;
  sessions.reserve(kSessions + 1);
  const auto serve = [&](const std::string& bytes) {
    auto& session = *sessions.emplace_back(new Session(Session::Role::kServer, {}, workspace));
    REQUIRE(session.receive(bytes, {}));
    Stream* const stream = session.next_news();
    REQUIRE(stream != nullptr);
    session.block.clear();
    session.block.add(":status", "200");
    session.block.add("server", "test");
    session.send_head(*stream, session.block, true);
    session.output_sent(session.output().size());
    session.release(*stream);
    while (session.next_news() != nullptr) continue;
    session.rest();
  };
  serve(asked.back());
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::size_t i = 0; i < kSessions; ++i) serve(asked[i]);
  const std::size_t after = ::mallinfo2().uordblks;
  CHECK(after - std::min(before, after) < kSessions * kMost);
}

}  // namespace tandem::lb::http2::test
