// AccessLog: one line for each finished request, formatted on the worker that served it and handed
// to the LogWriter. It decides nothing and reads only the Outcome; what does not fit in the
// worker's ring is dropped and counted, never waited for.
#pragma once

#include "common/log_writer.h"
#include "common/result.h"
#include "lb/config/snapshot.h"
#include "lb/figures/cells.h"
#include "lb/proxy/access_log_format.h"
#include "lb/proxy/outcome.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace tandem::lb::proxy {

/// Opens the target of `log` and starts its writer with one ring for each worker.
/// nullptr: the target is "none". Errors: what the system said about the path.
[[nodiscard]] Result<std::unique_ptr<LogWriter>> open_access_log(const config::AccessLog& log,
                                                                 std::uint32_t workers);

/// One for each worker. Thread: the worker's.
class AccessLog {
 public:
  /// `writer` may be nullptr: nothing is formatted or written. It, `snapshot` and `cells` outlive
  /// this object; `worker` is the ring of the writer that belongs to this thread.
  AccessLog(const config::Snapshot& snapshot, LogWriter* writer, std::uint32_t worker,
            figures::WorkerCells& cells);

  /// Writes one line, unless the frontend has its log switched off.
  void record(const Outcome& outcome);

 private:
  const config::Snapshot& snapshot_;
  LogWriter* writer_;
  std::uint32_t worker_;
  figures::WorkerCells& cells_;
  LineFormatter formatter_;
};

}  // namespace tandem::lb::proxy
