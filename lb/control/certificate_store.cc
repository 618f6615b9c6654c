#include "lb/control/certificate_store.h"

#include "lb/tls/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tandem::lb::control {

CertificateStore::CertificateStore(const config::Snapshot& snapshot, Serve serve)
    : serve_(std::move(serve)), served_(snapshot.certificates) {
  for (config::FrontendIndex f = 0; f < snapshot.frontends.size(); ++f) {
    const std::vector<config::Bind>& binds = snapshot.frontends[f].binds;
    for (std::uint32_t b = 0; b < binds.size(); ++b) {
      if (!binds[b].ssl) continue;
      binds_.push_back({{f, b}, *binds[b].ssl, nullptr});
      for (const tls::CertificateFile& file : binds[b].ssl->certificates) {
        if (Entry* known = entry(file.path))
          ++known->binds;
        else
          entries_.push_back({file, 1});
      }
    }
  }
}

void CertificateStore::began(Place place, Context context) {
  for (Bind& bind : binds_)
    if (bind.place.frontend == place.frontend && bind.place.bind == place.bind)
      bind.context = std::move(context);
}

CertificateStore::Entry* CertificateStore::entry(std::string_view path) noexcept {
  const auto found =
      std::ranges::find_if(entries_, [path](const Entry& one) { return one.file.path == path; });
  return found == entries_.end() ? nullptr : &*found;
}

const CertificateStore::Entry* CertificateStore::find(std::string_view path) const noexcept {
  return const_cast<CertificateStore*>(this)->entry(path);
}

Result<void> CertificateStore::create(const std::string& path) {
  if (entry(path) != nullptr) return fail(fmt::format("Certificate '{}' already exists!", path));
  entries_.push_back({{.path = path, .pem = {}, .key = {}, .ocsp = {}}, 0});
  return {};
}

Result<bool> CertificateStore::set(const std::string& path, std::string_view pem) {
  const Entry* known = entry(path);
  if (known == nullptr)
    return fail("Can't replace a certificate which is not referenced by the configuration!");
  if (pending_ && pending_->path != path)
    return fail(fmt::format("The ongoing transaction is about '{}' but you are trying to set '{}'",
                            pending_->path, path));
  // An answer of OCSP is about the old one; if it should fit the new one, it is served on.
  tls::CertificateFile file{
      .path = path, .pem = std::string(pem), .key = {}, .ocsp = known->file.ocsp};
  if (const auto read = tls::Certificate::read(file); !read)
    return fail(fmt::format("{}: {}", path, read.error().message));
  const bool is_new = !pending_.has_value();
  pending_ = std::move(file);
  return is_new;
}

Result<void> CertificateStore::check_pending(const std::string& path, std::string_view aim) const {
  if (!pending_) return fail("No ongoing transaction!");
  if (pending_->path == path) return {};
  return fail(fmt::format("The ongoing transaction is about '{}' but you are trying to {} '{}'",
                          pending_->path, aim, path));
}

Result<void> CertificateStore::commit(const std::string& path) {
  if (auto good = check_pending(path, "commit"); !good) return good;
  // All of them are made before the first is served.
  std::vector<std::pair<Bind*, Bind>> changes;
  for (Bind& bind : binds_) {
    Bind changed = bind;
    auto& files = changed.options.certificates;
    const auto at = std::ranges::find(files, path, &tls::CertificateFile::path);
    if (at == files.end()) continue;
    *at = *pending_;
    auto made = tls::ServerContext::make(changed.options, bind.context.get());
    if (!made) return std::unexpected(made.error());
    changed.context = std::move(*made);
    changes.emplace_back(&bind, std::move(changed));
  }
  for (auto& [bind, changed] : changes) {
    *bind = std::move(changed);
    serve_(bind->place, bind->context);
  }
  Entry* known = entry(path);
  known->file = *std::exchange(pending_, std::nullopt);
  if (known->binds > 0) note(known->file);
  return {};
}

void CertificateStore::note(const tls::CertificateFile& file) {
  const auto certificate = tls::Certificate::read(file);
  const auto at = std::ranges::find(served_, file.path, &config::CertificateInfo::path);
  if (!certificate || at == served_.end()) return;
  at->names = certificate->names();
  at->expires_at = certificate->expires_at();
}

Result<void> CertificateStore::abort(const std::string& path) {
  if (auto good = check_pending(path, "abort a transaction for"); !good) return good;
  pending_.reset();
  return {};
}

Result<void> CertificateStore::remove(const std::string& path) {
  const Entry* known = entry(path);
  if (known == nullptr) return fail(fmt::format("certificate '{}' doesn't exist!", path));
  if (known->binds > 0)
    return fail(fmt::format("certificate '{}' in use, can't be deleted!", path));
  if (pending_ && pending_->path == path) pending_.reset();
  entries_.erase(entries_.begin() + (known - entries_.data()));
  return {};
}

}  // namespace tandem::lb::control
