#include "common/event/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tandem::event {
namespace {

/// Reads one stream of a program while it runs, so that a program that says much never waits, and
/// keeps the end of it. Belongs to libuv until it is closed.
struct Drain {
  uv_pipe_t pipe{};
  std::string kept;
  std::array<char, 4'096> buffer{};

  void keep(std::size_t count) {
    kept.append(buffer.data(), count);
    if (kept.size() > Child::kOutputMax) kept.erase(0, kept.size() - Child::kOutputMax);
  }
};

void open_drain(Loop& loop, Drain& drain) {
  uv_pipe_init(loop.native(), &drain.pipe, 0);
  drain.pipe.data = &drain;
}

void start_drain(Drain& drain) {
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&drain.pipe),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
        auto& buffer = static_cast<Drain*>(handle->data)->buffer;
        *into = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
        if (count > 0) static_cast<Drain*>(stream->data)->keep(static_cast<std::size_t>(count));
        if (count < 0) uv_read_stop(stream);
      });
}

/// What has not been read yet: as much as a pipe holds, since whom the program has left behind may
/// still write.
void empty_drain(Drain& drain) {
  constexpr int kReadsMost = 16;
  int fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&drain.pipe), &fd) != 0) return;
  for (int i = 0; i < kReadsMost; ++i) {
    const ssize_t count = ::read(fd, drain.buffer.data(), drain.buffer.size());
    if (count <= 0) return;
    drain.keep(static_cast<std::size_t>(count));
  }
}

void close_drain(Drain* drain) {
  if (drain == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&drain->pipe),
           [](uv_handle_t* handle) { delete static_cast<Drain*>(handle->data); });
}

}  // namespace

struct Child::Block {
  uv_process_t handle{};
  std::function<void(ChildExit)> on_exit;
  Drain* output = nullptr;  // both or none
  Drain* errors = nullptr;
  Loop* loop = nullptr;
  Child* owner = nullptr;
};

namespace {

// What is killed ends at once, unless it hangs in the kernel: then it is left to whoever comes
// after.
constexpr int kReapTries = 100;
constexpr Milliseconds kReapEvery{1};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What of this process's own environment is not said anew.
void add_own_environment(std::vector<std::string>& environment) {
  const std::vector<std::string> said = environment;
  const auto is_said = [&](std::string_view own) {
    return std::ranges::any_of(said, [&](std::string_view one) {
      return own.starts_with(one.substr(0, one.find('=') + 1));
    });
  };
  for (char** own = ::environ; own != nullptr && *own != nullptr; ++own)
    if (!is_said(*own)) environment.emplace_back(*own);
}

uv_stdio_container_t stdio_of(Drain& drain) {
  uv_stdio_container_t stdio{};
  stdio.flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  stdio.data.stream = reinterpret_cast<uv_stream_t*>(&drain.pipe);
  return stdio;
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
  return run(loop, ChildSettings{.words = {words.begin(), words.end()}}, std::move(on_exit));
}

Result<Child> Child::run(Loop& loop, ChildSettings settings,
                         std::function<void(ChildExit)> on_exit) {
  auto* block = new Block{.handle = {}, .on_exit = std::move(on_exit), .loop = &loop};
  block->handle.data = block;
  if (settings.keeps_output) {
    for (Drain** drain : {&block->output, &block->errors}) open_drain(loop, *(*drain = new Drain));
  }
  const int error = spawn(*block, settings);
  if (error != 0) {
    release(*block);
    return fail(uv_strerror(error));
  }
  Child child;
  child.block_ = block;
  block->owner = &child;
  return child;
}

int Child::spawn(Block& block, ChildSettings& settings) {
  std::vector<char*> arguments = pointers_to(settings.words);
  uv_process_options_t options{};
  options.file = arguments.front();
  options.args = arguments.data();
  options.exit_cb = [](uv_process_t* handle, std::int64_t status, int signal) {
    ended(*static_cast<Block*>(handle->data), static_cast<int>(status), signal);
  };
  options.flags = UV_PROCESS_DETACHED;  // a session, and so a group, of its own
  std::vector<char*> environment;
  if (!settings.environment.empty()) {
    add_own_environment(settings.environment);
    environment = pointers_to(settings.environment);
    options.env = environment.data();
  }
  std::array<uv_stdio_container_t, 3> stdio{};
  if (block.output != nullptr) {
    stdio = {uv_stdio_container_t{}, stdio_of(*block.output), stdio_of(*block.errors)};
    options.stdio = stdio.data();
    options.stdio_count = static_cast<int>(stdio.size());
  }
  const int error = uv_spawn(block.loop->native(), &block.handle, &options);
  if (error == 0 && block.output != nullptr) {
    start_drain(*block.output);
    start_drain(*block.errors);
  }
  return error;
}

void Child::ended(Block& block, int status, int signal) {
  block.loop->update_now();
  if (block.owner != nullptr) block.owner->block_ = nullptr;
  auto on_exit = std::move(block.on_exit);
  ChildExit exit{.status = status, .signal = signal};
  if (block.output != nullptr) {
    empty_drain(*block.output);
    empty_drain(*block.errors);
    exit.output = std::move(block.output->kept);
    exit.errors = std::move(block.errors->kept);
  }
  release(block);
  on_exit(std::move(exit));
}

void Child::release(Block& block) {
  close_drain(std::exchange(block.output, nullptr));
  close_drain(std::exchange(block.errors, nullptr));
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
