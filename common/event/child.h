// Child: a program that is run and waited for on a loop, without a shell, with its output thrown
// away.
#pragma once

#include "common/event/loop.h"
#include "common/result.h"

#include <functional>
#include <span>
#include <string>

namespace tandem::event {

/// How a program ended.
struct ChildExit {
  int status = 0;  // exit status, when signal is 0
  int signal = 0;  // the signal that ended it
};

/// Move-only; destroying it kills a program that still runs and waits for it in the background.
/// Thread: the loop's.
class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  /// Runs `words` (program and arguments, at least one) with the environment of this process, in a
  /// process group of its own. `on_exit` is called once, unless the Child is destroyed before.
  /// Errors: why it could not be started.
  [[nodiscard]] static Result<Child> run(Loop& loop, std::span<const std::string> words,
                                         std::function<void(ChildExit)> on_exit);

  [[nodiscard]] bool is_running() const noexcept { return block_ != nullptr; }
  /// SIGKILL to the whole group; on_exit follows.
  void kill() noexcept;

 private:
  struct Block;

  static void ended(Block& block, int status, int signal);
  static void release(Block& block);
  void abandon() noexcept;

  Block* block_ = nullptr;
};

}  // namespace tandem::event
