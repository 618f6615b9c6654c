// show errors, clear counters.
#include "lb/control/commands.h"
#include "lb/control/names.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;
using figures::Capture;

/// "21/Nov/2026:11:20:57.960", local time; no month names of a locale.
std::string timestamp(std::chrono::system_clock::time_point when) {
  static constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto milliseconds =
      std::chrono::duration_cast<Milliseconds>(when.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}/{}/{:04}:{:02}:{:02}:{:02}.{:03}", local.tm_mday,
                     kMonths[static_cast<std::size_t>(local.tm_mon)], local.tm_year + 1900,
                     local.tm_hour, local.tm_min, local.tm_sec, milliseconds % 1000);
}

template <class Thing>
const Thing* with_id(const std::vector<Thing>& things, std::uint32_t id) {
  for (const Thing& thing : things)
    if (thing.id == id) return &thing;
  return nullptr;
}

/// "app (#3)", or "<NONE> (#-1)".
template <class Thing>
std::string named(const std::vector<Thing>& things, std::uint32_t id) {
  const Thing* thing = id == 0 ? nullptr : with_id(things, id);
  return thing == nullptr ? "<NONE> (#-1)" : fmt::format("{} (#{})", thing->name, thing->id);
}

std::string server_of(const config::Snapshot& snapshot, const Capture& capture) {
  const config::Backend* backend = with_id(snapshot.backends, capture.backend_id);
  return backend == nullptr ? "<NONE> (#-1)" : named(backend->servers, capture.server_id);
}

void append_capture(std::string& out, const config::Snapshot& snapshot, const Capture& capture) {
  const std::string frontend = named(snapshot.frontends, capture.frontend_id);
  const std::string backend = named(snapshot.backends, capture.backend_id);
  const bool is_request = capture.kind == Capture::Kind::kRequest;
  const std::string parties =
      is_request ? fmt::format("frontend {}: invalid request\n  backend {}", frontend, backend)
                 : fmt::format("backend {}: invalid response\n  frontend {}", backend, frontend);
  fmt::format_to(std::back_inserter(out),
                 " \n[{}] {}, server {}, event #{}, src {}:{}\n"
                 "  buffer starts at 0 (including 0 out), {} free,\n"
                 "  len {}, wraps at {}, error at position {}\n"
                 "  reason: {}\n  \n",
                 timestamp(capture.when), parties, server_of(snapshot, capture), capture.event,
                 capture.client.host(), capture.client.port(),
                 figures::Captures::kBytesMax - capture.bytes.size(), capture.length,
                 figures::Captures::kBytesMax, capture.position, capture.detail);
  out += figures::dump_bytes(capture.bytes);
}

std::vector<std::uint32_t> proxies_with_captures(const config::Snapshot& snapshot) {
  std::vector<std::uint32_t> ids;
  for (const config::Frontend& frontend : snapshot.frontends) ids.push_back(frontend.id);
  for (const config::Backend& backend : snapshot.backends) ids.push_back(backend.id);
  return ids;
}

Reply show_errors(const ControlContext& context, Invocation& invocation) {
  std::optional<Capture::Kind> only;
  std::optional<std::uint32_t> proxy;
  for (const std::string& word : invocation.words.subspan(2)) {
    if (word == "request") {
      only = Capture::Kind::kRequest;
    } else if (word == "response") {
      only = Capture::Kind::kResponse;
    } else {
      proxy = find_proxy_id(context.snapshot, word);
      if (!proxy) return Reply::error("No such proxy.");
    }
  }
  std::string out =
      fmt::format("Total events captured on [{}] : {}\n",
                  timestamp(std::chrono::system_clock::now()), context.captures.total());
  for (const std::uint32_t id : proxies_with_captures(context.snapshot)) {
    for (const Capture::Kind kind : {Capture::Kind::kRequest, Capture::Kind::kResponse}) {
      if (only && *only != kind) continue;
      const auto capture = context.captures.last(id, kind);
      if (!capture) continue;
      // Asked for one proxy: whatever it had a part in, on either side.
      if (proxy && capture->frontend_id != *proxy && capture->backend_id != *proxy) continue;
      append_capture(out, context.snapshot, *capture);
    }
  }
  return Reply::data(std::move(out));
}

template <class SharedPart>
void forget_load_maxima(SharedPart& shared, std::uint32_t load) {
  shared.load_most.store(load, std::memory_order_relaxed);
  shared.queued_most.store(shared.queued.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
}

template <class SharedPart>
void forget_connection_maximum(SharedPart& shared) {
  shared.connections_most.store(shared.connections.load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
}

Reply clear_counters(ControlContext& context, Invocation& invocation) {
  const bool all = invocation.word(2) == "all";
  if (all && invocation.session.level < Level::kAdmin) return Reply::error("Permission denied");
  if (all) {
    context.totals.clear_all();
  } else {
    context.totals.clear_maxima();
  }
  forget_connection_maximum(context.shared.process);
  for (auto& frontend : context.shared.frontends) forget_connection_maximum(frontend);
  upstream::Shared& shared = context.shared;
  for (config::BackendIndex b = 0; b < shared.backends.size(); ++b) {
    forget_load_maxima(shared.backends[b], shared.requests(b));
    for (auto& server : shared.servers[b])
      forget_load_maxima(server, server.load.load(std::memory_order_relaxed));
  }
  return Reply::done();
}

}  // namespace

void add_error_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"show errors", Level::kOperator, "show errors [<px>] [request|response]",
             "report last request and/or response errors for each proxy",
             [&context](Invocation& invocation) { return show_errors(context, invocation); }});
  table.add({"clear counters", Level::kOperator, "clear counters [all]",
             "clear max statistics counters (or all counters)",
             [&context](Invocation& invocation) { return clear_counters(context, invocation); }});
}

}  // namespace tandem::lb::control
