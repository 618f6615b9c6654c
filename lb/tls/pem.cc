#include "lb/tls/pem.h"

#include "common/check.h"

#include <fmt/format.h>
#include <openssl/pem.h>

#include <limits>
#include <utility>

namespace tandem::lb::tls {
namespace {

constexpr std::string_view kKeyLabelEnd = "PRIVATE KEY-----";

/// `pem` outlives it.
BioPointer reader(std::string_view pem) {
  TANDEM_CHECK(pem.size() <= std::numeric_limits<int>::max());
  BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  TANDEM_CHECK(bio != nullptr);
  return bio;
}

/// In place of a question on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

/// The blocks whose label ("CERTIFICATE", "X509 CERTIFICATE") ends with `label`; the last one may
/// lack its end. Others are not looked into: what is damaged there is told by whoever needs it.
std::vector<std::string_view> blocks_of(std::string_view pem, std::string_view label) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "-----END ";
  std::vector<std::string_view> blocks;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos;) {
    const std::string_view block = pem.substr(at);
    const std::string_view line = block.substr(0, block.find('\n'));
    const std::string_view name = line.substr(0, line.rfind("-----"));
    std::size_t next = block.find(kBegin, kBegin.size());
    const std::size_t end = block.find(kEnd);
    if (end != std::string_view::npos && end < next) next = block.find('\n', end);
    if (name.ends_with(label)) blocks.push_back(block.substr(0, next));
    at = next == std::string_view::npos ? next : pem.find(kBegin, at + next);
  }
  return blocks;
}

template <class Pointer, class Read>
Result<std::vector<Pointer>> all_in(std::string_view pem, std::string_view label,
                                    std::string_view what, Read read) {
  std::vector<Pointer> all;
  for (const std::string_view block : blocks_of(pem, label)) {
    ERR_clear_error();
    Pointer one(read(reader(block).get(), nullptr, no_passphrase, nullptr));
    const std::string error = error_text();
    if (one == nullptr)
      return fail(fmt::format("{} {} cannot be read: {}", what, all.size() + 1, error));
    all.push_back(std::move(one));
  }
  return all;
}

/// From the line that begins the first private key; empty: there is none. The decoder is not left
/// to find it: it would try its luck with what stands before, EC parameters among it.
std::string_view from_key(std::string_view pem) {
  const std::size_t label = pem.find(kKeyLabelEnd);
  if (label == std::string_view::npos) return {};
  const std::size_t begin = pem.rfind("-----BEGIN ", label);
  return begin == std::string_view::npos ? std::string_view() : pem.substr(begin);
}

}  // namespace

Result<std::vector<CertificatePointer>> certificates_in(std::string_view pem) {
  return all_in<CertificatePointer>(pem, "CERTIFICATE", "certificate", PEM_read_bio_X509);
}

Result<std::vector<RevocationsPointer>> revocations_in(std::string_view pem) {
  return all_in<RevocationsPointer>(pem, "X509 CRL", "revocation list", PEM_read_bio_X509_CRL);
}

bool has_key(std::string_view pem) { return !from_key(pem).empty(); }

Result<KeyPointer> key_in(std::string_view pem) {
  const std::string_view text = from_key(pem);
  if (text.empty()) return fail("holds no private key (PEM)");
  const BioPointer bio = reader(text);
  ERR_clear_error();
  KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  const std::string error = error_text();
  if (key != nullptr) return key;
  // In the first line ("ENCRYPTED PRIVATE KEY") or the second ("Proc-Type: 4,ENCRYPTED"). The
  // decoder asks for a passphrase for what is merely damaged, too.
  if (text.substr(0, text.find("-----END ")).find("ENCRYPTED") != std::string_view::npos)
    return fail(
        "the private key has a passphrase, which nobody could type at every start: store "
        "it without (openssl pkey)");
  return fail(fmt::format("the private key cannot be read: {}", error));
}

}  // namespace tandem::lb::tls
