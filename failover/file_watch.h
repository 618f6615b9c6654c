// FileWatch: a number in a small file, by which an operator or a program adds to this node's
// priority or takes from it. What was written counts within a moment (inotify on the folder), and
// the file is looked at every second besides, for what inotify cannot tell: a folder that comes
// later, another mount. Never waits: only regular files are read, and little of them. Thread: the
// loop's.
#pragma once

#include "common/event/poller.h"
#include "common/event/timer.h"
#include "failover/config/settings.h"
#include "failover/machine/right.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tandem::failover {

/// What a file says: nothing (it is not there), a number, or nothing that can be understood.
struct FileWord {
  std::int64_t number = 0;
  std::string fault;  // empty: `number` holds
  bool is_there = false;
  friend bool operator==(const FileWord&, const FileWord&) = default;
};

/// No larger number is understood, either side of 0: with the largest weight an int still holds it.
inline constexpr std::int64_t kFileNumberMax = 1'000'000;
/// No more of a file is read: a number with blanks and a line's end around it.
inline constexpr std::size_t kFileBytesMax = 64;

/// A decimal number with blanks around it; an empty file says 1, as `touch` leaves it.
[[nodiscard]] FileWord read_file_text(std::string_view text);
/// Reads it now. A FIFO, a device or a folder is not opened.
[[nodiscard]] FileWord read_number_file(const std::string& path);
/// What comes of it: the number times the weight; with weight 0 any number but 0 takes the right
/// away. What cannot be understood is never of use: it counts as 1 where that takes something
/// away, else as 0.
[[nodiscard]] machine::Tracked weigh_file(const config::TrackFile& settings, const FileWord& word);

class FileWatch final : private event::Socket {
 public:
  static constexpr Milliseconds kReadEvery{1'000};
  /// A file is often emptied before it is written: what it says in between is not asked.
  static constexpr Milliseconds kSettle{20};

  /// `on_change` is called when tracked() has become another.
  FileWatch(event::Poller& poller, const config::TrackFile& settings,
            std::function<void()> on_change);
  ~FileWatch() override;

  /// Reads it now, and from now on whenever it changes. Where inotify is not to be had each
  /// second must do.
  void start();

  /// "file NAME".
  [[nodiscard]] const machine::Tracked& tracked() const noexcept { return tracked_; }

 private:
  void on_ready() override;
  void watch_folder();
  void look();

  const config::TrackFile& settings_;
  std::function<void()> on_change_;
  FileWord word_;
  machine::Tracked tracked_;
  int folder_ = -1;    // inotify's number of it; -1: not watched
  event::Timer look_;  // each second
  event::Timer settle_;
  bool is_settling_ = false;
};

}  // namespace tandem::failover
