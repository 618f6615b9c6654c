// "set-header", "add-header" and "del-header" of a rule.
#include "common/text.h"
#include "config/shape.h"
#include "lb/config/build.h"
#include "lb/tls/certificate_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::lb::config {
namespace {

/// They end at this hop or say where a message ends: tandem writes them itself.
constexpr std::array<std::string_view, 8> kOwnHeaders = {
    "connection", "content-length",    "keep-alive", "proxy-connection",
    "te",         "transfer-encoding", "trailer",    "upgrade"};

struct SampleWord {
  std::string_view word;
  Sample sample;
  std::size_t bytes_max;
};
constexpr SampleWord kSamples[] = {
    {"src", Sample::kSrc, 45},
    {"src_port", Sample::kSrcPort, 5},
    {"dst", Sample::kDst, 45},
    {"dst_port", Sample::kDstPort, 5},
    {"ssl_fc", Sample::kSslFc, 1},
    {"ssl_fc_protocol", Sample::kSslFcProtocol, 16},
    {"ssl_fc_cipher", Sample::kSslFcCipher, 64},
    {"ssl_fc_sni", Sample::kSslFcSni, 255},
    {"ssl_fc_alpn", Sample::kSslFcAlpn, 255},
    {"ssl_c_used", Sample::kSslCUsed, 1},
    {"ssl_c_verify", Sample::kSslCVerify, 5},
    {"ssl_c_serial,hex", Sample::kSslCSerial, kSampleBytesMax},
    {"ssl_c_sha1,hex", Sample::kSslCSha1, 40},
    {"ssl_c_notbefore", Sample::kSslCNotBefore, 32},
    {"ssl_c_notafter", Sample::kSslCNotAfter, 32},
    {"ssl_c_s_dn", Sample::kSslCSubject, kSampleBytesMax},
    {"ssl_c_s_dn(,0,rfc2253)", Sample::kSslCSubject2253, kSampleBytesMax},
    {"ssl_c_i_dn", Sample::kSslCIssuer, kSampleBytesMax},
    {"ssl_c_i_dn(,0,rfc2253)", Sample::kSslCIssuer2253, kSampleBytesMax},
};
constexpr std::pair<std::string_view, Sample> kNameEntries[] = {
    {"ssl_c_s_dn(", Sample::kSslCSubjectEntry}, {"ssl_c_i_dn(", Sample::kSslCIssuerEntry}};

/// Reads the values of one rule, and says what is wrong with them at their place.
class ValueReader {
 public:
  ValueReader(const BuildContext& context, const Place& at) : context_(context), at_(at) {}

  std::vector<ValuePart> read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t percent = text.find('%');
      add_text(text.substr(0, percent));
      if (percent == std::string_view::npos) break;
      text.remove_prefix(percent + 1);
      if (text.starts_with('%')) {
        add_text("%");
        text.remove_prefix(1);
      } else if (!take_sample(text)) {
        break;
      }
    }
    return std::move(parts_);
  }

  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }

 private:
  void add_text(std::string_view text) {
    if (text.empty()) return;
    bytes_max_ += text.size();
    if (parts_.empty() || parts_.back().sample != Sample::kText) parts_.emplace_back();
    parts_.back().text += text;
  }

  /// `text` begins behind a "%".
  bool take_sample(std::string_view& text) {
    const std::size_t end = text.find(']');
    if (!text.starts_with('[') || end == std::string_view::npos) {
      context_.error(at_,
                     "a \"%\" begins a name in brackets, as in \"%[src]\"; write \"%%\" for one "
                     "that stands for itself");
      return false;
    }
    const std::string_view word = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    const auto known = std::ranges::find(kSamples, word, &SampleWord::word);
    if (known != std::end(kSamples)) {
      bytes_max_ += known->bytes_max;
      parts_.push_back({.sample = known->sample, .text = {}});
      return true;
    }
    return take_name_entry(word) || refuse(word);
  }

  bool take_name_entry(std::string_view word) {
    for (const auto& [begin, sample] : kNameEntries) {
      if (!word.starts_with(begin) || !word.ends_with(')')) continue;
      const std::string name(word.substr(begin.size(), word.size() - begin.size() - 1));
      const int entry = tls::name_entry(name);
      if (entry == 0) {
        context_.error(at_, fmt::format("\"{}\": a certificate's name has no part \"{}\"; \"CN\", "
                                        "\"O\", \"OU\" and \"C\" are some",
                                        word, name));
        return true;
      }
      bytes_max_ += kSampleBytesMax;
      parts_.push_back({.sample = sample, .text = {}, .entry = entry});
      return true;
    }
    return false;
  }

  bool refuse(std::string_view word) {
    std::vector<std::string_view> known;
    for (const SampleWord& sample : kSamples) known.push_back(sample.word);
    const auto meant = nearest(word, known);
    context_.error(at_, fmt::format("\"%[{}]\": there is nothing of this name; {}", word,
                                    meant ? fmt::format("did you mean \"%[{}]\"?", *meant)
                                          : fmt::format("known here: {}", fmt::join(known, " "))));
    return false;
  }

  const BuildContext& context_;
  const Place& at_;
  std::vector<ValuePart> parts_;
  std::size_t bytes_max_ = 0;
};

bool may_be_edited(const BuildContext& context, const Place& at, std::string_view name,
                   HeaderEdit::Kind kind) {
  const std::string lower = to_lower_copy(name);
  if (std::ranges::find(kOwnHeaders, lower) != kOwnHeaders.end())
    context.error(at, fmt::format("\"{}\" is not edited: tandem makes it itself", name));
  else if (lower == "host" && kind != HeaderEdit::Kind::kSet)
    context.error(at, "a request has one Host: \"set-header\" changes it");
  else
    return true;
  return false;
}

void build_values(const BuildContext& context, const Place& headers, HeaderEdit::Kind kind,
                  HeaderEdits& out) {
  if (!headers) return;
  if (headers.value->members.empty())
    context.warning(headers, "names no header: nothing is changed");
  for (const jsonc::Member& member : headers.value->members) {
    const Place at = headers.child(member.key);
    if (!may_be_edited(context, at, member.key, kind)) continue;
    ValueReader reader(context, at);
    out.edits.push_back(
        {.kind = kind, .name = member.key, .value = reader.read(member.value.text)});
    // What Writer and HPACK put around a field.
    constexpr std::size_t kFrameBytes = 40;
    out.bytes_max += member.key.size() + reader.bytes_max() + kFrameBytes;
  }
}

}  // namespace

HeaderEdits build_header_edits(const BuildContext& context, const Place& rule) {
  HeaderEdits result;
  build_values(context, rule.child("set-header"), HeaderEdit::Kind::kSet, result);
  build_values(context, rule.child("add-header"), HeaderEdit::Kind::kAdd, result);
  for (const Place& at : one_or_list(rule.child("del-header"))) {
    if (at.value->type != jsonc::Type::kString) continue;
    const std::string& name = at.value->text;
    if (may_be_edited(context, at, name, HeaderEdit::Kind::kDelete))
      result.edits.push_back({.kind = HeaderEdit::Kind::kDelete, .name = name, .value = {}});
  }
  return result;
}

}  // namespace tandem::lb::config
