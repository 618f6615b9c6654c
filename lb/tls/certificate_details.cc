#include "lb/tls/certificate_details.h"

#include "lb/tls/certificate_fields.h"

#include <fmt/format.h>

namespace tandem::lb::tls {
namespace {

/// "Nov 22 05:00:00 2026 GMT".
std::string date_of(const ASN1_TIME* time) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string algorithm_of(const Certificate& certificate) {
  const int bits = EVP_PKEY_get_bits(X509_get0_pubkey(certificate.leaf()));
  switch (certificate.key_type()) {
    case KeyType::kRsa:
    case KeyType::kRsaPss:
      return fmt::format("RSA{}", bits);
    case KeyType::kEcdsa:
      return fmt::format("EC{}", bits);
    default:
      return std::string(word_of(certificate.key_type()));
  }
}

std::string alternatives_of(const Certificate& certificate) {
  std::string text;
  for (const std::string& name : certificate.names())
    text += (text.empty() ? "DNS:" : ", DNS:") + name;
  return text;
}

}  // namespace

std::vector<std::pair<std::string_view, std::string>> details_of(const Certificate& certificate) {
  const X509* leaf = certificate.leaf();
  std::vector<std::pair<std::string_view, std::string>> details = {
      {"Serial", serial_of(leaf)},
      {"notBefore", date_of(X509_get0_notBefore(leaf))},
      {"notAfter", date_of(X509_get0_notAfter(leaf))},
      {"Subject Alternative Name", alternatives_of(certificate)},
      {"Algorithm", algorithm_of(certificate)},
      {"SHA1 FingerPrint", fingerprint_of(leaf)},
      {"Subject", name_of(X509_get_subject_name(leaf))},
      {"Issuer", name_of(X509_get_issuer_name(leaf))}};
  if (const X509* issuer = certificate.issuer()) {
    details.emplace_back("Chain Subject", name_of(X509_get_subject_name(issuer)));
    details.emplace_back("Chain Issuer", name_of(X509_get_issuer_name(issuer)));
  }
  ERR_clear_error();
  return details;
}

}  // namespace tandem::lb::tls
