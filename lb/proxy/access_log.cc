#include "lb/proxy/access_log.h"

#include <utility>

namespace tandem::lb::proxy {
namespace {

LogTarget::Kind kind_of(config::AccessLog::Target target) {
  switch (target) {
    case config::AccessLog::Target::kStdout:
      return LogTarget::Kind::kStdout;
    case config::AccessLog::Target::kFile:
      return LogTarget::Kind::kFile;
    case config::AccessLog::Target::kSyslog:
      return LogTarget::Kind::kSyslog;
    case config::AccessLog::Target::kStderr:
    case config::AccessLog::Target::kNone:
      break;
  }
  return LogTarget::Kind::kStderr;
}

}  // namespace

Result<std::unique_ptr<LogWriter>> open_access_log(const config::AccessLog& log,
                                                   std::uint32_t workers) {
  if (log.target == config::AccessLog::Target::kNone) return nullptr;
  auto sink = open_log_sink({kind_of(log.target), log.path, log.tag, log.facility});
  if (!sink) return std::unexpected(sink.error());
  return std::make_unique<LogWriter>(std::move(*sink), workers);
}

AccessLog::AccessLog(const config::Snapshot& snapshot, LogWriter* writer, std::uint32_t worker,
                     figures::WorkerCells& cells)
    : snapshot_(snapshot),
      writer_(writer),
      worker_(worker),
      cells_(cells),
      formatter_(snapshot, snapshot.access_log.format) {}

void AccessLog::record(const Outcome& outcome) {
  if (writer_ == nullptr || !snapshot_.frontends[outcome.frontend].access_log) return;
  if (!writer_->push(worker_, formatter_.format(outcome))) cells_.log_dropped.add();
}

}  // namespace tandem::lb::proxy
