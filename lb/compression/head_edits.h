// HeadEdits: what a Decision changes in the head of an answer. Thread: any.
#pragma once

#include "http/h1_encoder.h"
#include "lb/compression/decision.h"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tandem::lb::compression {

/// Views into itself and into the messages: valid while both stay where they are.
class HeadEdits {
 public:
  HeadEdits() noexcept = default;
  HeadEdits(const Decision& decision, const Messages& messages);
  HeadEdits(const HeadEdits&) = delete;
  HeadEdits& operator=(const HeadEdits&) = delete;

  [[nodiscard]] std::span<const http::AddedField> added() const noexcept {
    return std::span(added_).first(added_count_);
  }
  [[nodiscard]] std::span<const std::string_view> removed() const noexcept {
    return std::span(removed_).first(removed_count_);
  }

 private:
  void add(http::AddedField field) noexcept { added_[added_count_++] = field; }
  void remove(std::string_view name) noexcept { removed_[removed_count_++] = name; }
  void weaken_tag(const Messages& messages);

  std::string weak_tag_;
  std::array<http::AddedField, 3> added_;
  std::array<std::string_view, 2> removed_;
  std::size_t added_count_ = 0;
  std::size_t removed_count_ = 0;
};

}  // namespace tandem::lb::compression
