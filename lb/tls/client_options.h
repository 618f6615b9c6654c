// What TLS towards one server is made of: plain values that can be compared, with what the files
// held in place of their names. No OpenSSL here.
#pragma once

#include "lb/tls/server_options.h"

#include <optional>
#include <string>

namespace tandem::lb::tls {

struct ClientOptions : ProtocolOptions {
  bool verify = true;       // the server's certificate
  std::string authorities;  // whom to believe, PEM; empty: whom the system believes
  std::string revocations;  // CRLs in PEM; empty: none is asked
  std::string verify_name;  // host name or IP address the certificate must be for; empty: any
  std::string sni;          // the name asked for; empty: none
  std::optional<CertificateFile> certificate;  // shown to a server that asks
  friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

}  // namespace tandem::lb::tls
