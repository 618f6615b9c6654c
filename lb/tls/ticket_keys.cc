#include "lb/tls/ticket_keys.h"

#include "common/check.h"
#include "common/text.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tandem::lb::tls {
namespace {

constexpr std::size_t kShortBytes = 48;
constexpr std::size_t kLongBytes = 80;

using Cipher = std::unique_ptr<EVP_CIPHER, FreeBy<EVP_CIPHER_free>>;

/// Fetched once: by name it would be looked for at every ticket.
const EVP_CIPHER* cipher_of(const TicketKey& key) {
  static const Cipher aes128(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr));
  static const Cipher aes256(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  return key.secret_bytes == 16 ? aes128.get() : aes256.get();
}

void fill(std::span<unsigned char> bytes) {
  TANDEM_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
}

TicketKey random_key() {
  TicketKey key;
  fill(key.name);
  fill(key.encryption);
  fill(key.authentication);
  return key;
}

/// The bytes of one line; nullopt: it is not base64.
std::optional<std::string> decoded(std::string_view line) {
  if (line.empty() || line.size() % 4 != 0) return std::nullopt;
  std::string bytes(line.size() / 4 * 3, '\0');
  const int count = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                    reinterpret_cast<const unsigned char*>(line.data()),
                                    static_cast<int>(line.size()));
  ERR_clear_error();
  if (count < 0) return std::nullopt;
  // What fills up the last four letters is decoded to zeros.
  const std::size_t padding = line.size() - 1 - line.find_last_not_of('=');
  if (padding > 2) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(count) - padding);
  return bytes;
}

TicketKey key_of(std::string_view bytes) {
  TicketKey key;
  key.secret_bytes = bytes.size() == kShortBytes ? 16 : 32;
  const auto take = [&bytes](std::span<unsigned char> into) {
    std::copy_n(bytes.begin(), into.size(), into.begin());
    bytes.remove_prefix(into.size());
  };
  take(key.name);
  take(std::span(key.encryption).first(key.secret_bytes));
  take(std::span(key.authentication).first(key.secret_bytes));
  return key;
}

bool set_up(EVP_MAC_CTX* mac, TicketKey& key) {
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.authentication.data(),
                                        key.secret_bytes),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(encryption.data(), encryption.size());
  OPENSSL_cleanse(authentication.data(), authentication.size());
}

TicketKeys::TicketKeys(std::vector<TicketKey> keys) : is_fixed_(true), keys_(std::move(keys)) {
  TANDEM_CHECK(!keys_.empty());
  if (keys_.size() > kTicketKeysUsed)
    keys_.erase(keys_.begin(), keys_.end() - static_cast<std::ptrdiff_t>(kTicketKeysUsed));
  sealing_ = keys_.size() == 1 ? 0 : keys_.size() - 2;
}

Result<std::vector<TicketKey>> TicketKeys::parse(std::string_view lines) {
  std::vector<TicketKey> keys;
  int number = 0;
  for (std::string_view line : split(lines, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(line);
    if (line.empty()) continue;
    auto bytes = decoded(line);
    if (!bytes) return fail(fmt::format("line {} is not base64", number));
    const bool is_good = bytes->size() == kShortBytes || bytes->size() == kLongBytes;
    if (is_good) keys.push_back(key_of(*bytes));
    const std::size_t size = bytes->size();
    OPENSSL_cleanse(bytes->data(), size);
    if (!is_good)
      return fail(
          fmt::format("line {} holds {} bytes, a key has {} or {} (openssl rand {} | "
                      "openssl base64 -A)",
                      number, size, kShortBytes, kLongBytes, kLongBytes));
  }
  if (keys.empty()) return fail("holds no key: a line of base64 for each is expected");
  return keys;
}

void TicketKeys::rotate(Instant now) {
  if (is_fixed_ || (!keys_.empty() && now < until_)) return;
  // Nobody came for more than a period: what sealed last has had its time of opening, too.
  const bool is_late = keys_.empty() || now >= until_ + kTicketKeyPeriod;
  if (is_late)
    keys_.clear();
  else
    keys_.erase(keys_.begin(), keys_.end() - 1);
  keys_.push_back(random_key());
  sealing_ = keys_.size() - 1;
  until_ = (is_late ? now : until_) + kTicketKeyPeriod;
}

TicketKey TicketKeys::sealing(Instant now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  return keys_[sealing_];
}

std::optional<TicketKeys::Found> TicketKeys::find(
    std::span<const unsigned char, kTicketNameBytes> name, Instant now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  for (std::size_t i = 0; i < keys_.size(); ++i)
    if (std::ranges::equal(keys_[i].name, name)) return Found{keys_[i], i == sealing_};
  return std::nullopt;
}

int use_ticket_key(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac, bool is_new) {
  const Instant now = Clock::now();
  if (is_new) {
    TicketKey key = keys.sealing(now);
    const EVP_CIPHER* kind = cipher_of(key);
    std::ranges::copy(key.name, name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(kind)) != 1) return -1;
    const bool is_ready =
        EVP_EncryptInit_ex2(cipher, kind, key.encryption.data(), iv, nullptr) == 1 &&
        set_up(mac, key);
    return is_ready ? 1 : -1;
  }
  auto found =
      keys.find(std::span<const unsigned char, kTicketNameBytes>(name, kTicketNameBytes), now);
  if (!found) return 0;
  const bool is_ready = EVP_DecryptInit_ex2(cipher, cipher_of(found->key),
                                            found->key.encryption.data(), iv, nullptr) == 1 &&
                        set_up(mac, found->key);
  if (!is_ready) return -1;
  return found->is_current ? 1 : 2;
}

}  // namespace tandem::lb::tls
