#include "common/event/child.h"

#include <sys/wait.h>
#include <uv.h>

#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tandem::event {

struct Child::Block {
  uv_process_t handle{};
  std::function<void(ChildExit)> on_exit;
  Loop* loop = nullptr;
  Child* owner = nullptr;
};

namespace {

// What is killed ends at once, unless it hangs in the kernel: then it is left to whoever comes
// after.
constexpr int kReapTries = 100;
constexpr Milliseconds kReapEvery{1};

std::vector<char*> argument_list(std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  return arguments;
}

}  // namespace

Child::Child(Child&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {
  if (block_ != nullptr) block_->owner = this;
}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  abandon();
  block_ = std::exchange(other.block_, nullptr);
  if (block_ != nullptr) block_->owner = this;
  return *this;
}

Child::~Child() { abandon(); }

Result<Child> Child::run(Loop& loop, std::span<const std::string> words,
                         std::function<void(ChildExit)> on_exit) {
  std::vector<std::string> copies(words.begin(), words.end());
  std::vector<char*> arguments = argument_list(copies);
  auto* block = new Block{.handle = {}, .on_exit = std::move(on_exit), .loop = &loop};
  block->handle.data = block;
  uv_process_options_t options{};
  options.file = arguments.front();
  options.args = arguments.data();
  options.exit_cb = [](uv_process_t* handle, std::int64_t status, int signal) {
    ended(*static_cast<Block*>(handle->data), static_cast<int>(status), signal);
  };
  options.flags = UV_PROCESS_DETACHED;  // a session, and so a group, of its own
  const int error = uv_spawn(loop.native(), &block->handle, &options);
  if (error != 0) {
    release(*block);
    return fail(uv_strerror(error));
  }
  Child child;
  child.block_ = block;
  block->owner = &child;
  return child;
}

void Child::ended(Block& block, int status, int signal) {
  block.loop->update_now();
  if (block.owner != nullptr) block.owner->block_ = nullptr;
  auto on_exit = std::move(block.on_exit);
  release(block);
  on_exit({.status = status, .signal = signal});
}

void Child::release(Block& block) {
  uv_close(reinterpret_cast<uv_handle_t*>(&block.handle),
           [](uv_handle_t* handle) { delete static_cast<Block*>(handle->data); });
}

void Child::kill() noexcept {
  if (block_ != nullptr) ::kill(-uv_process_get_pid(&block_->handle), SIGKILL);
}

void Child::abandon() noexcept {
  if (block_ == nullptr) return;
  Block& block = *std::exchange(block_, nullptr);
  const pid_t pid = uv_process_get_pid(&block.handle);
  ::kill(-pid, SIGKILL);
  release(block);  // from here on libuv does not wait for it
  for (int i = 0; i < kReapTries && ::waitpid(pid, nullptr, WNOHANG) == 0; ++i)
    std::this_thread::sleep_for(kReapEvery);
}

}  // namespace tandem::event
