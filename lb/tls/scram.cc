#include "lb/tls/scram.h"

#include "common/check.h"
#include "common/text.h"
#include "lb/tls/openssl.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace tandem::lb::tls {
namespace {

using tandem::fail;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

/// A salt is a few bytes; this many come in no good server's.
constexpr std::size_t kSaltTextBytesMax = 1024;
constexpr std::size_t kNonceBytes = 18;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
std::string_view view_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest hmac(const Digest& key, std::string_view text) {
  Digest digest;
  unsigned size = 0;
  TANDEM_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text),
                    text.size(), digest.data(), &size) != nullptr);
  return digest;
}

Digest hash(const Digest& of) {
  Digest digest;
  SHA256(of.data(), of.size(), digest.data());
  return digest;
}

std::string encode(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// nullopt: it is not what encode() makes of anything.
std::optional<std::string> decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > kSaltTextBytesMax) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  if (encode(bytes) != text) return std::nullopt;
  return bytes;
}

/// Takes "r=…" off `text`, and the comma behind it; nullopt: it does not begin so.
std::optional<std::string_view> take(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  const std::string_view value = text.substr(0, text.find(','));
  text.remove_prefix(std::min(value.size() + 1, text.size()));
  return value;
}

}  // namespace

ScramClient::ScramClient(std::string password, std::string nonce)
    : password_(std::move(password)), nonce_(std::move(nonce)) {}

std::string ScramClient::first() const { return "n,,n=,r=" + nonce_; }

Result<std::string> ScramClient::answer(std::string_view server_first) {
  std::string_view rest = server_first;
  const auto nonce = take(rest, "r=");
  const auto salt_text = nonce ? take(rest, "s=") : std::nullopt;
  const auto rounds_text = salt_text ? take(rest, "i=") : std::nullopt;
  // What follows are extensions that may be passed over.
  if (!rounds_text) return fail("the server's part of SCRAM is not understood");
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size())
    return fail("the server's part of SCRAM is not for this login");
  const auto salt = decode(*salt_text);
  const auto rounds = parse_decimal(*rounds_text);
  if (!salt || !rounds || *rounds == 0) return fail("the server's part of SCRAM is not understood");
  if (*rounds > kRoundsMax)
    return fail(fmt::format("{} rounds of SCRAM are more than {}", *rounds, kRoundsMax));
  Digest salted;
  if (PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()), bytes_of(*salt),
                        static_cast<int>(salt->size()), static_cast<int>(*rounds), EVP_sha256(),
                        static_cast<int>(salted.size()), salted.data()) != 1) {
    ERR_clear_error();
    return fail("OpenSSL does not give a key for SCRAM");
  }
  std::string answer = fmt::format("c=biws,r={}", *nonce);
  const std::string all = fmt::format("n=,r={},{},{}", nonce_, server_first, answer);
  const Digest client_key = hmac(salted, "Client Key");
  Digest proof = hmac(hash(client_key), all);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= client_key[i];
  signature_ = encode(view_of(hmac(hmac(salted, "Server Key"), all)));
  OPENSSL_cleanse(salted.data(), salted.size());
  return answer + ",p=" + encode(view_of(proof));
}

bool ScramClient::is_proof(std::string_view server_final) const {
  const auto shown = take(server_final, "v=");
  return shown && !signature_.empty() && shown->size() == signature_.size() &&
         CRYPTO_memcmp(shown->data(), signature_.data(), signature_.size()) == 0;
}

std::string ScramClient::make_nonce() {
  std::array<unsigned char, kNonceBytes> random;
  TANDEM_CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
  return encode({reinterpret_cast<const char*>(random.data()), random.size()});
}

}  // namespace tandem::lb::tls
