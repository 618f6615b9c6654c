// Child: a program that is run and waited for on a loop, without a shell. Its output is thrown
// away, or the end of it kept for whoever wants to know what it said.
#pragma once

#include "common/event/loop.h"
#include "common/result.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace tandem::event {

/// How a program ended.
struct ChildExit {
  int status = 0;  // exit status, when signal is 0
  int signal = 0;  // the signal that ended it
  /// If asked for: the last Child::kOutputMax bytes of what it wrote before it ended.
  std::string output = {};
  std::string errors = {};
};

struct ChildSettings {
  std::vector<std::string> words;             // program and arguments, at least one
  std::vector<std::string> environment = {};  // "NAME=value", beside this process's own
  bool keeps_output = false;
};

/// Move-only; destroying it kills a program that still runs and waits for it in the background.
/// Thread: the loop's.
class Child {
 public:
  static constexpr std::size_t kOutputMax = 4'096;

  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  /// Runs it in a process group of its own. `on_exit` is called once, unless the Child is destroyed
  /// before. Errors: why it could not be started.
  [[nodiscard]] static Result<Child> run(Loop& loop, ChildSettings settings,
                                         std::function<void(ChildExit)> on_exit);
  /// The same with the environment of this process, and no word of its output.
  [[nodiscard]] static Result<Child> run(Loop& loop, std::span<const std::string> words,
                                         std::function<void(ChildExit)> on_exit);

  [[nodiscard]] bool is_running() const noexcept { return block_ != nullptr; }
  /// SIGKILL to the whole group; on_exit follows.
  void kill() noexcept;

 private:
  struct Block;

  static void ended(Block& block, int status, int signal);
  static void release(Block& block);
  static int spawn(Block& block, ChildSettings& settings);
  void abandon() noexcept;

  Block* block_ = nullptr;
};

}  // namespace tandem::event
