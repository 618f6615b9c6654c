// show, new, set, commit, abort and del ssl cert.
#include "lb/control/certificate_store.h"
#include "lb/control/commands.h"
#include "lb/tls/certificate.h"
#include "lb/tls/certificate_details.h"

#include <fmt/format.h>

#include <iterator>

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;
using command::Severity;

Reply notice(std::string text) { return {std::move(text), Severity::kNotice}; }

std::string list(const CertificateStore& store) {
  std::string out;
  if (const tls::CertificateFile* pending = store.pending())
    out = fmt::format("# transaction\n*{}\n", pending->path);
  out += "# filename\n";
  for (const CertificateStore::Entry& entry : store.entries()) out += entry.file.path + "\n";
  return out;
}

std::string details(const tls::CertificateFile& file, std::string_view name,
                    std::string_view status) {
  std::string out = fmt::format("Filename: {}\nStatus: {}\n", name, status);
  if (const auto certificate = tls::Certificate::read(file)) {
    for (const auto& [key, value] : tls::details_of(*certificate))
      fmt::format_to(std::back_inserter(out), "{}: {}\n", key, value);
  }
  return out;
}

Reply show(const CertificateStore& store, Invocation& invocation) {
  const std::string_view name = invocation.word(3);
  if (name.empty()) return Reply::data(list(store));
  // As HAProxy: a star in front is what is held back.
  const tls::CertificateFile* pending = store.pending();
  if (name.starts_with('*')) {
    if (pending == nullptr || pending->path != name.substr(1))
      return Reply::error(
          "Can't display the certificate: Not found or the certificate is a bundle!");
    return Reply::data(details(*pending, name, "Unused"));
  }
  const CertificateStore::Entry* entry = store.find(name);
  if (entry == nullptr)
    return Reply::error("Can't display the certificate: Not found or the certificate is a bundle!");
  const bool is_empty = entry->file.pem.empty();
  return Reply::data(details(entry->file, name,
                             is_empty           ? "Empty"
                             : entry->binds > 0 ? "Used"
                                                : "Unused"));
}

Reply refusal(const Result<void>& result, std::string_view aim) {
  return Reply::error(fmt::format("{}\n{}", result.error().message, aim));
}

Reply set(CertificateStore& store, Invocation& invocation) {
  const std::string path(invocation.word(3));
  if (path.empty() || invocation.payload.empty())
    return Reply::error("'set ssl cert expects a filename and a certificate as a payload");
  const auto is_new = store.set(path, invocation.payload);
  if (!is_new)
    return Reply::error(fmt::format("{}\nCan't update {}!", is_new.error().message, path));
  return notice(
      fmt::format("Transaction {} for certificate {}!", *is_new ? "created" : "updated", path));
}

/// The word after "… ssl cert", which all that follow need.
template <class Run>
auto with_path(CertificateStore& store, std::string_view command, Run run) {
  return [&store, command, run](Invocation& invocation) {
    const std::string path(invocation.word(3));
    if (path.empty()) return Reply::error(fmt::format("'{}' expects a filename", command));
    return run(store, path);
  };
}

Reply create(CertificateStore& store, const std::string& path) {
  if (const auto made = store.create(path); !made) return Reply::error(made.error().message);
  return notice(fmt::format("New empty certificate store '{}'!", path));
}

Reply commit(CertificateStore& store, const std::string& path) {
  const CertificateStore::Entry* entry = store.find(path);
  const std::size_t binds = entry == nullptr ? 0 : entry->binds;
  if (const auto done = store.commit(path); !done)
    return refusal(done, fmt::format("Can't commit {}!", path));
  return Reply::data(fmt::format("Committing {}{}\nSuccess!\n", path, std::string(binds, '.')));
}

Reply abort(CertificateStore& store, const std::string& path) {
  if (const auto done = store.abort(path); !done) return Reply::error(done.error().message);
  return notice(fmt::format("Transaction aborted for certificate '{}'!", path));
}

Reply remove(CertificateStore& store, const std::string& path) {
  if (const auto done = store.remove(path); !done)
    return Reply::error(fmt::format("Can't remove the certificate: {}", done.error().message));
  return notice(fmt::format("Certificate '{}' deleted!", path));
}

}  // namespace

void add_certificate_commands(command::CommandTable& table, CertificateStore& store) {
  table.add({"show ssl cert", Level::kOperator, "show ssl cert [<certfile>]",
             "display the SSL certificates used in memory, or the details of a file",
             [&store](Invocation& invocation) { return show(store, invocation); }});
  table.add({"new ssl cert", Level::kAdmin, "new ssl cert <certfile>",
             "create a new certificate file to be used in a crt-list or a directory",
             with_path(store, "new ssl cert", create)});
  table.add({"set ssl cert", Level::kAdmin, "set ssl cert <certfile> <payload>",
             "replace a certificate file",
             [&store](Invocation& invocation) { return set(store, invocation); }});
  table.add({"commit ssl cert", Level::kAdmin, "commit ssl cert <certfile>",
             "commit a certificate file", with_path(store, "commit ssl cert", commit)});
  table.add({"abort ssl cert", Level::kAdmin, "abort ssl cert <certfile>",
             "abort a transaction for a certificate file",
             with_path(store, "abort ssl cert", abort)});
  table.add({"del ssl cert", Level::kAdmin, "del ssl cert <certfile>",
             "delete an unused certificate file", with_path(store, "del ssl cert", remove)});
}

}  // namespace tandem::lb::control
