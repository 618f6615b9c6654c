// LineFormatter: an Outcome as a line of the access log, in the formats people's tools read. Pure
// apart from a cached date. Whatever a client sent is escaped, so that no request can forge a line
// or a field of one.
#pragma once

#include "lb/config/snapshot.h"
#include "lb/proxy/access_log_line.h"
#include "lb/proxy/outcome.h"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace tandem::lb::proxy {

/// One for each worker; allocates nothing after construction.
class LineFormatter {
 public:
  /// `snapshot` outlives the formatter.
  LineFormatter(const config::Snapshot& snapshot, config::AccessLog::Format format)
      : snapshot_(snapshot), format_(format) {}

  /// The line with its '\n', at most LogWriter::kLineBytesMax bytes: what is longer than its part
  /// of the line (kTargetBytesMax and its like) is cut, and the line stays well-formed. Valid
  /// until the next call.
  ///
  /// - httplog: to the byte what HAProxy 2.6 writes with "option httplog".
  /// - tcplog: the same with "option tcplog".
  /// - clf: the combined format of web servers.
  /// - json: one object; times in milliseconds, null for what the request did not reach.
  ///
  /// Of a TCP session httplog and clf write tcplog, and json leaves out what only requests have.
  [[nodiscard]] std::string_view format(const Outcome& outcome);

 private:
  void format_httplog(const Outcome& outcome);
  void format_tcplog(const Outcome& outcome);
  void format_clf(const Outcome& outcome);
  void format_json(const Outcome& outcome, bool is_request);
  /// What httplog and tcplog begin with: client, time, frontend, backend and server.
  void append_who(const Outcome& outcome);
  /// Connections, retries and queues.
  void append_loads(const Outcome& outcome);

  [[nodiscard]] std::string_view frontend_name(const Outcome& outcome) const;
  /// The frontend's name where no backend was chosen, as HAProxy has it.
  [[nodiscard]] std::string_view backend_name(const Outcome& outcome) const;
  [[nodiscard]] std::string_view server_name(const Outcome& outcome) const;

  const config::Snapshot& snapshot_;
  config::AccessLog::Format format_;
  DateCache dates_;
  LogLine line_;
};

}  // namespace tandem::lb::proxy
