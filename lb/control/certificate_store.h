// CertificateStore: the certificates that addresses serve, by the path of their file, and how one
// is replaced while tandem runs: a new text is held back until it is committed, then every address
// that serves the file gets a new context at once, or none does. Files on disk are not touched.
#pragma once

#include "common/result.h"
#include "lb/config/snapshot.h"
#include "lb/tls/server_context.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::lb::control {

/// Thread: control.
class CertificateStore {
 public:
  struct Place {
    config::FrontendIndex frontend;
    std::uint32_t bind;  // of the frontend
  };
  using Context = std::shared_ptr<const tls::ServerContext>;
  /// Has all workers serve `context` from now on; connections that exist keep theirs.
  using Serve = std::function<void(Place place, const Context& context)>;

  /// One file. `binds`: how many addresses serve it.
  struct Entry {
    tls::CertificateFile file;  // without text: made by create() and not filled yet
    std::size_t binds = 0;
  };

  CertificateStore(const config::Snapshot& snapshot, Serve serve);
  /// The context that an address began with: its tickets go on in those that follow.
  void began(Place place, Context context);

  /// In the order of the configuration, those made later at the end.
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// nullptr: there is none. Valid until the next change.
  [[nodiscard]] const Entry* find(std::string_view path) const noexcept;
  /// What is held back; nullptr: nothing.
  [[nodiscard]] const tls::CertificateFile* pending() const noexcept {
    return pending_ ? &*pending_ : nullptr;
  }
  /// Of what is served now: for metrics.
  [[nodiscard]] const std::vector<config::CertificateInfo>& served() const noexcept {
    return served_;
  }

  // Errors of all that follow: words for whoever gave the command.

  /// An empty entry, that no address serves.
  [[nodiscard]] Result<void> create(const std::string& path);
  /// Certificate, chain and key in one text, held back. @return true: nothing was before.
  [[nodiscard]] Result<bool> set(const std::string& path, std::string_view pem);
  [[nodiscard]] Result<void> commit(const std::string& path);
  [[nodiscard]] Result<void> abort(const std::string& path);
  /// Only what no address serves.
  [[nodiscard]] Result<void> remove(const std::string& path);

 private:
  struct Bind {
    Place place;
    config::BindSsl options;
    Context context;
  };

  [[nodiscard]] Entry* entry(std::string_view path) noexcept;
  /// Words if another file than `path`, or none, is held back; `aim`: "set", for them.
  [[nodiscard]] Result<void> check_pending(const std::string& path, std::string_view aim) const;
  void note(const tls::CertificateFile& file);

  Serve serve_;
  std::vector<Bind> binds_;
  std::vector<Entry> entries_;
  std::vector<config::CertificateInfo> served_;
  std::optional<tls::CertificateFile> pending_;
};

}  // namespace tandem::lb::control
