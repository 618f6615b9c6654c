// Endpoints: what the admin server answers to which path. It reads the source and writes nothing;
// it knows no socket. Thread: control, except Reply::later.
#pragma once

#include "admin/endpoints.h"
#include "lb/admin/source.h"
#include "lb/config/snapshot.h"

#include <string_view>

namespace tandem::lb::admin {

using tandem::admin::Reply;
using tandem::admin::Request;

/// - `/live`: 200 as long as the loop turns.
/// - `/ready`: 200, or 503 with the reason.
/// - metrics-uri: Prometheus' text format; `?scope=…` and `?no-maint` narrow it (metrics_query.h),
///   400 for a scope that does not exist.
/// - stats-uri: the page; with `;csv`, `;json` or `;typed` the same rows for programs, with `;pair`
///   how both nodes stand. `;norefresh` is understood and means nothing; `;up` and `;no-maint`
///   leave rows out, `;refresh` reloads.
///
/// The last two ask for a password when the settings have one.
class Endpoints final : public tandem::admin::Endpoints {
 public:
  /// Both outlive it.
  Endpoints(const config::Admin& settings, const Source& source)
      : settings_(settings), source_(source) {}

  [[nodiscard]] Reply answer(const Request& request) const override;

 private:
  [[nodiscard]] Reply ready() const;
  [[nodiscard]] Reply metrics(std::string_view query) const;
  [[nodiscard]] Reply statistics(std::string_view options) const;
  [[nodiscard]] bool needs_password(const Request& request) const;

  const config::Admin& settings_;
  const Source& source_;
};

}  // namespace tandem::lb::admin
