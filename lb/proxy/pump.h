// Pump: moves one body from a source to a sink, as fast as the slower of the two allows, with at
// most one read's worth of bytes (or one pipe) in between.
#pragma once

#include "lb/proxy/body.h"
#include "lb/proxy/pipe_pool.h"

#include <cstdint>

namespace tandem::lb::proxy {

/// Owner: an exchange. Thread: the worker's.
class Pump {
 public:
  enum class State : std::uint8_t {
    kWaitsForSource,
    kWaitsForSink,
    kYields,           // could go on; others first
    kDone,             // the end has been given to the sink (which may still be draining)
    kSourceBroken,     // the peer closed or reset before the end
    kSourceMalformed,  // the peer sent what is no body
    kSinkBroken,
  };

  explicit Pump(PipePool& pipes) noexcept : pipes_(pipes) {}

  /// Moves what can be moved now. After kDone it only helps the sink to drain.
  State run(BodySource& source, BodySink& sink);

  /// Body bytes moved so far.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Of these, those that were spliced.
  [[nodiscard]] std::uint64_t bytes_spliced() const noexcept { return bytes_spliced_; }
  void reset() noexcept;

 private:
  /// What a round counts as at least: tiny chunks cost calls, not bytes.
  static constexpr std::uint64_t kRoundBytesMin = 4096;

  State send_buffered(BodySource& source, BodySink& sink);
  State start_splice(BodySource& source, BodySink& sink);
  State splice(BodySource& source, BodySink& sink);
  bool fill_pipe(BodySource& source, std::uint64_t wanted, State& state);
  bool drain_pipe(BodySink& sink, State& state);

  PipePool& pipes_;
  PipeLease pipe_;
  std::uint64_t splice_left_ = 0;  // announced to the sink and not yet taken from the source
  std::uint64_t run_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_spliced_ = 0;
  bool no_pipe_ = false;       // none could be had: copy this body
  bool source_ended_ = false;  // while splicing, at its proper end
  bool filled_whole_ = false;  // the last fill got all it asked for
  bool done_ = false;          // the sink has been given the end
};

}  // namespace tandem::lb::proxy
