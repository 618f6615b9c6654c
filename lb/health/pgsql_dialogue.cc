// The "pgsql" check, in the frontend/backend protocol 3.0 of PostgreSQL. Without password and role
// it is HAProxy's pgsql-check: a server that answers the startup packet with a request for
// authentication is alive. With one of them the check logs in, and with a role it asks for it.
//
//   startup → R (authentication) [ → p (password), R ] , S K N … , Z (ready)
//   with SCRAM: R 10 (its names) → p (name, first), R 11 (server's first) → p (final), R 12, R 0
//   Q (query) → T (row description) D (row) C (complete) Z
#include "lb/health/dialogue.h"
#include "lb/tls/digest.h"
#include "lb/tls/scram.h"

#include <fmt/format.h>

#include <algorithm>

namespace tandem::lb::health {
namespace {

/// Type and length, which counts itself.
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kLengthBytes = 4;
/// Longest body of a message that a check has a use for.
constexpr std::size_t kBodyBytesMax = std::size_t{16} * 1024;
constexpr std::uint32_t kProtocol3 = 3U << 16U;
constexpr std::size_t kSaltBytes = 4;
constexpr std::string_view kMechanism = "SCRAM-SHA-256";

/// Requests for authentication (AuthenticationOk and those that follow it in the documentation).
enum Authentication : std::uint32_t {
  kLoggedIn = 0,
  kCleartext = 3,
  kMd5 = 5,
  kSasl = 10,
  kSaslContinue = 11,
  kSaslFinal = 12,
};

std::string big_endian(std::uint32_t number) {
  std::string text;
  for (unsigned shift = 32; shift > 0;) text += static_cast<char>((number >> (shift -= 8)) & 0xffU);
  return text;
}

/// Of four bytes at `at`, or of two.
std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size = 4) {
  std::uint32_t number = 0;
  for (const char c : bytes.substr(at, size)) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

std::string with_length(std::string_view body) {
  return big_endian(static_cast<std::uint32_t>(body.size() + kLengthBytes)) + std::string(body);
}

std::string message(char type, std::string_view text) {
  return type + with_length(std::string(text) + '\0');
}

std::string startup(const config::Check& check) {
  std::string body = big_endian(kProtocol3);
  const auto add = [&body](std::string_view name, std::string_view value) {
    body.append(name).append(1, '\0').append(value).append(1, '\0');
  };
  add("user", check.user);
  if (!check.database.empty()) add("database", check.database);
  add("application_name", "tandem-check");
  return with_length(body + '\0');
}

/// The same of bytes that end where they end.
std::string message_of_bytes(char type, std::string_view bytes) {
  return type + with_length(bytes);
}

/// Whether `name` stands in a list of texts, each ended by NUL.
bool has_name(std::string_view list, std::string_view name) {
  for (std::size_t end = list.find('\0'); end != std::string_view::npos; end = list.find('\0')) {
    if (list.substr(0, end) == name) return true;
    list.remove_prefix(end + 1);
  }
  return false;
}

/// "FATAL: the database system is starting up": fields of one letter each, NUL after each.
std::string error_words(std::string_view body) {
  std::string severity = "ERROR";
  std::string text = "no reason given";
  while (!body.empty() && body[0] != '\0') {
    const std::size_t end = std::min(body.find('\0'), body.size());
    if (body[0] == 'S') severity = body.substr(1, end - 1);
    if (body[0] == 'M') text = body.substr(1, end - 1);
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return severity + ": " + text;
}

class PgsqlDialogue final : public Dialogue {
 public:
  PgsqlDialogue(const config::Check& check, std::string nonce)
      : check_(check), scram_(check.password, std::move(nonce)) {}

 private:
  using Role = config::Check::Role;
  enum class Phase {
    kStart,     // of the connection: no authentication yet
    kScram,     // it has begun
    kProof,     // ours is sent
    kPassword,  // it is sent, or was believed
    kLogin,     // authenticated; parameters follow
    kQuery,     // the role is asked for
  };

  void open() override { say(startup(check_)); }

  bool read_message() override {
    if (input().empty()) return false;
    const char type = input()[0];
    if (!is_known(type)) return refuse("the answer is not PostgreSQL");
    if (input().size() < kHeaderBytes) return false;
    const std::size_t length = number_at(input(), 1);
    if (length < kLengthBytes || length - kLengthBytes > kBodyBytesMax)
      return refuse("the answer is not PostgreSQL");
    if (input().size() < 1 + length) return false;
    const std::string body(input().substr(kHeaderBytes, length - kLengthBytes));
    consume(1 + length);
    return take(type, body);
  }

  /// Error, notice, negotiation, authentication; once logged in what belongs there.
  [[nodiscard]] bool is_known(char type) const noexcept {
    const std::string_view known = phase_ < Phase::kLogin    ? "ENvR"
                                   : phase_ == Phase::kLogin ? "ENSKZ"
                                                             : "ENSTDCZ";
    return known.find(type) != std::string_view::npos;
  }

  bool take(char type, std::string_view body) {
    switch (type) {
      case 'E':
        return refuse(error_words(body));
      case 'R':
        return take_authentication(body);
      case 'D':
        return take_row(body);
      case 'Z':
        return take_ready();
      default:
        return true;
    }
  }

  bool take_authentication(std::string_view body) {
    if (body.size() < 4) return refuse("the request for authentication is cut short");
    const std::uint32_t kind = number_at(body, 0);
    if (phase_ == Phase::kScram || phase_ == Phase::kProof) return take_scram(kind, body.substr(4));
    if (kind == kLoggedIn) {
      phase_ = Phase::kLogin;
      return logs_in() ? true : pass("");
    }
    if (!logs_in()) return pass("");
    if (phase_ == Phase::kPassword) return refuse("authentication goes on without an end");
    if (kind == kSasl) return begin_scram(body.substr(4));
    if (kind != kCleartext && kind != kMd5)
      return refuse(fmt::format("authentication {} is not supported", kind));
    if (check_.password.empty()) return refuse("the server wants a password");
    if (kind == kMd5 && body.size() != 4 + kSaltBytes)
      return refuse("the request for authentication is cut short");
    phase_ = Phase::kPassword;
    say(message('p', kind == kMd5 ? md5_answer(body.substr(4)) : check_.password));
    return true;
  }

  bool begin_scram(std::string_view names) {
    if (!has_name(names, kMechanism)) return refuse("the server knows no way to log in that we do");
    if (check_.password.empty()) return refuse("the server wants a password");
    const std::string first = scram_.first();
    say(message_of_bytes('p', std::string(kMechanism) + '\0' +
                                  big_endian(static_cast<std::uint32_t>(first.size())) + first));
    phase_ = Phase::kScram;
    return true;
  }

  /// Who lets us in without a proof of his own is not the server that knows the password.
  bool take_scram(std::uint32_t kind, std::string_view body) {
    if (phase_ == Phase::kScram) {
      if (kind != kSaslContinue) return refuse("the server breaks off SCRAM");
      const auto answer = scram_.answer(body);
      if (!answer) return refuse(answer.error().message);
      say(message_of_bytes('p', *answer));
      phase_ = Phase::kProof;
      return true;
    }
    if (kind != kSaslFinal) return refuse("the server breaks off SCRAM");
    if (!scram_.is_proof(body)) return refuse("the server does not know the password");
    phase_ = Phase::kPassword;
    return true;
  }

  [[nodiscard]] std::string md5_answer(std::string_view salt) const {
    return "md5" + tls::md5_hex(tls::md5_hex(check_.password + check_.user) + std::string(salt));
  }

  bool take_ready() {
    if (phase_ == Phase::kQuery)
      return is_replica_ ? judge() : refuse("the query was not answered");
    if (check_.role == Role::kAny) return pass("");
    phase_ = Phase::kQuery;
    say(message('Q', "SELECT pg_catalog.pg_is_in_recovery()"));
    return true;
  }

  /// One column of one letter: "t" or "f".
  bool take_row(std::string_view body) {
    const bool fits = body.size() == 7 && number_at(body, 0, 2) == 1 && number_at(body, 2) == 1 &&
                      (body[6] == 't' || body[6] == 'f');
    if (!fits || is_replica_) return refuse("the query was answered with something else");
    is_replica_ = body[6] == 't';
    return true;
  }

  bool judge() {
    const std::string_view role = *is_replica_ ? "replica" : "primary";
    if (*is_replica_ == (check_.role == Role::kReplica)) return pass(role);
    leave();
    return conclude(Status::kL7Sts, 0, fmt::format("role is {}", role));
  }

  bool pass(std::string_view role) {
    leave();
    return conclude(Status::kL7Okd, 0,
                    fmt::format("PostgreSQL server is ok{}{}", role.empty() ? "" : ": ", role));
  }

  /// A session is ended by saying so; what only closes is logged. Nobody is there to hear it
  /// before.
  void leave() {
    if (phase_ == Phase::kLogin || phase_ == Phase::kQuery) say('X' + with_length(""));
  }

  [[nodiscard]] bool logs_in() const noexcept {
    return !check_.password.empty() || check_.role != Role::kAny;
  }

  [[nodiscard]] std::string awaited() const override {
    switch (phase_) {
      case Phase::kStart:
        return "the answer to the startup packet";
      case Phase::kScram:
      case Phase::kProof:
      case Phase::kPassword:
        return "the answer to the password";
      case Phase::kLogin:
        return "the end of the login";
      case Phase::kQuery:
        return "the answer to the query";
    }
    return {};
  }

  const config::Check& check_;
  tls::ScramClient scram_;
  Phase phase_ = Phase::kStart;
  std::optional<bool> is_replica_;
};

}  // namespace

std::unique_ptr<Dialogue> make_pgsql_dialogue(const config::Check& check, std::string nonce) {
  return std::make_unique<PgsqlDialogue>(check, std::move(nonce));
}

}  // namespace tandem::lb::health
