#include "lb/tls/certificate.h"

#include "common/text.h"
#include "lb/tls/pem.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <optional>
#include <utility>

namespace tandem::lb::tls {
namespace {

using NamesPointer = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;

std::optional<KeyType> type_of(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return KeyType::kRsa;
    case EVP_PKEY_RSA_PSS:
      return KeyType::kRsaPss;
    case EVP_PKEY_EC:
      return KeyType::kEcdsa;
    case EVP_PKEY_ED25519:
      return KeyType::kEd25519;
    case EVP_PKEY_ED448:
      return KeyType::kEd448;
    default:
      return std::nullopt;
  }
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string_view common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  return at < 0 ? std::string_view()
                : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

/// "www.example.org" or "*.example.org"; nothing that could never be asked for: a byte of zero once
/// made one name look like another.
bool is_host_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, is_good);
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const auto add = [&names](std::string_view text) {
    std::string name = to_lower_copy(text);
    if (is_host_name(name) && std::ranges::count(names, name) == 0)
      names.push_back(std::move(name));
  };
  const NamesPointer alternatives(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) add(text_of(name->d.dNSName));
  }
  if (alternatives == nullptr) add(common_name(X509_get_subject_name(certificate)));
  return names;
}

std::string reason_of(std::string_view what) {
  const std::string error = error_text();
  return fmt::format("{}: {}", what, error.empty() ? "OpenSSL does not say why" : error);
}

}  // namespace

std::string_view word_of(KeyType type) noexcept {
  switch (type) {
    case KeyType::kRsa:
      return "RSA";
    case KeyType::kRsaPss:
      return "RSA-PSS";
    case KeyType::kEcdsa:
      return "ECDSA";
    case KeyType::kEd25519:
      return "Ed25519";
    case KeyType::kEd448:
      break;
  }
  return "Ed448";
}

std::int64_t unix_seconds(const ASN1_TIME* time) noexcept {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return std::numeric_limits<std::int64_t>::min();
  return ::timegm(&parts);
}

Result<Certificate> Certificate::read(const CertificateFile& file) {
  Certificate certificate;
  auto chain = certificates_in(file.pem);
  if (!chain) return std::unexpected(chain.error());
  if (chain->empty()) return fail("holds no certificate (PEM)");
  certificate.chain_ = std::move(*chain);
  const bool is_beside = !has_key(file.pem) && !file.key.empty();
  auto key = key_in(is_beside ? file.key : file.pem);
  if (!key && is_beside) return fail("in the file beside it with \".key\": " + key.error().message);
  if (!key) return std::unexpected(key.error());
  certificate.key_ = std::move(*key);

  X509* leaf = certificate.leaf();
  ERR_clear_error();
  if (X509_check_private_key(leaf, certificate.key_.get()) != 1) {
    ERR_clear_error();
    return fail("the private key is not that of the first certificate");
  }
  const auto type = type_of(certificate.key_.get());
  if (!type) return fail("its key is of a type that is not served: use RSA or ECDSA");
  certificate.key_type_ = *type;
  certificate.names_ = names_of(leaf);
  certificate.valid_from_ = unix_seconds(X509_get0_notBefore(leaf));
  certificate.expires_at_ = unix_seconds(X509_get0_notAfter(leaf));
  for (std::size_t i = 1; i < certificate.chain_.size() && certificate.issuer_ == nullptr; ++i)
    if (X509_check_issued(certificate.chain_[i].get(), leaf) == X509_V_OK)
      certificate.issuer_ = certificate.chain_[i].get();
  ERR_clear_error();
  return certificate;
}

std::string Certificate::issuer_name() const {
  return std::string(common_name(X509_get_issuer_name(leaf())));
}

bool Certificate::lacks_issuer() const noexcept {
  return issuer_ == nullptr && X509_check_issued(leaf(), leaf()) != X509_V_OK;
}

Result<void> Certificate::use_in(SSL_CTX* context) const {
  ERR_clear_error();
  // A leaf that is refused for its own sake is told from a chain that is.
  if (SSL_CTX_use_cert_and_key(context, leaf(), key_.get(), nullptr, 1) != 1)
    return fail(reason_of("the certificate cannot be served"));
  for (std::size_t i = 1; i < chain_.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain_[i].get()) != 1)
      return fail(reason_of(fmt::format("certificate {} of the file cannot be served", i + 1)));
  return {};
}

}  // namespace tandem::lb::tls
