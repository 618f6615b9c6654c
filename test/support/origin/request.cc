#include "test/support/origin/request.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace tandem::testing {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::uint64_t number(std::string_view text, int base) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string_view cut_word(std::string_view& line) {
  const auto space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? "" : line.substr(space + 1);
  return word;
}

// nullopt: the connection says nothing about its end.
std::optional<bool> closes(std::string_view connection) {
  if (same_name(connection, "close")) return true;
  if (same_name(connection, "keep-alive")) return false;
  return {};
}

void note_header(std::string_view name, std::string_view value, Request& request) {
  if (same_name(name, "content-length")) request.content_length = number(value, 10);
  if (same_name(name, "transfer-encoding")) request.chunked = value.ends_with("chunked");
  if (same_name(name, "connection"))
    request.wants_close = closes(value).value_or(request.wants_close);
  if (same_name(name, "expect")) request.expects_continue = same_name(value, "100-continue");
}

}  // namespace

std::size_t head_length(std::string_view buffer) {
  const auto end = buffer.find("\r\n\r\n");
  return end == std::string_view::npos ? 0 : end + 4;
}

void read_head(std::string_view head, Request& request) {
  auto line_end = head.find("\r\n");
  std::string_view line = head.substr(0, line_end);
  request.method = cut_word(line);
  request.target = cut_word(line);
  request.version = line;
  request.headers.clear();
  request.content_length = 0;
  request.chunked = request.expects_continue = false;
  request.wants_close = request.version != "HTTP/1.1";
  for (head.remove_prefix(line_end + 2); head.size() > 2; head.remove_prefix(line_end + 2)) {
    line_end = head.find("\r\n");
    line = head.substr(0, line_end);
    const auto colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    request.headers.emplace_back(name, value);
    note_header(name, value, request);
  }
}

void BodyReader::begin(const Request& request, bool hash, bool keep) {
  constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325;
  chunked_ = request.chunked;
  left_ = chunked_ ? 0 : request.content_length;
  state_ = chunked_ ? State::kSizeLine : left_ > 0 ? State::kData : State::kDone;
  wants_hash_ = hash;
  wants_bytes_ = keep;
  length_ = 0;
  hash_ = kFnvOffset;
  line_.clear();
  kept_.clear();
}

std::size_t BodyReader::take(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !is_done()) {
    const std::string_view rest = bytes.substr(taken);
    taken += state_ == State::kData ? take_data(rest) : take_line(rest);
  }
  return taken;
}

std::size_t BodyReader::take_data(std::string_view bytes) {
  constexpr std::uint64_t kFnvPrime = 0x100000001b3;
  constexpr std::size_t kMostKept = 65536;
  bytes = bytes.substr(0, left_);
  if (wants_hash_) {
    for (const char c : bytes) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * kFnvPrime;
  }
  if (wants_bytes_ && kept_.size() + bytes.size() <= kMostKept) kept_ += bytes;
  length_ += bytes.size();
  left_ -= bytes.size();
  if (left_ == 0) state_ = chunked_ ? State::kDataEnd : State::kDone;
  return bytes.size();
}

std::size_t BodyReader::take_line(std::string_view bytes) {
  const auto end = bytes.find('\n');
  line_ += bytes.substr(0, end);
  if (end == std::string_view::npos) return bytes.size();
  end_line();
  line_.clear();
  return end + 1;
}

void BodyReader::end_line() {
  const std::string_view line = trimmed(line_);
  if (state_ == State::kSizeLine) {
    left_ = number(line, 16);
    state_ = left_ > 0 ? State::kData : State::kTrailer;
  } else if (state_ == State::kDataEnd) {
    state_ = State::kSizeLine;
  } else if (line.empty()) {
    state_ = State::kDone;
  }
}

}  // namespace tandem::testing
