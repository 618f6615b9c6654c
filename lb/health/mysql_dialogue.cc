// The "mysql" check, HAProxy's mysql-check: the server's handshake and, with a user, a login
// without password. MariaDB speaks the same.
//
//   packet    = length (3 bytes, little endian) number payload
//   handshake = %d10 version NUL thread (4) salt (8) %d0 capabilities (2) …
//   error     = %xFF code (2) [ "#" state (5) ] text
#include "lb/health/dialogue.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::health {
namespace {

constexpr std::size_t kHeaderBytes = 4;
/// Longest payload of the packets that are read here.
constexpr std::size_t kPayloadBytesMax = 4096;
constexpr std::size_t kVersionBytesMax = 64;
/// What a handshake holds after its version at the least: up to the lower capabilities.
constexpr std::size_t kAfterVersionBytes = 15;
/// An OK packet: its mark, two numbers, status and warnings.
constexpr std::size_t kOkBytesMin = 7;

constexpr std::uint32_t kLongPassword = 0x1;
constexpr std::uint32_t kProtocol41 = 0x200;
constexpr std::uint32_t kSecureConnection = 0x8000;
constexpr std::uint32_t kPluginAuth = 0x80000;
constexpr std::uint32_t kPacketBytesMax = 0x1000000;
constexpr char kUtf8 = 33;

constexpr char kProtocolVersion = 10;
constexpr char kError = '\xff';
constexpr char kOk = '\0';
constexpr char kAuthSwitch = '\xfe';
constexpr char kAuthMoreData = '\x01';
constexpr char kQuit = '\x01';

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::string little_endian(std::uint32_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>((number >> (8 * i)) & 0xffU);
  return text;
}

std::string packet(std::uint32_t number, std::string_view payload) {
  return little_endian(static_cast<std::uint32_t>(payload.size()), 3) + little_endian(number, 1) +
         std::string(payload);
}

/// An answer to the handshake that logs `user` in with an empty password.
std::string login(const std::string& user) {
  std::string payload =
      little_endian(kLongPassword | kProtocol41 | kSecureConnection | kPluginAuth, 4) +
      little_endian(kPacketBytesMax, 4) + kUtf8 + std::string(23, '\0');
  payload += user + '\0' + '\0';  // the second one: an empty answer to the salt
  payload += "mysql_native_password";
  payload += '\0';
  return payload;
}

class MysqlDialogue final : public Dialogue {
 public:
  explicit MysqlDialogue(const config::Check& check) : check_(check) {}

 private:
  enum class Phase { kHandshake, kLogin };

  void open() override {}  // the server speaks first

  bool read_message() override {
    if (input().size() < kHeaderBytes) return false;
    const std::size_t length =
        byte_at(input(), 0) | byte_at(input(), 1) << 8U | byte_at(input(), 2) << 16U;
    const std::uint32_t number = byte_at(input(), 3);
    if (length == 0 || length > kPayloadBytesMax) return refuse("the answer is not MySQL");
    if (input().size() < kHeaderBytes + length) return false;
    const std::string payload(input().substr(kHeaderBytes, length));
    consume(kHeaderBytes + length);
    if (payload[0] == kError) return take_error(payload);
    return phase_ == Phase::kHandshake ? take_handshake(payload, number)
                                       : take_answer(payload, number);
  }

  bool take_error(std::string_view payload) {
    if (payload.size() < 3) return refuse("the error is cut short");
    const auto code = static_cast<int>(byte_at(payload, 1) | byte_at(payload, 2) << 8U);
    payload.remove_prefix(3);
    if (payload.starts_with('#')) payload.remove_prefix(std::min<std::size_t>(payload.size(), 6));
    return conclude(Status::kL7Sts, code, std::string(payload));
  }

  bool take_handshake(std::string_view payload, std::uint32_t number) {
    const std::size_t end = payload.find('\0', 1);
    if (number != 0 || payload[0] != kProtocolVersion || end == std::string_view::npos ||
        end == 1 || end > kVersionBytesMax || payload.size() - end - 1 < kAfterVersionBytes)
      return refuse("the handshake is not MySQL");
    version_ = payload.substr(1, end - 1);
    if (check_.user.empty()) return pass();
    const std::size_t capabilities = end + 1 + 13;
    const std::uint32_t lower = byte_at(payload, capabilities) | byte_at(payload, capabilities + 1)
                                                                     << 8U;
    if ((lower & kProtocol41) == 0) return refuse("the server is older than MySQL 4.1");
    phase_ = Phase::kLogin;
    say(packet(1, login(check_.user)));
    return true;
  }

  bool take_answer(std::string_view payload, std::uint32_t number) {
    const char mark = payload[0];
    const bool logged_in = mark == kOk && payload.size() >= kOkBytesMin;
    if (number != 2 || (!logged_in && mark != kAuthSwitch && mark != kAuthMoreData))
      return refuse("the answer to the login is not MySQL");
    // A server that wants another way of logging in is alive. It is given an empty answer all the
    // same: handshakes that break off count against our host (max_connect_errors).
    if (!logged_in) say(packet(number + 1, ""));
    say(packet(0, std::string(1, kQuit)));
    return pass();
  }

  bool pass() {
    return conclude(Status::kL7Okd, 0, fmt::format("MySQL server is ok: {}", version_));
  }

  [[nodiscard]] std::string awaited() const override {
    return phase_ == Phase::kHandshake ? "the handshake" : "the answer to the login";
  }

  const config::Check& check_;
  Phase phase_ = Phase::kHandshake;
  std::string version_;
};

}  // namespace

std::unique_ptr<Dialogue> make_mysql_dialogue(const config::Check& check) {
  return std::make_unique<MysqlDialogue>(check);
}

}  // namespace tandem::lb::health
