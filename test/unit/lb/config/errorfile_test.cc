#include "lb/config/errorfile.h"

#include <catch2/catch.hpp>

namespace tandem::lb::config {
namespace {

TEST_CASE("An error page is sent as it is, its head with full line ends") {
  const std::string whole = "HTTP/1.0 503 No\r\nA: b\r\n\r\nbody\nmore";
  CHECK(read_errorfile(whole).value() == whole);
  CHECK(read_errorfile("HTTP/1.0 503 No\nA: b\n\nbody\nmore").value() == whole);
  CHECK(read_errorfile("HTTP/1.1 503\r\n\r\n").value() == "HTTP/1.1 503\r\n\r\n");
  CHECK(read_errorfile("HTTP/1.1 503 No\ncontent-length: 3\n\nabc").has_value());
}

TEST_CASE("A file that is no whole response is refused") {
  const auto error = [](std::string_view text) {
    const auto read = read_errorfile(text);
    return read ? std::string("accepted") : read.error().message;
  };
  const std::string no_status =
      "begins with a status line, such as \"HTTP/1.1 503 Service Unavailable\"";
  CHECK(error("") == no_status);
  CHECK(error("<html>\n") == no_status);
  CHECK(error("HTTP/2 503 No\n\n") == no_status);
  CHECK(error("HTTP/1.1 099 No\n\n") == no_status);
  CHECK(error("HTTP/1.1 5033\n\n") == no_status);
  CHECK(error("HTTP/1.1 503 No") == no_status);
  CHECK(error("HTTP/1.1 503 No\nA: b\n") == "the empty line after its head is missing");
  CHECK(error("HTTP/1.1 503 No\n<html>\n\n") ==
        "each line of its head is \"Name: value\", and an empty line ends it");
  CHECK(error("HTTP/1.1 503 No\nTransfer-Encoding: chunked\n\n") ==
        "\"Transfer-Encoding\" cannot stand in it: remove the line");
  CHECK(error("HTTP/1.1 503 No\nContent-Length: x\n\n") ==
        "its \"Content-Length\" is not a number");
  CHECK(error("HTTP/1.1 503 No\nContent-Length: 2\n\nabc") ==
        "its \"Content-Length\" is 2, but its body has 3 bytes");
}

}  // namespace
}  // namespace tandem::lb::config
