#include "lb/figures/captures.h"

#include <catch2/catch.hpp>

namespace tandem::lb::figures {
namespace {

config::Snapshot make_snapshot() {
  config::Snapshot snapshot;
  snapshot.frontends.emplace_back().id = 1;
  snapshot.backends.emplace_back().id = 2;
  return snapshot;
}

Capture capture(Capture::Kind kind, std::string bytes) {
  Capture made;
  made.kind = kind;
  made.frontend_id = 1;
  made.backend_id = 2;
  made.bytes = std::move(bytes);
  return made;
}

}  // namespace

TEST_CASE("the last request of a frontend and the last response of a backend are kept") {
  Captures captures(make_snapshot());
  CHECK_FALSE(captures.last(1, Capture::Kind::kRequest));
  captures.record(capture(Capture::Kind::kRequest, "first"));
  captures.record(capture(Capture::Kind::kRequest, "second"));
  captures.record(capture(Capture::Kind::kResponse, "third"));
  CHECK(captures.total() == 3);
  CHECK(captures.last(1, Capture::Kind::kRequest)->bytes == "second");
  CHECK(captures.last(1, Capture::Kind::kRequest)->event == 1);
  CHECK(captures.last(2, Capture::Kind::kResponse)->bytes == "third");
  CHECK_FALSE(captures.last(2, Capture::Kind::kRequest));
}

TEST_CASE("a capture keeps so much of its bytes and no more, and tells how many there were") {
  Captures captures(make_snapshot());
  captures.record(capture(Capture::Kind::kRequest, std::string(Captures::kBytesMax + 5, 'x')));
  const auto kept = captures.last(1, Capture::Kind::kRequest);
  REQUIRE(kept);
  CHECK(kept->bytes.size() == Captures::kBytesMax);
  CHECK(kept->length == Captures::kBytesMax + 5);
}

TEST_CASE("captures of unknown proxies are dropped") {
  Captures captures(make_snapshot());
  Capture stray = capture(Capture::Kind::kRequest, "x");
  stray.frontend_id = 77;
  captures.record(stray);
  CHECK(captures.total() == 0);
  CHECK_FALSE(captures.last(77, Capture::Kind::kRequest));
}

TEST_CASE("bytes are shown as HAProxy shows them: by line, with offsets, escaped") {
  CHECK(dump_bytes("GET / HTTP/1.1\r\nA:\t\x01\\\r\n") ==
        "  00000  GET / HTTP/1.1\\r\\n\n"
        "  00016  A:\\t\\x01\\\\\\r\\n\n");
  const std::string dumped = dump_bytes(std::string(100, 'a'));
  CHECK(dumped == "  00000  " + std::string(70, 'a') + "\n  00070+ " + std::string(30, 'a') + "\n");
  CHECK(dump_bytes("").empty());
}

}  // namespace tandem::lb::figures
