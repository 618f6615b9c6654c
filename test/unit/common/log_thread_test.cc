#include "common/log_thread.h"

#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace tandem {
namespace {

/// stderr as a pipe that nobody reads until it is asked for.
class Captured {
 public:
  Captured() : kept_(::dup(STDERR_FILENO)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read_.reset(ends[0]);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
  }
  ~Captured() { restore(); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  void restore() {
    if (kept_) ::dup2(kept_.get(), STDERR_FILENO);
    kept_.reset();
  }
  /// Everything until the writing end is closed, which restore() does.
  std::string text() const {
    std::string all;
    std::array<char, 65536> bytes;
    for (ssize_t got; (got = ::read(read_.get(), bytes.data(), bytes.size())) > 0;)
      all.append(bytes.data(), static_cast<std::size_t>(got));
    return all;
  }

 private:
  FileDescriptor kept_;
  FileDescriptor read_;
};

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("Lines of the log come in order, those that wait at the end too") {
  Captured captured;
  {
    auto thread = LogThread::start();
    REQUIRE(thread);
    for (int i = 0; i < 100; ++i) log::notice("line {}", i);
    std::thread([] { log::notice("from elsewhere"); }).join();
  }
  log::notice("afterwards");
  captured.restore();
  const std::string text = captured.text();
  CHECK(text.find("line 0\n") < text.find("line 99\n"));
  CHECK(count(text, "line ") == 100);
  CHECK(count(text, "from elsewhere\n") == 1);
  CHECK(text.ends_with("afterwards\n"));
}

TEST_CASE("Who logs does not wait for a reader, and what is lost is counted") {
  Captured captured;
  auto thread = LogThread::start();
  REQUIRE(thread);
  // More than a pipe and the ring hold: without the thread this would never come to an end.
  const std::string word(1'000, 'w');
  for (int i = 0; i < 2'000; ++i) log::notice("{}", word);
  std::string text;
  std::thread reader([&] { text = captured.text(); });
  thread->reset();
  captured.restore();
  reader.join();
  CHECK(count(text, "[notice]") < 2'000);
  CHECK(count(text, "[notice]") > 200);
}

}  // namespace tandem
