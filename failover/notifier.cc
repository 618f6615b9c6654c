#include "failover/notifier.h"

#include <fmt/format.h>

#include <utility>

namespace tandem::failover {

Notifier::Notifier(event::Loop& loop, const config::Notify& settings, EventLog& events)
    : loop_(loop), settings_(settings), events_(events), patience_(loop, [this] {
        timed_out_ = true;
        child_.kill();
      }) {}

void Notifier::tell(std::vector<std::string> words) {
  if (waiting_.size() == kWaitingMax) {
    waiting_.pop_front();
    fail("does not keep up: a change is not told");
  }
  waiting_.push_back(std::move(words));
  if (!child_.is_running()) run_next();
}

void Notifier::when_idle(std::function<void()> done) {
  if (is_idle()) return done();
  on_idle_ = std::move(done);
}

void Notifier::run_next() {
  while (!waiting_.empty()) {
    std::vector<std::string> words = settings_.exec;
    words.insert(words.end(), waiting_.front().begin(), waiting_.front().end());
    waiting_.pop_front();
    ++counts_.runs;
    timed_out_ = false;
    auto child = event::Child::run(loop_, words, [this](event::ChildExit exit) { on_exit(exit); });
    if (child) {
      child_ = std::move(*child);
      patience_.start(settings_.timeout);
      return;
    }
    fail(child.error().message);
  }
  if (on_idle_) std::exchange(on_idle_, nullptr)();
}

void Notifier::on_exit(event::ChildExit exit) {
  patience_.stop();
  if (timed_out_)
    fail(fmt::format("took longer than {}", format_duration(settings_.timeout)));
  else if (exit.signal != 0)
    fail(fmt::format("was ended by signal {}", exit.signal));
  else if (exit.status != 0)
    fail(fmt::format("ended with status {}", exit.status));
  run_next();
}

void Notifier::fail(const std::string& what) {
  ++counts_.failures;
  events_.add("", fmt::format("notify {} {}", settings_.exec.front(), what));
}

}  // namespace tandem::failover
