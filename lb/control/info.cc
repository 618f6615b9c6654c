#include "lb/control/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace tandem::lb::control {
namespace {

/// What the rows below are computed from, gathered once.
struct Facts {
  const StatSource& source;
  const ProcessInfo& process;
  figures::WorkerTotals totals;
  figures::ProcessRates rates;
  std::chrono::seconds uptime;
};

StatValue u32(std::uint64_t value) {
  return StatValue::number(NumberType::kU32, static_cast<std::int64_t>(value));
}
StatValue u64(std::uint64_t value) {
  return StatValue::number(NumberType::kU64, static_cast<std::int64_t>(value));
}
/// A thing tandem has none of; HAProxy's tools want to read the zero.
StatValue none(const Facts&) { return u32(0); }

std::uint64_t count(std::int64_t gauge) {
  return gauge < 0 ? 0 : static_cast<std::uint64_t>(gauge);
}
std::uint64_t megabytes(const Facts& f) { return count(f.totals.buffers_bytes) >> 20U; }

StatValue name(const Facts& f) {
  return StatValue::text(f.source.snapshot.runtime_compat ? kCompatName : "tandem");
}
StatValue version(const Facts& f) {
  return StatValue::text(f.source.snapshot.runtime_compat ? kCompatVersion : f.process.version);
}
StatValue start_time(const Facts& f) {
  const auto since_epoch = f.process.started_at.time_since_epoch();
  return u32(count(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count()));
}
StatValue jobs(const Facts& f) {
  return u32(f.process.listeners + f.source.shared.process.connections.load());
}
StatValue description(const Facts& f) {
  const std::string& text = f.source.snapshot.global.description;
  return text.empty() ? StatValue() : StatValue::text(text);
}

StatValue resumed_percent(const Facts& f) {
  const std::uint64_t all = f.totals.tls_handshakes;
  return u32(all == 0 ? 0 : f.totals.tls_resumptions * 100 / all);
}

struct Row {
  std::size_t position;
  std::string_view key;
  Nature nature;
  StatValue (*value)(const Facts&);
};

// Keys, order and positions are HAProxy's; 45 and 46 are zlib's, which is not there.
constexpr Row kRows[] = {
    {0, "Name", {'P', 'O', 'S'}, name},
    {1, "Version", {'P', 'O', 'S'}, version},
    {2,
     "Release_date",
     {'P', 'O', 'S'},
     [](const Facts& f) { return StatValue::text(f.process.release_date); }},
    {3,
     "Nbthread",
     {'C', 'G', 'S'},
     [](const Facts& f) { return u32(f.source.snapshot.global.nbthread); }},
    {4, "Nbproc", {'C', 'G', 'S'}, [](const Facts&) { return u32(1); }},
    {5, "Process_num", {'K', 'G', 'P'}, [](const Facts&) { return u32(1); }},
    {6, "Pid", {'S', 'G', 'P'}, [](const Facts& f) { return u32(count(f.process.pid)); }},
    {7,
     "Uptime",
     {'M', 'D', 'P'},
     [](const Facts& f) { return StatValue::text(format_uptime(f.uptime)); }},
    {8, "Uptime_sec", {'M', 'D', 'P'}, [](const Facts& f) { return u32(count(f.uptime.count())); }},
    {9, "Memmax_MB", {'C', 'L', 'P'}, none},
    {10, "PoolAlloc_MB", {'M', 'G', 'P'}, [](const Facts& f) { return u32(megabytes(f)); }},
    {11, "PoolUsed_MB", {'M', 'G', 'P'}, [](const Facts& f) { return u32(megabytes(f)); }},
    {12, "PoolFailed", {'M', 'C', 'P'}, none},
    {13,
     "Ulimit-n",
     {'C', 'L', 'P'},
     [](const Facts& f) { return u32(f.process.descriptors_limit); }},
    {14,
     "Maxsock",
     {'C', 'L', 'P'},
     [](const Facts& f) { return u32(f.process.descriptors_limit); }},
    {15,
     "Maxconn",
     {'C', 'L', 'P'},
     [](const Facts& f) { return u32(f.source.shared.process.maxconn.load()); }},
    {16,
     "Hard_maxconn",
     {'C', 'L', 'P'},
     [](const Facts& f) { return u32(f.source.snapshot.global.maxconn); }},
    {17,
     "CurrConns",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(f.source.shared.process.connections.load()); }},
    {18, "CumConns", {'M', 'C', 'P'}, [](const Facts& f) { return u32(f.totals.connections); }},
    {19, "CumReq", {'M', 'C', 'P'}, [](const Facts& f) { return u32(f.totals.requests); }},
    {20, "MaxSslConns", {'M', 'M', 'P'}, none},
    {21,
     "CurrSslConns",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(count(f.totals.tls_connections_now)); }},
    {22,
     "CumSslConns",
     {'M', 'C', 'P'},
     [](const Facts& f) { return u32(f.totals.tls_handshakes); }},
    {23, "Maxpipes", {'C', 'L', 'P'}, none},
    {24,
     "PipesUsed",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(count(f.totals.pipes_used)); }},
    {25,
     "PipesFree",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(count(f.totals.pipes_free)); }},
    {26, "ConnRate", {'M', 'R', 'P'}, [](const Facts& f) { return u32(f.rates.connections.now); }},
    {27, "ConnRateLimit", {'C', 'L', 'P'}, none},
    {28,
     "MaxConnRate",
     {'M', 'M', 'P'},
     [](const Facts& f) { return u32(f.rates.connections.most); }},
    {29, "SessRate", {'M', 'R', 'P'}, [](const Facts& f) { return u32(f.rates.connections.now); }},
    {30, "SessRateLimit", {'C', 'L', 'P'}, none},
    {31,
     "MaxSessRate",
     {'M', 'R', 'P'},
     [](const Facts& f) { return u32(f.rates.connections.most); }},
    {32,
     "SslRate",
     {'M', 'R', 'P'},
     [](const Facts& f) { return u32(f.rates.tls_handshakes.now); }},
    {33, "SslRateLimit", {'C', 'L', 'P'}, none},
    {34,
     "MaxSslRate",
     {'M', 'M', 'P'},
     [](const Facts& f) { return u32(f.rates.tls_handshakes.most); }},
    {35, "SslFrontendKeyRate", {'M', 'G', 'P'}, none},
    {36, "SslFrontendMaxKeyRate", {'M', 'M', 'P'}, none},
    {37, "SslFrontendSessionReuse_pct", {'M', 'G', 'P'}, resumed_percent},
    {38, "SslBackendKeyRate", {'M', 'R', 'P'}, none},
    {39, "SslBackendMaxKeyRate", {'M', 'M', 'P'}, none},
    {40, "SslCacheLookups", {'M', 'C', 'P'}, none},
    {41, "SslCacheMisses", {'M', 'C', 'P'}, none},
    {42,
     "CompressBpsIn",
     {'M', 'R', 'P'},
     [](const Facts& f) { return u32(f.rates.compression_bytes_in.now); }},
    {43,
     "CompressBpsOut",
     {'M', 'R', 'P'},
     [](const Facts& f) { return u32(f.rates.compression_bytes_out.now); }},
    {44, "CompressBpsRateLim", {'C', 'L', 'P'}, none},
    {47,
     "Tasks",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(count(f.totals.connections_now)); }},
    {48, "Run_queue", {'M', 'G', 'P'}, none},
    {49,
     "Idle_pct",
     {'M', 'a', 'P'},
     [](const Facts& f) { return u32(count(f.totals.idle_percent)); }},
    {50,
     "node",
     {'C', 'O', 'S'},
     [](const Facts& f) { return StatValue::text(f.source.snapshot.global.node); }},
    {51, "description", {'C', 'O', 'S'}, description},
    {52,
     "Stopping",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(f.process.stopping ? 1 : 0); }},
    {53, "Jobs", {'M', 'G', 'P'}, jobs},
    {54, "Unstoppable Jobs", {'M', 'G', 'P'}, none},
    {55, "Listeners", {'M', 'G', 'P'}, [](const Facts& f) { return u32(f.process.listeners); }},
    {56, "ActivePeers", {'M', 'G', 'P'}, none},
    {57, "ConnectedPeers", {'M', 'G', 'P'}, none},
    {58,
     "DroppedLogs",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u32(f.totals.log_dropped + f.process.log_lost); }},
    {59, "BusyPolling", {'M', 'G', 'P'}, none},
    {60, "FailedResolutions", {'M', 'G', 'P'}, none},
    {61, "TotalBytesOut", {'M', 'G', 'P'}, [](const Facts& f) { return u64(f.totals.bytes_out); }},
    {62,
     "TotalSplicedBytesOut",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u64(f.totals.bytes_out_spliced); }},
    {63,
     "BytesOutRate",
     {'M', 'R', 'P'},
     [](const Facts& f) { return u64(f.rates.bytes_out.now); }},
    {64, "DebugCommandsIssued", {'M', 'G', 'P'}, none},
    {65, "CumRecvLogs", {'M', 'C', 'P'}, none},
    {66, "Build info", {'P', 'O', 'S'}, version},
    {67, "Memmax_bytes", {'C', 'L', 'P'}, none},
    {68,
     "PoolAlloc_bytes",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u64(count(f.totals.buffers_bytes)); }},
    {69,
     "PoolUsed_bytes",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u64(count(f.totals.buffers_bytes)); }},
    {70, "Start_time_sec", {'M', 'D', 'P'}, start_time},
    {71, "Tainted", {'S', 'G', 'P'}, [](const Facts&) { return StatValue::text("0"); }},
    {72, "TotalWarnings", {'M', 'C', 'P'}, [](const Facts& f) { return u32(f.process.warnings); }},
    {73,
     "MaxconnReached",
     {'M', 'C', 'P'},
     [](const Facts& f) { return u32(f.totals.maxconn_reached); }},
    {74,
     "BootTime_ms",
     {'M', 'D', 'P'},
     [](const Facts& f) { return u32(count(f.process.boot_milliseconds)); }},
    {75, "Niced_tasks", {'M', 'G', 'P'}, none},
    {76,
     "CurrStreams",
     {'M', 'G', 'P'},
     [](const Facts& f) { return u64(f.source.shared.process.connections.load()); }},
    {77, "CumStreams", {'M', 'C', 'P'}, [](const Facts& f) { return u64(f.totals.requests); }},
    {78, "BlockedTrafficWarnings", {'M', 'C', 'P'}, none},
    {79, "PatternsAdded", {'M', 'C', 'P'}, none},
    {80, "PatternsFreed", {'M', 'C', 'P'}, none},
    {81, "NbThreadGroups", {'C', 'G', 'S'}, [](const Facts&) { return u32(1); }},
    // Ours stand after all of HAProxy's, and without a second line that says "Version:".
    {82, "Product", {'P', 'O', 'S'}, [](const Facts&) { return StatValue::text("tandem"); }},
    {83,
     "Product_version",
     {'P', 'O', 'S'},
     [](const Facts& f) { return StatValue::text(f.process.version); }},
};

}  // namespace

std::string format_uptime(std::chrono::seconds uptime) {
  const auto all = uptime.count();
  return fmt::format("{}d {}h{:02}m{:02}s", all / 86'400, all % 86'400 / 3'600, all % 3'600 / 60,
                     all % 60);
}

std::vector<InfoField> make_info(const StatSource& source, const ProcessInfo& process) {
  const Duration since_start = std::max(source.fleet.now() - process.started, Duration::zero());
  const Facts facts{source, process, source.totals.process(), source.totals.process_rates(),
                    std::chrono::duration_cast<std::chrono::seconds>(since_start)};
  std::vector<InfoField> fields;
  for (const Row& row : kRows) {
    StatValue value = row.value(facts);
    if (!value.is_empty()) fields.push_back({row.position, row.key, row.nature, std::move(value)});
  }
  return fields;
}

}  // namespace tandem::lb::control
