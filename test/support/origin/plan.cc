#include "test/support/origin/plan.h"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

namespace tandem::testing {
namespace {

constexpr std::size_t kLargestBody = std::size_t{256} << 20;
constexpr std::size_t kDefaultChunk = 16384;

template <class Number>
std::optional<Number> number(std::string_view text, Number largest, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || value > largest) return {};
  return value;
}

std::optional<char> hex_pair(std::string_view text) {
  const auto value = number<unsigned>(text.substr(0, 2), 255, 16);
  if (!value || text.size() < 2) return {};
  return static_cast<char>(*value);
}

std::optional<std::string> unhex(std::string_view text) {
  std::string bytes;
  for (; !text.empty(); text.remove_prefix(2)) {
    const auto byte = hex_pair(text);
    if (!byte) return {};
    bytes += *byte;
  }
  return bytes;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? hex_pair(text.substr(i + 1)) : std::nullopt;
    decoded += byte.value_or(text[i]);
    if (byte) i += 2;
  }
  return decoded;
}

std::string patterned(std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::size_t kBlock = 16;
  std::string body(size, '0');
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t column = i % kBlock;
    const std::size_t shift = column == kBlock - 1 ? 0 : 4 * (kBlock - 2 - column);
    body[i] = column == kBlock - 1 ? '\n' : kDigits[((i - column) >> shift) & 15];
  }
  return body;
}

bool read_header(std::string_view text, Plan& plan) {
  const std::string decoded = percent_decoded(text);
  const auto colon = decoded.find(':');
  if (colon == std::string::npos) return false;
  plan.headers.emplace_back(decoded.substr(0, colon), decoded.substr(colon + 1));
  return true;
}

template <class Number, class Target>
bool assign(std::string_view text, Number largest, Target& target) {
  const auto value = number<Number>(text, largest);
  if (value) target = Target(*value);
  return value.has_value();
}

bool read_flag(std::string_view key, Plan& plan) {
  const std::array<std::pair<std::string_view, bool*>, 5> flags{{{"until-close", &plan.until_close},
                                                                 {"trailers", &plan.trailers},
                                                                 {"hints", &plan.hints},
                                                                 {"early", &plan.early},
                                                                 {"close", &plan.close}}};
  for (const auto& [name, flag] : flags) {
    if (key != name) continue;
    *flag = true;
    return true;
  }
  return false;
}

bool read_option(std::string_view option, Plan& plan) {
  constexpr unsigned kLongestWait = 3'600'000;  // ms
  const auto equals = option.find('=');
  const std::string_view key = option.substr(0, equals);
  if (equals == std::string_view::npos) {
    if (key == "chunked") plan.chunk_size = kDefaultChunk;
    if (key == "reset") plan.break_after = 0;
    plan.break_with_reset = plan.break_with_reset || key == "reset";
    return key == "chunked" || key == "reset" || read_flag(key, plan);
  }
  const std::string_view value = option.substr(equals + 1);
  if (key == "status") return assign<int>(value, 999, plan.status);
  if (key == "chunked") return assign<std::size_t>(value, kLargestBody, plan.chunk_size);
  if (key == "delay") return assign<unsigned>(value, kLongestWait, plan.delay);
  if (key == "drip") return assign<unsigned>(value, kLongestWait, plan.drip);
  if (key == "piece") return assign<std::size_t>(value, kLargestBody, plan.piece) && plan.piece > 0;
  if (key == "h") return read_header(value, plan);
  plan.break_with_reset = key == "reset";
  return (key == "cut" || key == "reset") &&
         assign<std::size_t>(value, kLargestBody, plan.break_after);
}

bool read_raw_file(std::string_view name, const std::string& folder, std::string& body) {
  if (name.find('/') != std::string_view::npos) return false;
  std::ifstream file(folder + "/" + std::string(name), std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  body = std::move(bytes).str();
  return file.is_open();
}

bool read_simple_path(std::string_view path, Plan& plan) {
  constexpr std::array<std::pair<std::string_view, Plan::Action>, 5> kPaths{
      {{"/echo", Plan::Action::kEcho},
       {"/freeze", Plan::Action::kFreeze},
       {"/upgrade", Plan::Action::kUpgrade},
       {"/-/stats", Plan::Action::kStats},
       {"/-/set", Plan::Action::kSet}}};
  for (const auto& [name, action] : kPaths) {
    if (path != name) continue;
    plan.action = action;
    return true;
  }
  if (path != "/garbage") return false;
  plan.verbatim = plan.close = true;
  plan.body = "\x16\x03\x01 this is not HTTP\r\n\r\n";
  return true;
}

bool read_path(std::string_view path, const std::string& raw_folder, Plan& plan) {
  const auto after = [path](std::string_view prefix) -> std::optional<std::string_view> {
    if (!path.starts_with(prefix)) return {};
    return path.substr(prefix.size());
  };
  if (const auto text = after("/bytes/")) {
    const auto size = number<std::size_t>(*text, kLargestBody);
    if (size) plan.body = patterned(*size);
    return size.has_value();
  }
  if (const auto text = after("/status/")) {
    plan.body = std::string(*text) + "\n";
    return assign<int>(*text, 999, plan.status);
  }
  plan.verbatim = true;
  if (const auto text = after("/hex/")) {
    const auto bytes = unhex(*text);
    plan.body = bytes.value_or("");
    return bytes.has_value();
  }
  if (const auto text = after("/raw/")) return read_raw_file(*text, raw_folder, plan.body);
  plan.verbatim = false;
  return read_simple_path(path, plan);
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

void append_chunks(std::string& wire, std::string_view body, const Plan& plan) {
  std::array<char, 20> size{};
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, plan.chunk_size);
    const char* end = std::to_chars(size.begin(), size.end(), chunk.size(), 16).ptr;
    const std::string_view digits(size.data(), end);
    wire.append(digits).append("\r\n").append(chunk).append("\r\n");
    body.remove_prefix(chunk.size());
  }
  wire += plan.trailers ? "0\r\nX-Trailer: last\r\n\r\n" : "0\r\n\r\n";
}

}  // namespace

std::optional<Plan> read_plan(std::string_view target, const std::string& raw_folder) {
  Plan plan;
  const auto question = target.find('?');
  if (!read_path(target.substr(0, question), raw_folder, plan)) return {};
  std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!query.empty()) {
    const auto end = query.find('&');
    if (!read_option(query.substr(0, end), plan)) return {};
    query = end == std::string_view::npos ? "" : query.substr(end + 1);
  }
  return plan;
}

Wire encode(const Plan& plan, std::string_view body, std::string_view name) {
  Wire wire;
  if (plan.verbatim) return {std::string(body), 0};
  if (plan.hints)
    wire.bytes += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
  wire.bytes += "HTTP/1.1 " + std::to_string(plan.status) + " Scripted\r\n";
  wire.bytes.append("X-Origin: ").append(name).append("\r\n");
  wire.bytes += "Content-Type: text/plain\r\n";
  for (const auto& [key, value] : plan.headers) wire.bytes += key + ":" + value + "\r\n";
  const bool chunked = plan.chunk_size > 0;
  if (!has_body(plan.status)) {
    body = "";
  } else if (chunked) {
    wire.bytes += "Transfer-Encoding: chunked\r\n";
  } else if (!plan.until_close) {
    wire.bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  if (plan.trailers) wire.bytes += "Trailer: X-Trailer\r\n";
  wire.bytes += plan.close || plan.early || plan.until_close ? "Connection: close\r\n\r\n" : "\r\n";
  wire.body_at = wire.bytes.size();
  if (chunked && has_body(plan.status)) {
    append_chunks(wire.bytes, body, plan);
  } else {
    wire.bytes += body;
  }
  return wire;
}

}  // namespace tandem::testing
