// Plan: what the origin does with one request, as the target of that request says. Pure values; it
// knows neither sockets nor time.
//
//   /bytes/N        N bytes, every 16 of which say where they belong
//   /status/NNN     that status with its number as body
//   /echo           the request as the origin saw it, as JSON
//   /hex/4854…      exactly these bytes, a raw answer
//   /raw/NAME       the bytes of a file in the raw folder, a raw answer
//   /garbage        bytes that are no HTTP, then the end
//   /freeze         never answers and never reads again
//   /upgrade        101, then sends back what it receives
//   anything else   what the default target says: the origin's name, unless it was told otherwise
//
// Options after "?", joined by "&": status=NNN, chunked[=SIZE], until-close, trailers, hints (103
// first), early (answers before the body of the request has come, then closes), close, delay=MS,
// drip=MS and piece=BYTES (that many bytes of the body at a time), cut=N (closes after N bytes of
// the body), reset[=N] (RST after N bytes of the body; without N before anything), h=NAME:VALUE
// (percent-encoded, repeatable).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::testing {

using Header = std::pair<std::string, std::string>;

struct Plan {
  enum class Action : std::uint8_t {
    kRespond,
    kEcho,
    kUpgrade,
    kFreeze,
    kStats,  // /-/stats
    kSet,    // /-/set
  };

  Action action = Action::kRespond;
  bool verbatim = false;  // `body` is the whole answer, status line and all
  bool until_close = false;
  bool trailers = false;
  bool hints = false;
  bool early = false;
  bool close = false;
  bool break_with_reset = false;
  int status = 200;
  std::size_t chunk_size = 0;              // 0: not chunked
  std::optional<std::size_t> break_after;  // bytes of the encoded body
  std::size_t piece = 1;                   // bytes sent at each drip
  std::chrono::milliseconds delay{0};      // before the answer
  std::chrono::milliseconds drip{0};       // between pieces; 0: all at once
  std::vector<Header> headers;
  std::string body;
};

/// An answer as it goes over the wire.
struct Wire {
  std::string bytes;
  std::size_t body_at = 0;  // where the encoded body begins
};

/// Reads a target. nullopt: no such path here, or an option that is unknown or senseless.
/// `raw_folder`: where /raw/ finds its files.
[[nodiscard]] std::optional<Plan> read_plan(std::string_view target, const std::string& raw_folder);

/// The answer of `plan` with `body`, from the origin called `name`.
[[nodiscard]] Wire encode(const Plan& plan, std::string_view body, std::string_view name);

}  // namespace tandem::testing
