#include "failover/file_watch.h"

#include "common/file_descriptor.h"
#include "common/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace tandem::failover {
namespace {

// Whatever can make the path mean something else: written, made, removed, moved over, its mode
// changed; and the folder itself going.
constexpr std::uint32_t kFolderEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                        IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                        IN_ONLYDIR;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A name that leads nowhere is a file that is not there.
FileWord word_of_error(int error) {
  if (error == ENOENT || error == ENOTDIR) return {};
  return {.number = 0,
          .fault = fmt::format("cannot be read: {}", std::strerror(error)),
          .is_there = true};
}

std::string_view trim_lines(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string says(const FileWord& word) {
  return word.is_there ? fmt::format("says {}", word.number) : "is not there";
}

}  // namespace

FileWord read_file_text(std::string_view text) {
  FileWord word{.number = 1, .fault = {}, .is_there = true};
  const std::string_view digits = trim_lines(text);
  if (digits.empty()) return word;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, word.number);
  if (error == std::errc::invalid_argument || end != last)
    word.fault = "does not hold a number";
  else if (error != std::errc() || word.number > kFileNumberMax || word.number < -kFileNumberMax)
    word.fault = fmt::format("holds a number beyond {}", kFileNumberMax);
  if (!word.fault.empty()) word.number = 0;
  return word;
}

FileWord read_number_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return word_of_error(errno);
  const FileWord not_a_file{.number = 0, .fault = "is not a regular file", .is_there = true};
  // Opening a FIFO would let its writer go on, opening a device may do anything.
  if (!S_ISREG(status.st_mode)) return not_a_file;
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return word_of_error(errno);
  // It may have been replaced meanwhile.
  if (::fstat(fd.get(), &status) != 0) return word_of_error(errno);
  if (!S_ISREG(status.st_mode)) return not_a_file;
  std::array<char, kFileBytesMax + 1> bytes{};
  const ssize_t count = ::read(fd.get(), bytes.data(), bytes.size());
  if (count < 0) return word_of_error(errno);
  const auto size = static_cast<std::size_t>(count);
  if (size > kFileBytesMax)
    return {.number = 0, .fault = "is too long for a number", .is_there = true};
  return read_file_text({bytes.data(), size});
}

machine::Tracked weigh_file(const config::TrackFile& settings, const FileWord& word) {
  machine::Tracked tracked{.name = "file " + settings.name, .weight = settings.weight};
  const bool is_understood = word.fault.empty();
  const std::int64_t number = is_understood ? word.number : settings.weight > 0 ? 0 : 1;
  tracked.why = is_understood ? says(word) : word.fault;
  if (settings.weight == 0) {
    tracked.is_ok = number == 0;
  } else {
    tracked.adds = static_cast<int>(number * settings.weight);
    tracked.is_ok = is_understood && *tracked.adds >= 0;
  }
  return tracked;
}

FileWatch::FileWatch(event::Poller& poller, const config::TrackFile& settings,
                     std::function<void()> on_change)
    : Socket(poller),
      settings_(settings),
      on_change_(std::move(on_change)),
      tracked_(weigh_file(settings, {})),
      look_(poller.loop(),
            [this] {
              watch_folder();
              look();
            }),
      settle_(poller.loop(), [this] {
        is_settling_ = false;
        look();
      }) {}

FileWatch::~FileWatch() = default;

void FileWatch::start() {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd >= 0) attach(fd);
  if (fd < 0 || !watch()) {
    log::warning("file {}: no inotify ({}): it is looked at each second", settings_.name,
                 std::strerror(errno));
    close();
  }
  watch_folder();
  look();
  look_.start_periodic(kReadEvery, kReadEvery);
}

/// Nothing where it is watched already; another folder of that name has another number.
void FileWatch::watch_folder() {
  if (!is_open()) return;
  const int number = ::inotify_add_watch(fd(), folder_of(settings_.path).c_str(), kFolderEvents);
  if (folder_ >= 0 && folder_ != number) ::inotify_rm_watch(fd(), folder_);
  folder_ = number;
}

/// What happened does not matter: the file is read. Other files of the folder wake this as well
/// (its own name may be a link to one), but no more often than once in kSettle.
void FileWatch::on_ready() {
  alignas(inotify_event) std::array<char, 4096> events{};
  while (::read(fd(), events.data(), events.size()) > 0) continue;
  set_readable(false);
  if (std::exchange(is_settling_, true)) return;
  settle_.start(kSettle);
}

void FileWatch::look() {
  FileWord word = read_number_file(settings_.path);
  if (word == word_) return;
  word_ = std::move(word);
  tracked_ = weigh_file(settings_, word_);
  on_change_();
}

}  // namespace tandem::failover
