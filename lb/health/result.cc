#include "lb/health/result.h"

#include <array>

namespace tandem::lb::health {
namespace {

struct Words {
  Status status;
  std::string_view code;
  std::string_view words;
  bool passed;
};

// HAProxy's check_statuses[].
constexpr std::array<Words, 19> kWords = {{
    {Status::kUnknown, "UNK", "Unknown", false},
    {Status::kInitializing, "INI", "Initializing", false},
    {Status::kChecked, "CHECKED", "No status change", false},
    {Status::kHana, "HANA", "Health analyze", false},
    {Status::kSockErr, "SOCKERR", "Socket error", false},
    {Status::kL4Ok, "L4OK", "Layer4 check passed", true},
    {Status::kL4Tout, "L4TOUT", "Layer4 timeout", false},
    {Status::kL4Con, "L4CON", "Layer4 connection problem", false},
    {Status::kL6Ok, "L6OK", "Layer6 check passed", true},
    {Status::kL6Tout, "L6TOUT", "Layer6 timeout", false},
    {Status::kL6Rsp, "L6RSP", "Layer6 invalid response", false},
    {Status::kL7Tout, "L7TOUT", "Layer7 timeout", false},
    {Status::kL7Rsp, "L7RSP", "Layer7 invalid response", false},
    {Status::kL7Okd, "L7OK", "Layer7 check passed", true},
    {Status::kL7Okcd, "L7OKC", "Layer7 check conditionally passed", true},
    {Status::kL7Sts, "L7STS", "Layer7 wrong status", false},
    {Status::kProcErr, "PROCERR", "External check error", false},
    {Status::kProcTout, "PROCTOUT", "External check timeout", false},
    {Status::kProcOk, "PROCOK", "External check passed", true},
}};

constexpr bool rows_stand_at_their_index() {
  for (std::size_t i = 0; i < kWords.size(); ++i)
    if (static_cast<std::size_t>(kWords[i].status) != i) return false;
  return true;
}
static_assert(rows_stand_at_their_index());

const Words& row(Status status) noexcept { return kWords[static_cast<std::size_t>(status)]; }

bool is_plain(char c) noexcept {
  return c > ' ' && c < 0x7f && c != ',' && c != '"' && c != '\'' && c != '\\' && c != '<' &&
         c != '>' && c != '&';
}

}  // namespace

std::string_view status_code(Status status) noexcept { return row(status).code; }
std::string_view status_words(Status status) noexcept { return row(status).words; }
bool is_passed(Status status) noexcept { return row(status).passed; }
bool has_code(Status status) noexcept { return status >= Status::kL7Okd; }

std::string clean_description(std::string_view text) {
  std::string clean(text.substr(0, Result::kDescriptionMax));
  for (char& c : clean)
    if (!is_plain(c)) c = ' ';
  clean.erase(clean.find_last_not_of(' ') + 1);
  return clean;
}

}  // namespace tandem::lb::health
