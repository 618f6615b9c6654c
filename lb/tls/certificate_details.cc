#include "lb/tls/certificate_details.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

namespace tandem::lb::tls {
namespace {

using NumberPointer = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;

/// What `print` writes into a BIO, with blanks for control characters: a name may hold any.
template <class Print>
std::string printed(Print print) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  print(bio.get());
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  std::string text(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
  std::ranges::replace_if(text, [](char c) { return c >= 0 && (c < ' ' || c == '\x7f'); }, ' ');
  return text;
}

std::string serial_of(const X509* certificate) {
  const NumberPointer number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return {};
  char* digits = BN_bn2hex(number.get());
  std::string text = digits != nullptr ? digits : "";
  OPENSSL_free(digits);
  return text;
}

std::string time_of(const ASN1_TIME* time) {
  return printed([time](BIO* bio) { ASN1_TIME_print(bio, time); });
}

/// "/C=DE/CN=the CA", as everybody's tools once printed names.
std::string name_of(const X509_NAME* name) {
  return printed([name](BIO* bio) {
    char* line = X509_NAME_oneline(name, nullptr, 0);
    if (line != nullptr) BIO_puts(bio, line);
    OPENSSL_free(line);
  });
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

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha1(), digest.data(), &size) != 1) return {};
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02X}", digest[i]);
  return text;
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
      {"notBefore", time_of(X509_get0_notBefore(leaf))},
      {"notAfter", time_of(X509_get0_notAfter(leaf))},
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
