#include "failover/actuator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::failover {
namespace {

using Result = std::string_view;
constexpr Result kDone = "done";
constexpr Result kElsewhere = "elsewhere";  // read back well, and another has it
constexpr Result kFailed = "failed";
constexpr Result kTimeout = "timeout";
constexpr Result kSuperseded = "superseded";

constexpr std::size_t kWordsMax = 200;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// The last line that is not blank, in letters that do no harm in a log.
std::string last_line(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t end = text.find_last_not_of(kBlanks);
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  std::string line(text.substr(text.rfind('\n') + 1).substr(0, kWordsMax));
  for (char& letter : line)
    if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f') letter = ' ';
  return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

bool is_node(const config::Node& node, std::string_view text) {
  if (text == node.name) return true;
  const auto address = IpAddress::parse(text);
  return address && (*address == node.address || *address == node.address6);
}

ActuatorPlan::Settings plan_settings(const config::Actuator& settings, std::size_t addresses) {
  return {.addresses = addresses,
          .reads_back = !settings.read_back.empty(),
          .releases = settings.release,
          .retry = settings.retry,
          .interval = settings.interval};
}

}  // namespace

std::string owner_in_words(const config::Settings& settings, std::string_view text) {
  const std::string owner = last_line(text);
  if (owner.empty()) return "nobody";
  if (is_node(settings.self, owner)) return {};
  for (const config::Node& node : settings.peers)
    if (is_node(node, owner)) return node.name;
  return fmt::format("\"{}\"", owner);
}

std::string fault_of(const event::ChildExit& exit) {
  std::string words;
  if (exit.signal != 0)
    words = fmt::format("was ended by signal {} ({})", exit.signal, ::strsignal(exit.signal));
  else if (exit.status != 0)
    words = fmt::format("ended with status {}", exit.status);
  else
    return {};
  std::string said = last_line(exit.errors);
  if (said.empty()) said = last_line(exit.output);
  return said.empty() ? words : fmt::format("{}: {}", words, said);
}

std::vector<IpPrefix> Actuator::movable(const config::Router& router) {
  std::vector<IpPrefix> all;
  for (const IpPrefix& vip : router.vips)
    if (!vip.address.is_link_local()) all.push_back(vip);
  return all;
}

Actuator::Actuator(Ground ground)
    : ground_(std::move(ground)),
      settings_(*ground_.settings.actuator),
      addresses_(movable(ground_.router)),
      plan_(plan_settings(settings_, addresses_.size())),
      patience_(ground_.loop,
                [this] {
                  timed_out_ = true;
                  child_.kill();
                }),
      next_(ground_.loop, [this] { go_on(); }) {
  // Known from the beginning, so that the first of each is seen as a rise.
  auto& runs = ground_.figures.runs;
  for (const Actuation action : {Actuation::kAcquire, Actuation::kReadBack, Actuation::kRelease}) {
    if (action == Actuation::kReadBack && settings_.read_back.empty()) continue;
    if (action == Actuation::kRelease && !settings_.release) continue;
    for (const Result result : {kDone, kFailed, kTimeout, kSuperseded})
      runs.try_emplace({actuation_name(action), result});
  }
  if (!settings_.read_back.empty())
    runs.try_emplace({actuation_name(Actuation::kReadBack), kElsewhere});
}

void Actuator::acquire(bool adopts) {
  wished_at_ = Clock::now();
  adopts_ = adopts;
  plan_.acquire(wished_at_, adopts);
  supersede();
}

void Actuator::release() {
  plan_.release(Clock::now());
  supersede();
}

void Actuator::confirm() {
  plan_.confirm(Clock::now());
  if (!child_.is_running()) wait();
}

/// In a later turn, after the adverts and announcements of this one: starting a program takes time.
void Actuator::supersede() {
  done_at_.reset();
  if (child_.is_running()) {
    is_superseded_ = true;
    child_.kill();
  } else {
    next_.start(Duration::zero());
  }
}

void Actuator::when_idle(std::function<void()> done) {
  on_idle_ = std::move(done);
  if (!child_.is_running()) go_on();
}

/// For what is to be run next.
void Actuator::wait() {
  if (plan_.due() == Instant::max()) return next_.stop();
  next_.start(std::max(Duration::zero(), plan_.due() - Clock::now()));
}

void Actuator::go_on() {
  if (child_.is_running()) return;
  if (const auto task = plan_.next(Clock::now())) return run(*task);
  wait();
  if (plan_.is_idle() && on_idle_) std::exchange(on_idle_, nullptr)();
}

event::ChildSettings Actuator::program(const ActuatorPlan::Task& task) const {
  const config::Node& self = ground_.settings.self;
  const IpPrefix& vip = addresses_[task.place];
  const std::string action(actuation_name(task.what));
  event::ChildSettings program{
      .words = task.what == Actuation::kReadBack ? settings_.read_back : settings_.exec,
      .environment = {"TANDEM_ACTION=" + action, "TANDEM_ADDRESS=" + vip.address.text(),
                      "TANDEM_PREFIX=" + vip.text(), "TANDEM_ROUTER=" + ground_.router.name,
                      "TANDEM_NODE=" + self.name, "TANDEM_NODE_ADDRESS=" + self.address.text(),
                      "TANDEM_INTERFACE=" + ground_.settings.interface},
      .keeps_output = true};
  for (const std::string& word : {action, vip.address.text(), ground_.router.name, self.name})
    program.words.push_back(word);
  return program;
}

void Actuator::run(const ActuatorPlan::Task& task) {
  task_ = task;
  began_at_ = Clock::now();
  is_superseded_ = timed_out_ = false;
  auto child = event::Child::run(ground_.loop, program(task),
                                 [this](const event::ChildExit& exit) { on_exit(exit); });
  if (!child) return finish({.fault = child.error().message}, kFailed);
  child_ = std::move(*child);
  patience_.start(settings_.timeout);
}

void Actuator::on_exit(const event::ChildExit& exit) {
  patience_.stop();
  if (is_superseded_) {
    count(kSuperseded);
    return go_on();
  }
  if (timed_out_)
    return finish({.fault = fmt::format("took longer than {}", format_duration(settings_.timeout))},
                  kTimeout);
  ActuatorPlan::Outcome outcome{.fault = fault_of(exit)};
  if (!outcome.fault.empty()) return finish(std::move(outcome), kFailed);
  if (task_.what == Actuation::kReadBack) {
    const std::string owner = owner_in_words(ground_.settings, exit.output);
    if (!owner.empty())
      outcome.elsewhere = fmt::format("{} has {}", owner, addresses_[task_.place].address.text());
  }
  const Result result = outcome.elsewhere.empty() ? kDone : kElsewhere;
  finish(std::move(outcome), result);
}

void Actuator::finish(ActuatorPlan::Outcome outcome, Result result) {
  count(result);
  if (!outcome.fault.empty()) outcome.fault = fmt::format("{} {}", task_words(), outcome.fault);
  outcome.other_is_active = ground_.other_is_active();
  tell(plan_.ended(outcome, Clock::now()), outcome.elsewhere);
  // In a later turn: a program that cannot be run at all must not be tried from within itself.
  if (plan_.is_idle())
    next_.start(Duration::zero());
  else
    wait();
}

void Actuator::tell(ActuatorPlan::News news, const std::string& elsewhere) {
  switch (news) {
    case ActuatorPlan::News::kNone:
      break;
    case ActuatorPlan::News::kDone:
      tell_done();
      break;
    case ActuatorPlan::News::kMovedAway:
      ++ground_.figures.moved_away;
      ground_.events.add(ground_.router.name,
                         fmt::format("actuator: {}, which was this node's", elsewhere));
      break;
    case ActuatorPlan::News::kFault:
      ground_.events.add(ground_.router.name, fmt::format("actuator: {}", plan_.fault()));
      break;
  }
  if (plan_.is_to_have() && plan_.is_done()) done_at_ = Clock::now();
}

void Actuator::tell_done() {
  const Duration took = Clock::now() - wished_at_;
  std::string words = "the network sends the addresses here again";
  if (!plan_.is_to_have()) {
    words = "released";
  } else if (adopts_) {
    words = "the network still sends the addresses here";
  } else if (!done_at_) {
    ground_.figures.took = took;
    words = fmt::format("the network sends the addresses here, after {:.3f} s", seconds(took));
  }
  adopts_ = false;
  ground_.events.add(ground_.router.name, "actuator: " + words);
}

void Actuator::count(Result result) {
  ++ground_.figures.runs[{actuation_name(task_.what), result}];
}

std::string Actuator::task_words() const {
  return fmt::format("{} {}", actuation_name(task_.what), addresses_[task_.place].address.text());
}

std::string_view Actuator::state() const noexcept {
  if (!plan_.is_to_have() && !child_.is_running()) return "idle";
  if (plan_.is_to_have() && plan_.is_done()) return "done";
  if (!plan_.fault().empty()) return "failed";
  return "running";
}

std::string Actuator::words() const {
  const Instant now = Clock::now();
  const std::string running =
      child_.is_running() ? fmt::format("{} for {:.1f} s", task_words(), seconds(now - began_at_))
                          : "";
  const std::string_view state = this->state();
  if (state == "done")
    return fmt::format("done {:.1f} s ago", seconds(now - done_at_.value_or(now)));
  if (state == "running") return fmt::format("running: {}", running.empty() ? "soon" : running);
  if (state == "failed")
    return fmt::format(
        "failed: {}; {}", plan_.fault(),
        running.empty() ? fmt::format("again in {:.1f} s", seconds(plan_.due() - now)) : running);
  return "idle";
}

}  // namespace tandem::failover
