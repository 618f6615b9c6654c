// The certificates that "crt" names: read, and held to what makes clients refuse them. Blocking
// (files).
#pragma once

#include "config/builder.h"
#include "lb/config/snapshot.h"
#include "lb/tls/name_index.h"
#include "lb/tls/server_options.h"

#include <string_view>
#include <vector>

namespace tandem::lb::config {

struct LoadedCertificate {
  tls::CertificateFile file;
  tls::NamedKey key;
  CertificateInfo info;
};

/// An entry of "certificates".
struct NamedCertificates {
  std::string_view name;
  std::vector<LoadedCertificate> certificates;  // what is wrong with others has been said
  bool is_used = false;                         // by a bind
};

/// What `crt` names: a file, a folder, or an array of both. Errors and warnings name the file and
/// stand at the element of `crt` that led to it.
[[nodiscard]] std::vector<LoadedCertificate> load_certificates(
    const tandem::config::Builder& builder, const tandem::config::Place& crt);

}  // namespace tandem::lb::config
