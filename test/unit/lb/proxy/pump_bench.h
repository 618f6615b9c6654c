// A pump between two socket pairs: the test is the source and the client, and turns the pump
// itself.
#pragma once

#include "lb/proxy/h1_body.h"
#include "lb/proxy/pump.h"
#include "test/unit/lb/proxy/sockets.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::proxy {

struct PumpBench {
  explicit PumpBench(const http::BodyFraming& framing, bool chunked_out = false,
                     int buffer_bytes = 0)
      : from(poller),
        to(poller, buffer_bytes),
        source(from.ours, input, pool, scratch, http::FieldSection::Role::kResponse, {}, framing),
        sink(to.ours, output, chunked_out) {}

  /// One turn: the sockets have had their events.
  Pump::State turn() {
    from.ours.set_readable(true);
    to.ours.set_writable(true);
    return pump.run(source, *pumps_into);
  }
  /// Gives all of `bytes`, taking what comes out, until the pump is done or has nothing left.
  Pump::State pass(std::string_view bytes) {
    using State = Pump::State;
    State state = State::kWaitsForSource;
    for (int round = 0; round < 10'000; ++round) {
      bytes.remove_prefix(from.give(bytes));
      state = turn();
      got += to.receive();
      if (state == State::kWaitsForSink || state == State::kYields || !bytes.empty()) continue;
      if (state == State::kDone && output.is_waiting()) continue;
      return state;
    }
    return state;
  }

  event::Loop loop;
  event::Poller poller{loop};
  BufferPool pool;
  figures::WorkerCells cells;
  PipePool pipes{cells, 1};
  std::vector<char> scratch = std::vector<char>(128 * 1024);
  Pair from;
  Pair to;
  Input input;
  Output output;
  H1Source source;
  H1Sink sink;
  BodySink* pumps_into = &sink;
  Pump pump{pipes};
  std::string got;
};

inline std::string chunk(std::string_view data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

}  // namespace tandem::lb::proxy
