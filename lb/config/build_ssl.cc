// "certificates", and "ssl" of a bind.
#include "common/text.h"
#include "config/files.h"
#include "config/shape.h"
#include "lb/config/build.h"
#include "lb/config/build_ssl_shared.h"
#include "lb/tls/server_context.h"
#include "lb/tls/ticket_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::lb::config {
namespace {

constexpr Word<tls::Verify> kVerifies[] = {{"none", tls::Verify::kNone},
                                           {"optional", tls::Verify::kOptional},
                                           {"required", tls::Verify::kRequired}};

class SslBuilder {
 public:
  SslBuilder(BuildContext& context, const Place& ssl) : context_(context), ssl_(ssl) {}

  std::optional<BindSsl> build(Mode mode) {
    take_certificates();
    // What an application of a TCP proxy speaks is not ours to agree on.
    if (mode == Mode::kTcp) out_.alpn.clear();
    read_words();
    read_clients();
    read_ticket_keys();
    if (certificates_.empty()) return std::nullopt;
    for (const LoadedCertificate& one : certificates_) out_.certificates.push_back(one.file);
    warn_of_clashes();
    note_served();
    // The last word is OpenSSL's: keys it finds too weak, for one.
    if (context_.report.has_errors()) return out_;
    if (const auto made = tls::ServerContext::make(out_); !made)
      context_.error(ssl_, made.error().message);
    return out_;
  }

 private:
  void take_certificates() {
    for (const Place& at : one_or_list(ssl_.child("certificates"))) {
      NamedCertificates* named = find(at);
      if (named == nullptr) continue;
      named->is_used = true;
      for (const LoadedCertificate& one : named->certificates) take(one);
    }
    for (const LoadedCertificate& one : load_certificates(context_, ssl_.child("crt"))) take(one);
  }

  /// Once each: whoever names a file and its folder has chosen the default.
  void take(const LoadedCertificate& one) {
    const auto same = [&](const LoadedCertificate& other) { return other.file == one.file; };
    if (std::ranges::none_of(certificates_, same)) certificates_.push_back(one);
  }

  /// The entry of "certificates" named at `at`; nullptr after an error.
  NamedCertificates* find(const Place& at) {
    if (at.value->type != jsonc::Type::kString || at.value->text.empty()) return nullptr;
    auto& all = context_.certificates;
    const auto found = std::ranges::find(all, at.value->text, &NamedCertificates::name);
    if (found != all.end()) return &*found;
    std::vector<std::string_view> names;
    for (const NamedCertificates& one : all) names.push_back(one.name);
    const auto near = nearest(at.value->text, names);
    context_.error(
        at, fmt::format("there are no certificates {}{}", quoted(*at.value),
                        near && !at.value->hidden ? fmt::format("; did you mean \"{}\"?", *near)
                                                  : "; define them under \"certificates\""));
    return nullptr;
  }

  void read_words() {
    read(ssl_.child("strict-sni"), out_.strict_sni);
    read_protocol(context_, ssl_, out_);
    const Place alpn = ssl_.child("alpn");
    if (!alpn) return;
    out_.alpn.clear();
    for (const Place& at : one_or_list(alpn)) read(at, out_.alpn.emplace_back());
  }

  void read_clients() {
    const Place verify = ssl_.child("verify");
    read(verify, kVerifies, out_.verify);
    read(ssl_.child("verify-depth"), out_.verify_depth);
    if (out_.verify == tls::Verify::kNone) {
      for (const std::string_view key : {"ca-file", "crl-file", "verify-depth"})
        if (const Place at = ssl_.child(key))
          context_.warning(at, "means nothing while \"verify\" is \"none\"");
    } else if (!ssl_.child("ca-file")) {
      context_.error(verify,
                     "\"ca-file\" is missing beside it: whose certificates are to be "
                     "believed?");
    }
    auto known = read_authorities(context_, ssl_, "clients");
    if (!known || out_.verify == tls::Verify::kNone) return;
    out_.client_authorities = std::move(known->pem);
    out_.client_revocations = std::move(known->revocations);
  }

  void read_ticket_keys() {
    const Place at = ssl_.child("tls-ticket-keys");
    const auto lines = context_.secret_file(at, kSecretBytesMax);
    if (!lines) return;
    if (const auto keys = tls::TicketKeys::parse(*lines); !keys)
      context_.error(at, fmt::format("{}: {}", quoted(*at.value), keys.error().message));
    else
      out_.ticket_keys = *lines;
  }

  void warn_of_clashes() {
    std::vector<tls::NamedKey> keys;
    for (const LoadedCertificate& one : certificates_) keys.push_back(one.key);
    const tls::NameIndex index(keys);
    for (const auto& [counts, hidden, name] : index.clashes())
      context_.warning(
          ssl_, fmt::format("two {} certificates are for {}: {} counts, {} does not",
                            tls::word_of(keys[counts].type), name, certificates_[counts].file.path,
                            certificates_[hidden].file.path));
  }

  void note_served() {
    auto& all = context_.snapshot.certificates;
    for (const LoadedCertificate& one : certificates_)
      if (std::ranges::find(all, one.info.path, &CertificateInfo::path) == all.end())
        all.push_back(one.info);
  }

  BuildContext& context_;
  const Place& ssl_;
  std::vector<LoadedCertificate> certificates_;
  BindSsl out_;
};

}  // namespace

void build_certificates(BuildContext& context) {
  const Place certificates = context.root.child("certificates");
  if (!certificates || certificates.value->type != jsonc::Type::kObject) return;
  for (const jsonc::Member& member : certificates.value->members) {
    const Place crt = certificates.child(member.key).child("crt");
    context.certificates.push_back({member.key, load_certificates(context, crt)});
  }
}

std::optional<BindSsl> build_ssl(BuildContext& context, const Place& ssl, Mode mode) {
  if (!ssl || ssl.value->type != jsonc::Type::kObject) return std::nullopt;
  return SslBuilder(context, ssl).build(mode);
}

void check_certificates(const BuildContext& context) {
  const Place certificates = context.root.child("certificates");
  for (const NamedCertificates& one : context.certificates)
    if (!one.is_used) context.warning(certificates.child(one.name), "not used: no bind names it");
}

}  // namespace tandem::lb::config
