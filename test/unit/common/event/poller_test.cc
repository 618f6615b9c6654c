#include "common/event/poller.h"

#include "common/event/mailbox.h"
#include "common/event/timer.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::event {
namespace {

using namespace std::chrono_literals;

/// A socket that tells a function.
class Plain final : public Socket {
 public:
  using Socket::attach;
  using Socket::close;
  using Socket::close_with_reset;
  using Socket::detach;
  using Socket::read;
  using Socket::Socket;
  using Socket::watch;
  using Socket::write;

  Transfer send(std::string_view text) {
    const iovec piece{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    return write({&piece, 1});
  }

  std::function<void()> callback;
  int calls = 0;

 private:
  void on_ready() override {
    ++calls;
    if (callback) callback();
  }
};

/// Two connected sockets on one poller.
struct Pair {
  Loop loop;
  Poller poller{loop};
  std::unique_ptr<Plain> a = std::make_unique<Plain>(poller);
  std::unique_ptr<Plain> b = std::make_unique<Plain>(poller);

  Pair() {
    std::array<int, 2> fds;
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
    a->attach(fds[0]);
    b->attach(fds[1]);
  }

  template <class Condition>
  void run_until(Condition condition) {
    while (!condition()) loop.run_once();
  }
};

TEST_CASE("bytes that arrive make a socket ready, and a short read says that there are no more") {
  Pair pair;
  REQUIRE(pair.a->watch());
  std::array<char, 64> bytes;
  CHECK(pair.a->read(bytes).status == Transfer::Status::kBlocked);
  CHECK_FALSE(pair.a->readable());
  CHECK(pair.b->send("hello").bytes == 5);
  pair.run_until([&] { return pair.a->readable(); });
  const Transfer got = pair.a->read(bytes);
  CHECK(got.status == Transfer::Status::kDone);
  CHECK(std::string_view(bytes.data(), got.bytes) == "hello");
  CHECK_FALSE(pair.a->readable());
}

TEST_CASE("a full read leaves the socket readable, without another edge") {
  Pair pair;
  std::array<char, 4> bytes;
  CHECK(pair.b->send("abcdefgh").bytes == 8);
  CHECK(pair.a->read(bytes).bytes == 4);
  CHECK(pair.a->readable());
  CHECK(pair.a->read(bytes).bytes == 4);
  CHECK(pair.a->readable());
  CHECK(pair.a->read(bytes).status == Transfer::Status::kBlocked);
}

TEST_CASE("the end of the peer shows after its last bytes") {
  Pair pair;
  REQUIRE(pair.a->watch());
  std::array<char, 64> bytes;
  CHECK(pair.b->send("bye").bytes == 3);
  pair.b->close();
  pair.run_until([&] { return pair.a->peer_closed(); });
  CHECK(pair.a->read(bytes).bytes == 3);
  CHECK(pair.a->readable());  // a short read, but the end is still to be read
  CHECK(pair.a->read(bytes).status == Transfer::Status::kEnd);
  CHECK_FALSE(pair.a->readable());
}

TEST_CASE("reading into no room is no end") {
  Pair pair;
  CHECK(pair.b->send("x").bytes == 1);
  CHECK(pair.a->read({}).status == Transfer::Status::kBlocked);
  CHECK(pair.a->readable());
  CHECK_FALSE(pair.a->peer_closed());
}

TEST_CASE("bytes in several pieces arrive in their order, as those in one") {
  Pair pair;
  std::string first = "one ";
  std::string second = "two";
  const std::array<iovec, 2> pieces{{{first.data(), first.size()}, {second.data(), second.size()}}};
  CHECK(pair.b->write(pieces).bytes == 7);
  CHECK(pair.b->write({pieces.data(), 1}, true).bytes == 4);
  CHECK(pair.b->write({pieces.data(), 0}).bytes == 0);
  std::array<char, 64> bytes;
  CHECK(std::string_view(bytes.data(), pair.a->read(bytes).bytes) == "one twoone ");
}

TEST_CASE("a peer that does not read makes writes block until it does") {
  Pair pair;
  REQUIRE(pair.a->watch());
  const std::string much(1 << 16, 'x');
  std::size_t sent = 0;
  while (pair.a->writable()) {
    const Transfer transfer = pair.a->send(much);
    if (transfer.status == Transfer::Status::kDone) sent += transfer.bytes;
  }
  CHECK_FALSE(pair.a->writable());
  std::size_t received = 0;
  std::string room(1 << 16, '\0');
  while (received < sent) received += pair.b->read(room).bytes;
  pair.run_until([&] { return pair.a->writable(); });
  CHECK(pair.a->send("more").bytes == 4);
}

TEST_CASE("writing to a peer that has gone fails without a signal") {
  Pair pair;
  pair.b->close();
  const Transfer transfer = pair.a->send("x");
  CHECK(transfer.status == Transfer::Status::kFailed);
  CHECK(transfer.error == EPIPE);
}

TEST_CASE("a socket that was closed in a turn is not called in the rest of it") {
  Pair pair;
  REQUIRE(pair.a->watch());
  REQUIRE(pair.b->watch());
  pair.run_until([&] { return pair.a->calls > 0 && pair.b->calls > 0; });
  pair.a->calls = pair.b->calls = 0;
  const auto close_the_other = [&](Plain& other) { return [&] { other.close(); }; };
  pair.a->callback = close_the_other(*pair.b);
  pair.b->callback = close_the_other(*pair.a);
  CHECK(pair.a->send("x").bytes == 1);
  CHECK(pair.b->send("y").bytes == 1);
  pair.run_until([&] { return pair.a->calls + pair.b->calls > 0; });
  CHECK(pair.a->calls + pair.b->calls >= 1);
  CHECK(pair.a->is_open() != pair.b->is_open());
}

TEST_CASE("a retired socket goes after the turn, also when nothing else happens") {
  Pair pair;
  struct Guard final : Socket {
    Guard(Poller& owner, bool& gone) : Socket(owner), is_gone(gone) {}
    ~Guard() override { is_gone = true; }
    void on_ready() override {}
    bool& is_gone;
  };
  bool is_gone = false;
  pair.poller.retire(std::make_unique<Guard>(pair.poller, is_gone));
  CHECK_FALSE(is_gone);
  pair.run_until([&] { return is_gone; });
  CHECK(is_gone);
}

TEST_CASE("a socket may retire itself from its callback") {
  Pair pair;
  REQUIRE(pair.a->watch());
  bool is_over = false;
  Plain* raw = pair.a.get();
  raw->callback = [&] {
    raw->close();
    pair.poller.retire(std::move(pair.a));
    is_over = true;
  };
  pair.run_until([&] { return is_over; });
  CHECK(pair.a == nullptr);
}

TEST_CASE("a retired socket may retire what it owns") {
  Pair pair;
  struct Owner final : Socket {
    Owner(Poller& owner, std::unique_ptr<Plain> child, int& left)
        : Socket(owner), inner(std::move(child)), count(left) {}
    ~Owner() override {
      poller().retire(std::move(inner));
      --count;
    }
    void on_ready() override {}
    std::unique_ptr<Plain> inner;
    int& count;
  };
  int left = 20;
  for (int i = 0; i < 20; ++i) {
    pair.poller.retire(
        std::make_unique<Owner>(pair.poller, std::make_unique<Plain>(pair.poller), left));
  }
  pair.run_until([&] { return left == 0; });
  CHECK(left == 0);
}

TEST_CASE("a descriptor that is taken out lives on and is not watched") {
  Pair pair;
  REQUIRE(pair.a->watch());
  const int fd = pair.a->detach();
  CHECK_FALSE(pair.a->is_open());
  CHECK(::fcntl(fd, F_GETFD) >= 0);
  Plain again(pair.poller);
  again.attach(fd);
  CHECK(again.watch());
  CHECK(again.watch());
}

TEST_CASE("the end of each turn is told, after the sockets and before the retired go") {
  Pair pair;
  REQUIRE(pair.a->watch());
  int ends = 0;
  pair.poller.set_on_turn_end([&] {
    ++ends;
    CHECK(pair.a->calls > 0);
  });
  pair.run_until([&] { return ends > 0; });
  CHECK(ends >= 1);
}

TEST_CASE("more sockets than one turn hands out are all told") {
  Loop loop;
  Poller poller(loop);
  std::vector<std::unique_ptr<Plain>> all;
  for (int i = 0; i < 300; ++i) {
    std::array<int, 2> fds;
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
    for (const int fd : fds) {
      all.push_back(std::make_unique<Plain>(poller));
      all.back()->attach(fd);
      REQUIRE(all.back()->watch());
    }
  }
  const auto told = [&] {
    std::size_t count = 0;
    for (const auto& socket : all) count += socket->calls > 0 ? 1U : 0U;
    return count;
  };
  while (told() < all.size()) loop.run_once();
  CHECK(told() == 600);
}

/// Counts, and tells a function.
class Counted final : public TurnEnd {
 public:
  void on_turn_end() override {
    ++calls;
    if (callback) callback();
  }

  std::function<void()> callback;
  int calls = 0;
};

TEST_CASE("who asks for the end of a turn is called there, once however often it asked") {
  Loop loop;
  Poller poller(loop);
  Counted who;
  poller.at_turn_end(who);
  poller.at_turn_end(who);
  CHECK(who.calls == 0);
  while (who.calls == 0) loop.run_once();
  poller.end_turn_soon();
  bool over = false;
  poller.set_on_turn_end([&over] { over = true; });
  while (!over) loop.run_once();
  CHECK(who.calls == 1);
  // And again, when it asks again.
  poller.at_turn_end(who);
  while (who.calls == 1) loop.run_once();
  CHECK(who.calls == 2);
}

TEST_CASE("a socket's event is over before the end of its turn comes") {
  Pair pair;
  Counted who;
  bool handled = false;
  pair.a->callback = [&] {
    pair.poller.at_turn_end(who);
    CHECK(who.calls == 0);
    handled = true;
  };
  REQUIRE(pair.a->watch());
  CHECK(pair.b->send("x").bytes == 1);
  pair.run_until([&] { return handled; });
  CHECK(who.calls == 1);
}

TEST_CASE("the end of a turn is called off by who is destroyed or taken out of its list") {
  Loop loop;
  Poller poller(loop);
  Counted stays;
  Counted leaves;
  {
    Counted destroyed;
    destroyed.callback = [] { FAIL("called after its end"); };
    poller.at_turn_end(destroyed);
    poller.at_turn_end(leaves);
    poller.at_turn_end(stays);
  }
  leaves.unlink();
  while (stays.calls == 0) loop.run_once();
  CHECK(leaves.calls == 0);
}

TEST_CASE("the end of a turn may bring others, or call them off") {
  Loop loop;
  Poller poller(loop);
  Counted first;
  Counted second;
  Counted third;
  auto fourth = std::make_unique<Counted>();
  first.callback = [&] {
    poller.at_turn_end(second);
    third.unlink();
    fourth.reset();
  };
  poller.at_turn_end(first);
  poller.at_turn_end(third);
  poller.at_turn_end(*fourth);
  while (first.calls == 0) loop.run_once();
  // In the same turn: what it sends leaves with the rest.
  CHECK(second.calls == 1);
  CHECK(third.calls == 0);
}

// ---- in front of libuv

TEST_CASE("a poller that runs the loop tells sockets what comes, and stops when it is told to") {
  Pair pair;
  REQUIRE(pair.a->watch());
  std::array<char, 64> bytes;
  std::string got;
  pair.a->callback = [&] {
    const Transfer transfer = pair.a->read(bytes);
    got.append(bytes.data(), transfer.bytes);
    if (got == "hello") pair.poller.loop().stop();
  };
  Timer timer(pair.loop, [&] { CHECK(pair.b->send("hello").bytes == 5); });
  timer.start(1ms);
  pair.poller.run();
  CHECK(got == "hello");
  // And again, whoever runs it.
  got.clear();
  timer.start(1ms);
  pair.run_until([&] { return got == "hello"; });
  got.clear();
  timer.start(1ms);
  pair.loop.run();
  CHECK(got == "hello");
  got.clear();
  timer.start(1ms);
  pair.poller.run();
  CHECK(got == "hello");
}

TEST_CASE("a poller that runs the loop serves mailboxes and timers while sockets are never quiet") {
  Pair pair;
  REQUIRE(pair.a->watch());
  std::array<char, 64> bytes;
  int posts = 0;
  Mailbox mailbox(pair.loop);
  // Each event brings the next one: there is always one for a socket.
  pair.a->callback = [&] {
    if (pair.a->read(bytes).bytes == 1) CHECK(pair.b->send("x").bytes == 1);
  };
  Timer timer(pair.loop, [&] {
    mailbox.post([&] {
      if (++posts == 3) pair.loop.stop();
    });
  });
  timer.start_periodic(1ms, 1ms);
  CHECK(pair.b->send("x").bytes == 1);
  pair.poller.run();
  CHECK(posts == 3);
  CHECK(pair.a->calls > 3);
}

TEST_CASE("what a socket begins with libuv in its turn has begun when the poller waits") {
  Pair pair;
  REQUIRE(pair.a->watch());
  bool is_told = false;
  std::array<int, 2> fds;
  REQUIRE(::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  Handle<uv_poll_t> late([&] {
    is_told = true;
    pair.loop.stop();
  });
  REQUIRE(uv_poll_init(pair.loop.native(), late.get(), fds[0]) == 0);
  pair.a->callback = [&] {
    REQUIRE(uv_poll_start(late.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
              Handle<uv_poll_t>::fire(handle);
            }) == 0);
    REQUIRE(::write(fds[1], "x", 1) == 1);
  };
  pair.poller.run();
  CHECK(is_told);
  late = {};
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_CASE("a poller that runs the loop gives another turn to who asks, and the retired go") {
  Pair pair;
  REQUIRE(pair.a->watch());
  struct Guard final : Socket {
    Guard(Poller& owner, bool& gone) : Socket(owner), is_gone(gone) {}
    ~Guard() override { is_gone = true; }
    void on_ready() override {}
    bool& is_gone;
  };
  bool is_gone = false;
  Counted who;
  Timer timer(pair.loop, [&] {
    pair.poller.at_turn_end(who);
    pair.poller.retire(std::make_unique<Guard>(pair.poller, is_gone));
  });
  // No event comes after the first: its turns are those it asks for.
  pair.a->callback = [&] {
    if (pair.a->calls < 100) return pair.poller.again(*pair.a);
    timer.start(1ms);
  };
  who.callback = [&] { pair.loop.stop(); };
  pair.poller.run();
  CHECK(pair.a->calls == 100);
  CHECK(who.calls == 1);
  CHECK(is_gone);
}

TEST_CASE("a poller that runs the loop and sleeps is not busy") {
  Pair pair;
  Timer timer(pair.loop, [&] { pair.loop.stop(); });
  timer.start(50ms);
  CHECK(pair.loop.busy_ratio() >= 0.0);
  pair.poller.run();
  CHECK(pair.loop.busy_ratio() < 0.9);
}

TEST_CASE("a poller that ends calls nobody any more") {
  Counted who;
  {
    Loop loop;
    Poller poller(loop);
    poller.at_turn_end(who);
  }
  CHECK(who.calls == 0);
  CHECK_FALSE(who.is_linked());
}

}  // namespace
}  // namespace tandem::event
