#include "lb/config/certificates.h"

#include "config/files.h"
#include "config/shape.h"
#include "lb/tls/certificate.h"
#include "lb/tls/expiry.h"
#include "lb/tls/ocsp_answer.h"
#include "lb/tls/pem.h"

#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <string>
#include <utility>

namespace tandem::lb::config {
namespace {

using tandem::config::Builder;
using tandem::config::Place;

constexpr std::size_t kPemBytesMax = std::size_t{1} << 20;
constexpr std::size_t kOcspBytesMax = std::size_t{64} << 10;

/// Reads one file with what stands beside it, and says what is wrong with it at the place that
/// named it.
class Reader {
 public:
  Reader(const Builder& builder, const Place& at, std::string path)
      : builder_(builder), at_(at), path_(std::move(path)) {}

  std::optional<LoadedCertificate> read() {
    auto pem = read_file(path_, kPemBytesMax);
    if (!pem) return std::nullopt;
    LoadedCertificate loaded;
    loaded.file.path = path_;
    loaded.file.pem = std::move(pem->text);
    key_mode_ = pem->mode;
    if (!tls::has_key(loaded.file.pem) && tandem::config::exists(path_ + ".key")) {
      auto key = read_file(path_ + ".key", kPemBytesMax);
      if (!key) return std::nullopt;
      loaded.file.key = std::move(key->text);
      key_mode_ = key->mode;
    }
    if (tandem::config::exists(path_ + ".ocsp")) {
      auto ocsp = read_file(path_ + ".ocsp", kOcspBytesMax);
      if (!ocsp) return std::nullopt;
      loaded.file.ocsp = std::move(ocsp->text);
    }
    const auto certificate = tls::Certificate::read(loaded.file);
    if (!certificate) {
      builder_.error(at_, fmt::format("{}: {}", path_, certificate.error().message));
      return std::nullopt;
    }
    warn(*certificate, loaded.file);
    loaded.key = {certificate->names(), certificate->key_type()};
    loaded.info = {
        .path = path_, .names = certificate->names(), .expires_at = certificate->expires_at()};
    return loaded;
  }

 private:
  std::optional<tandem::config::FileText> read_file(const std::string& path,
                                                    std::size_t bytes_max) const {
    auto text = tandem::config::read_whole(path, bytes_max);
    if (!text)
      builder_.error(at_, fmt::format("cannot read {}: {}", path, text.error().message));
    else if (text->text.empty())
      builder_.error(at_, fmt::format("{}: is empty", path));
    else
      return std::move(*text);
    return std::nullopt;
  }

  void warning(std::string_view message) const {
    builder_.warning(at_, fmt::format("{}: {}", path_, message));
  }

  void warn(const tls::Certificate& certificate, const tls::CertificateFile& file) const {
    warn_of_time(certificate);
    if (certificate.lacks_issuer())
      warning(
          fmt::format("the certificate of its issuer, \"{}\", is missing in it: clients that "
                      "do not have that will refuse it",
                      certificate.issuer_name()));
    if ((key_mode_ & tandem::config::kReadableByOthers) != 0)
      builder_.warning(at_, fmt::format("others can read the key in {}{} (mode {:03o}): chmod 600",
                                        path_, file.key.empty() ? "" : ".key", key_mode_ & 0777U));
    if (!file.ocsp.empty()) warn_of_answer(certificate, file);
  }

  void warn_of_time(const tls::Certificate& certificate) const {
    if (const auto words = tls::words_of_expiry(certificate.expires_at(), now_)) warning(*words);
    if (certificate.valid_from() > now_)
      warning(fmt::format("is not valid for another {}: clients will refuse it",
                          tls::time_text(certificate.valid_from() - now_)));
  }

  void warn_of_answer(const tls::Certificate& certificate, const tls::CertificateFile& file) const {
    const auto answer = tls::OcspAnswer::read(file.ocsp, certificate);
    const auto say = [this](std::string_view what) {
      builder_.warning(at_, fmt::format("{}.ocsp: {}", path_, what));
    };
    if (!answer) return say(answer.error().message + ": it is not served");
    if (answer->until() <= now_)
      say(fmt::format("was good until {} ago: it is not served",
                      tls::time_text(now_ - answer->until())));
    if (answer->is_revoked()) say("says that the certificate is revoked: clients will refuse it");
  }

  const Builder& builder_;
  const Place& at_;
  std::string path_;
  mode_t key_mode_ = 0;
  std::int64_t now_ = std::time(nullptr);
};

void load(const Builder& builder, const Place& at, std::vector<LoadedCertificate>& into) {
  if (at.value->type != jsonc::Type::kString || at.value->text.empty()) return;
  const std::string path =
      tandem::config::beside(builder.report.source(at.value->at.source), at.value->text);
  std::vector<std::string> files = {path};
  if (tandem::config::is_folder(path)) {
    files = tandem::config::files_of_folder(path, "*.pem");
    if (files.empty()) builder.error(at, fmt::format("no \"*.pem\" is in the folder {}", path));
  }
  for (std::string& file : files)
    if (auto loaded = Reader(builder, at, std::move(file)).read())
      into.push_back(std::move(*loaded));
}

}  // namespace

std::vector<LoadedCertificate> load_certificates(const Builder& builder, const Place& crt) {
  std::vector<LoadedCertificate> loaded;
  for (const Place& at : tandem::config::one_or_list(crt)) load(builder, at, loaded);
  return loaded;
}

}  // namespace tandem::lb::config
