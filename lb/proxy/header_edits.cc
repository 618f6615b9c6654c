#include "lb/proxy/header_edits.h"

#include "common/text.h"
#include "lb/proxy/client_side.h"
#include "lb/tls/certificate_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tandem::lb::proxy {
namespace {

using config::Sample;

std::string text_of_certificate(const config::ValuePart& part, const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const X509_NAME* issuer = X509_get_issuer_name(certificate);
  switch (part.sample) {
    case Sample::kSslCSerial:
      return tls::serial_of(certificate);
    case Sample::kSslCSha1:
      return tls::fingerprint_of(certificate);
    case Sample::kSslCNotBefore:
      return tls::time_of(X509_get0_notBefore(certificate));
    case Sample::kSslCNotAfter:
      return tls::time_of(X509_get0_notAfter(certificate));
    case Sample::kSslCSubject:
      return tls::name_of(subject);
    case Sample::kSslCSubject2253:
      return tls::name_2253_of(subject);
    case Sample::kSslCSubjectEntry:
      return tls::name_entry_of(subject, part.entry);
    case Sample::kSslCIssuer:
      return tls::name_of(issuer);
    case Sample::kSslCIssuer2253:
      return tls::name_2253_of(issuer);
    case Sample::kSslCIssuerEntry:
      return tls::name_entry_of(issuer, part.entry);
    default:
      return {};
  }
}

/// What a client's certificate says; nothing where it would be longer than is sent.
std::string of_certificate(const config::ValuePart& part, const X509* certificate) {
  std::string text = text_of_certificate(part, certificate);
  if (text.size() > config::kSampleBytesMax) text.clear();
  return text;
}

/// OpenSSL takes any bytes but NUL for a name; what would end a header's line is no name.
std::string_view if_one_line(std::string_view name) {
  const bool is_good = std::ranges::none_of(
      name, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  return is_good ? name : std::string_view();
}

/// What TLS with the client came to; nothing where it speaks plainly.
std::string of_encryption(const config::ValuePart& part, const tls::Stream& encryption) {
  const X509* certificate = encryption.client_certificate();
  switch (part.sample) {
    case Sample::kSslFcProtocol:
      return std::string(encryption.version());
    case Sample::kSslFcCipher:
      return std::string(encryption.cipher());
    case Sample::kSslFcSni:
      return std::string(if_one_line(encryption.server_name()));
    case Sample::kSslFcAlpn:
      return std::string(encryption.protocol());
    case Sample::kSslCUsed:
      return certificate != nullptr ? "1" : "0";
    case Sample::kSslCVerify:
      return std::to_string(encryption.verify_result());
    default:
      return certificate != nullptr ? of_certificate(part, certificate) : std::string();
  }
}

}  // namespace

void HeaderEdits::clear() noexcept {
  text_.clear();
  added_.clear();
  authority_.reset();
  removed_.clear();
}

void HeaderEdits::apply(const config::HeaderEdit& edit, ClientSide& client) {
  using Kind = config::HeaderEdit::Kind;
  if (edit.kind != Kind::kAdd) remove(edit.name);
  if (edit.kind == Kind::kDelete) return;
  const auto begin = static_cast<std::uint32_t>(text_.size());
  for (const config::ValuePart& part : edit.value) append(part, client);
  const Added added{.name = edit.name,
                    .offset = begin,
                    .length = static_cast<std::uint32_t>(text_.size()) - begin};
  if (equals_ignoring_case(edit.name, "host"))
    authority_ = added;
  else
    added_.push_back(added);
}

void HeaderEdits::add(std::string_view name, std::string_view value) {
  added_.push_back({.name = name,
                    .offset = static_cast<std::uint32_t>(text_.size()),
                    .length = static_cast<std::uint32_t>(value.size())});
  text_ += value;
}

void HeaderEdits::remove(std::string_view name) {
  std::erase_if(added_,
                [name](const Added& added) { return equals_ignoring_case(added.name, name); });
  // Host is never left out: it is written anew.
  if (!equals_ignoring_case(name, "host")) removed_.push_back(name);
}

void HeaderEdits::append(const config::ValuePart& part, ClientSide& client) {
  const tls::Stream* encryption = client.encryption();
  switch (part.sample) {
    case Sample::kText:
      text_ += part.text;
      break;
    case Sample::kSrc:
      text_ += client.address().host();
      break;
    case Sample::kSrcPort:
      fmt::format_to(std::back_inserter(text_), "{}", client.address().port());
      break;
    case Sample::kDst:
      text_ += client.local_address().host();
      break;
    case Sample::kDstPort:
      fmt::format_to(std::back_inserter(text_), "{}", client.local_address().port());
      break;
    case Sample::kSslFc:
      text_ += encryption != nullptr ? '1' : '0';
      break;
    default:
      if (encryption != nullptr)
        text_ += of_encryption(part, *encryption);
      else if (part.sample == Sample::kSslCUsed)
        text_ += '0';
  }
}

void HeaderEdits::fill(http::RequestEdits& edits) {
  fields_.clear();
  for (const Added& added : added_) fields_.push_back({added.name, text_of(added)});
  edits.added = fields_;
  edits.removed = removed_;
  if (authority_) edits.authority = text_of(*authority_);
}

std::optional<std::string_view> HeaderEdits::seen(
    std::string_view name, std::optional<std::string_view> own) const noexcept {
  const auto is_it = [name](std::string_view other) { return equals_ignoring_case(name, other); };
  if (authority_ && is_it("host")) return text_of(*authority_);
  if (own && std::ranges::none_of(removed_, is_it)) return own;
  const auto added = std::ranges::find_if(added_, is_it, &Added::name);
  return added != added_.end() ? std::optional(text_of(*added)) : std::nullopt;
}

}  // namespace tandem::lb::proxy
