// "compression" of a frontend or backend.
#include "common/text.h"
#include "config/shape.h"
#include "lb/config/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tandem::lb::config {
namespace {

using http::ContentCoding;

constexpr Word<ContentCoding> kAlgorithms[] = {{"br", ContentCoding::kBrotli},
                                               {"gzip", ContentCoding::kGzip}};

// The documentation lists both (config/schema_proxies.cc).
constexpr std::uint64_t kMinSize = 1024;
constexpr int kLevel = 3;

/// Text, and what is like text. Not text/event-stream: each stream holds an encoder for as long as
/// it lives.
constexpr std::array<std::string_view, 18> kTypes = {
    "text/html",        "text/css",           "text/plain",      "text/csv",
    "text/markdown",    "text/xml",           "text/javascript", "application/javascript",
    "application/json", "application/*+json", "application/xml", "application/*+xml",
    "application/wasm", "image/svg+xml",      "image/x-icon",    "image/vnd.microsoft.icon",
    "font/ttf",         "font/otf",
};

void build_algorithms(const BuildContext& context, const Place& algo, Compression& out) {
  if (!algo) {
    out.algorithms = {ContentCoding::kBrotli, ContentCoding::kGzip};
    return;
  }
  for (const Place& word : one_or_list(algo)) {
    // What is none of the words has been reported by the shape check.
    for (const auto& [name, coding] : kAlgorithms) {
      if (word.value->type != jsonc::Type::kString || word.value->text != name) continue;
      if (std::ranges::count(out.algorithms, coding) != 0)
        context.error(word, fmt::format("{} stands here twice", quoted(*word.value)));
      else
        out.algorithms.push_back(coding);
    }
  }
}

void build_types(const BuildContext& context, const Place& type, Compression& out) {
  if (!type) {
    out.types.assign(kTypes.begin(), kTypes.end());
    return;
  }
  for (const Place& range : one_or_list(type)) {
    if (range.value->type != jsonc::Type::kString) continue;  // the shape check has said so
    std::string text = to_lower_copy(range.value->text);
    if (http::is_media_range(text))
      out.types.push_back(std::move(text));
    else
      context.error(range, fmt::format("{} is no media type: write one without parameters, such as "
                                       "\"text/html\", or \"text/*\", or \"application/*+json\"",
                                       quoted(*range.value)));
  }
}

}  // namespace

std::optional<Compression> build_compression(const BuildContext& context, const Place& at) {
  if (!at) return std::nullopt;
  Compression compression;
  if (at.value->type == jsonc::Type::kBoolean && !at.value->boolean) return compression;
  // Of `true` there are no children: all defaults.
  const Layers inside({at});
  compression.min_size = kMinSize;
  compression.level = kLevel;
  build_algorithms(context, inside.find("algo"), compression);
  build_types(context, inside.find("type"), compression);
  read(inside.find("min-size"), compression.min_size);
  read(inside.find("level"), compression.level);
  read(inside.find("offload"), compression.offload);
  return compression;
}

}  // namespace tandem::lb::config
