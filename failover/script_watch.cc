#include "failover/script_watch.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace tandem::failover {

ScriptWatch::ScriptWatch(event::Loop& loop, const config::TrackScript& settings,
                         std::function<void()> on_change)
    : loop_(loop),
      settings_(settings),
      on_change_(std::move(on_change)),
      timer_(loop, [this] { on_time(); }),
      tracked_{.name = "script " + settings.name, .weight = settings.weight} {}

void ScriptWatch::start() {
  timed_out_ = false;
  auto child =
      event::Child::run(loop_, settings_.exec, [this](event::ChildExit exit) { on_exit(exit); });
  if (!child) return finish(child.error().message);
  child_ = std::move(*child);
  timer_.start(settings_.timeout);
}

void ScriptWatch::on_time() {
  if (!child_.is_running()) return start();
  timed_out_ = true;
  child_.kill();
}

void ScriptWatch::on_exit(event::ChildExit exit) {
  if (timed_out_)
    finish(fmt::format("took longer than {}", format_duration(settings_.timeout)));
  else if (exit.signal != 0)
    finish(fmt::format("was ended by signal {} ({})", exit.signal, ::strsignal(exit.signal)));
  else if (exit.status != 0)
    finish(fmt::format("ended with status {}", exit.status));
  else
    finish({});
}

/// `fault`: empty when it said that all is well.
void ScriptWatch::finish(const std::string& fault) {
  timer_.start(settings_.interval);
  const bool is_first = counts_.runs++ == 0;
  const bool is_good = fault.empty();
  if (!is_good) ++counts_.failures;
  // What it says first is believed: nothing is known that could speak against it.
  in_a_row_ = is_good == tracked_.is_ok ? 0 : in_a_row_ + 1;
  const std::uint32_t needed = is_first ? 1 : is_good ? settings_.rise : settings_.fall;
  const bool turns = in_a_row_ >= needed;
  if (turns) {
    in_a_row_ = 0;
    tracked_.is_ok = is_good;
    tracked_.why = fault;
  }
  if (turns || is_first) on_change_();
}

}  // namespace tandem::failover
