// The statistics table: HAProxy's 119 columns, and one row for each frontend, server and backend.
// Made anew for each question; the CSV, the typed and JSON forms and the admin page all read it.
#pragma once

#include "lb/control/context.h"
#include "lb/control/stat_value.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::control {

/// In the order of the header; the names are HAProxy's.
enum class Column : std::uint8_t {
  kPxname,
  kSvname,
  kQcur,
  kQmax,
  kScur,
  kSmax,
  kSlim,
  kStot,
  kBin,
  kBout,
  kDreq,
  kDresp,
  kEreq,
  kEcon,
  kEresp,
  kWretr,
  kWredis,
  kStatus,
  kWeight,
  kAct,
  kBck,
  kChkfail,
  kChkdown,
  kLastchg,
  kDowntime,
  kQlimit,
  kPid,
  kIid,
  kSid,
  kThrottle,
  kLbtot,
  kTracked,
  kType,
  kRate,
  kRateLim,
  kRateMax,
  kCheckStatus,
  kCheckCode,
  kCheckDuration,
  kHrsp1xx,
  kHrsp2xx,
  kHrsp3xx,
  kHrsp4xx,
  kHrsp5xx,
  kHrspOther,
  kHanafail,
  kReqRate,
  kReqRateMax,
  kReqTot,
  kCliAbrt,
  kSrvAbrt,
  kCompIn,
  kCompOut,
  kCompByp,
  kCompRsp,
  kLastsess,
  kLastChk,
  kLastAgt,
  kQtime,
  kCtime,
  kRtime,
  kTtime,
  kAgentStatus,
  kAgentCode,
  kAgentDuration,
  kCheckDesc,
  kAgentDesc,
  kCheckRise,
  kCheckFall,
  kCheckHealth,
  kAgentRise,
  kAgentFall,
  kAgentHealth,
  kAddr,
  kCookie,
  kMode,
  kAlgo,
  kConnRate,
  kConnRateMax,
  kConnTot,
  kIntercepted,
  kDcon,
  kDses,
  kWrew,
  kConnect,
  kReuse,
  kCacheLookups,
  kCacheHits,
  kSrvIcur,
  kSrcIlim,
  kQtimeMax,
  kCtimeMax,
  kRtimeMax,
  kTtimeMax,
  kEint,
  kIdleConnCur,
  kSafeConnCur,
  kUsedConnCur,
  kNeedConnEst,
  kUweight,
  kAggServerStatus,
  kAggServerCheckStatus,
  kAggCheckStatus,
  kSrid,
  kSessOther,
  kH1sess,
  kH2sess,
  kH3sess,
  kReqOther,
  kH1req,
  kH2req,
  kH3req,
  kProto,
  kPrivIdleCur,
  kReqbin,
  kReqbout,
  kResbin,
  kResbout,
  kCacheHintHits,
  kCount
};
inline constexpr std::size_t kColumns = static_cast<std::size_t>(Column::kCount);
static_assert(kColumns == 119);

struct ColumnInfo {
  std::string_view name;
  Nature nature;
  NumberType type;  // of a number; texts stand in some columns
  std::string_view description;
};
[[nodiscard]] const ColumnInfo& column_info(Column column) noexcept;

/// `type` of the row; the bits of `show stat <iid> <type> <sid>` are 1 << type.
enum class RowType : std::uint8_t { kFrontend = 0, kBackend = 1, kServer = 2 };

struct StatRow {
  RowType type = RowType::kFrontend;
  std::uint32_t iid = 0;
  std::uint32_t sid = 0;
  std::uint32_t index = 0;   // of the frontend or backend in the snapshot
  std::uint32_t server = 0;  // of the server in its backend
  std::array<StatValue, kColumns> values;

  [[nodiscard]] const StatValue& operator[](Column column) const noexcept {
    return values[static_cast<std::size_t>(column)];
  }
  [[nodiscard]] StatValue& operator[](Column column) noexcept {
    return values[static_cast<std::size_t>(column)];
  }

  void set(Column column, std::uint64_t value) noexcept {
    (*this)[column] = StatValue::number(column_info(column).type, static_cast<std::int64_t>(value));
  }
  void set_text(Column column, std::string_view text) { (*this)[column] = StatValue::text(text); }
};

/// Which rows, and what of them.
struct StatFilter {
  std::optional<std::uint32_t> iid;  // none: every proxy
  int types = -1;                    // bits 1 frontend, 2 backend, 4 server; negative: all
  std::optional<std::uint32_t> sid;  // none: every server
  bool hide_maint = false;           // "no-maint"
  bool hide_down = false;            // "up": only servers that are up; implies hide_maint
  bool with_details = true;          // addr, cookie and algo; false below operator level
};

/// Calls `visit` for each row: frontends, then each backend's servers and the backend itself, in
/// file order. The row is used again for the next: copy what must last.
void visit_rows(const StatSource& source, const StatFilter& filter,
                const std::function<void(const StatRow&)>& visit);

/// All rows at once (about 5 KiB each).
[[nodiscard]] std::vector<StatRow> make_rows(const StatSource& source, const StatFilter& filter);

/// "# pxname,svname,…,-,\n".
void write_csv_header(std::string& out);
/// One line; as many fields as the header, each followed by a comma.
void write_csv(const StatRow& row, std::string& out);
/// "S.3.1.17.status.1:SGPV:str:UP", one line for each field that is not empty.
void write_typed(const StatRow& row, bool with_descriptions, std::string& out);
/// One JSON array of fields.
void write_json(const StatRow& row, bool with_descriptions, std::string& out);

/// Header and rows: what `show stat` and the page's ";csv" answer.
[[nodiscard]] std::string stat_csv(const StatSource& source, const StatFilter& filter);

}  // namespace tandem::lb::control
