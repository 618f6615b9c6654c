#include "http/local_response.h"

#include "http/writer.h"

#include <algorithm>
#include <array>

namespace tandem::http {
namespace {

struct Answer {
  int status;
  std::string_view phrase;
  std::string_view page;  // empty: a status without an error page of its own
};

constexpr std::string_view kFallbackPage =
    "<html><body><h1>500 Internal Server Error</h1>\n"
    "An internal server error occurred.\n</body></html>\n";

/// HAProxy's words to the letter, since people and scripts look for them.
constexpr std::array kAnswers = std::to_array<Answer>({
    {100, "Continue", ""},
    {103, "Early Hints", ""},
    {200, "OK", ""},
    {201, "Created", ""},
    {202, "Accepted", ""},
    {204, "No Content", ""},
    {206, "Partial Content", ""},
    {301, "Moved Permanently", ""},
    {302, "Found", ""},
    {303, "See Other", ""},
    {304, "Not Modified", ""},
    {307, "Temporary Redirect", ""},
    {308, "Permanent Redirect", ""},
    {400, "Bad request",
     "<html><body><h1>400 Bad request</h1>\n"
     "Your browser sent an invalid request.\n</body></html>\n"},
    {401, "Unauthorized",
     "<html><body><h1>401 Unauthorized</h1>\n"
     "You need a valid user and password to access this content.\n</body></html>\n"},
    {403, "Forbidden",
     "<html><body><h1>403 Forbidden</h1>\n"
     "Request forbidden by administrative rules.\n</body></html>\n"},
    {404, "Not Found",
     "<html><body><h1>404 Not Found</h1>\n"
     "The resource could not be found.\n</body></html>\n"},
    {405, "Method Not Allowed",
     "<html><body><h1>405 Method Not Allowed</h1>\n"
     "A request was made of a resource using a request method not supported by that resource\n"
     "</body></html>\n"},
    {408, "Request Time-out",
     "<html><body><h1>408 Request Time-out</h1>\n"
     "Your browser didn't send a complete request in time.\n</body></html>\n"},
    {410, "Gone",
     "<html><body><h1>410 Gone</h1>\n"
     "The resource is no longer available and will not be available again.\n</body></html>\n"},
    {413, "Payload Too Large",
     "<html><body><h1>413 Payload Too Large</h1>\n"
     "The request entity exceeds the maximum allowed.\n</body></html>\n"},
    {414, "URI Too Long",
     "<html><body><h1>414 URI Too Long</h1>\n"
     "The request target is longer than this server reads.\n</body></html>\n"},
    {421, "Misdirected Request",
     "<html><body><h1>421 Misdirected Request</h1>\n"
     "Request sent to a non-authoritative server.\n</body></html>\n"},
    {425, "Too Early",
     "<html><body><h1>425 Too Early</h1>\n"
     "Your browser sent early data.\n</body></html>\n"},
    {429, "Too Many Requests",
     "<html><body><h1>429 Too Many Requests</h1>\n"
     "You have sent too many requests in a given amount of time.\n</body></html>\n"},
    {431, "Request Header Fields Too Large",
     "<html><body><h1>431 Request Header Fields Too Large</h1>\n"
     "Your browser sent more header fields than this server reads.\n</body></html>\n"},
    {500, "Internal Server Error", kFallbackPage},
    {501, "Not Implemented",
     "<html><body><h1>501 Not Implemented</h1>\n"
     ".The server does not support the functionality required to fulfill the request.\n"
     "</body></html>\n"},
    {502, "Bad Gateway",
     "<html><body><h1>502 Bad Gateway</h1>\n"
     "The server returned an invalid or incomplete response.\n</body></html>\n"},
    {503, "Service Unavailable",
     "<html><body><h1>503 Service Unavailable</h1>\n"
     "No server is available to handle this request.\n</body></html>\n"},
    {504, "Gateway Time-out",
     "<html><body><h1>504 Gateway Time-out</h1>\n"
     "The server didn't respond in time.\n</body></html>\n"},
    {505, "HTTP Version Not Supported",
     "<html><body><h1>505 HTTP Version Not Supported</h1>\n"
     "The server does not speak the version of HTTP that the request was sent in.\n"
     "</body></html>\n"},
});

constexpr int kFirstError = 400;
/// Status line, Content-Length, Cache-Control, Connection, Allow and the names of the others.
constexpr std::size_t kOwnBytesMax = 512;
/// A 405 must name what is allowed (RFC 9110 §15.5.6); of the methods we know it is all but
/// CONNECT.
constexpr std::string_view kAllowedMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH";

const Answer* find(int status) noexcept {
  const auto* found = std::ranges::find(kAnswers, status, &Answer::status);
  return found == kAnswers.end() ? nullptr : found;
}

struct Content {
  std::string_view type;
  std::string_view body;
};
Content content_of(const LocalResponse& response) noexcept {
  const bool is_default = response.content_type.empty() && response.body.empty();
  if (is_default && response.status >= kFirstError)
    return {"text/html", error_page(response.status)};
  return {response.content_type, response.body};
}

/// RFC 9110 §8.6: no Content-Length on 204; 304 would announce a length it does not know.
bool may_have_content(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  const Answer* answer = find(status);
  return answer == nullptr ? "Other" : answer->phrase;
}

std::string_view error_page(int status) noexcept {
  const Answer* answer = find(status);
  return answer == nullptr || answer->page.empty() ? kFallbackPage : answer->page;
}

std::size_t local_response_bytes_bound(const LocalResponse& response) noexcept {
  const Content content = content_of(response);
  std::size_t bytes =
      kOwnBytesMax + content.type.size() + content.body.size() + response.location.size();
  for (const AddedField& field : response.added)
    bytes += field.name.size() + field.value.size() + kFieldFrameBytes;
  return bytes;
}

std::optional<std::size_t> write_local_response(std::span<char> out,
                                                const LocalResponse& response) noexcept {
  if (out.size() < local_response_bytes_bound(response)) return std::nullopt;
  const Content content = content_of(response);
  const bool has_content = may_have_content(response.status);
  Writer writer(out.data());
  writer.put_literal("HTTP/1.1 ");
  writer.put_number(static_cast<std::uint64_t>(response.status));
  writer.put_literal(" ");
  writer.put(reason_phrase(response.status));
  writer.put_literal("\r\n");
  if (has_content) {
    writer.put_literal("Content-Length: ");
    writer.put_number(content.body.size());
    writer.put_literal("\r\n");
  }
  if (response.status >= kFirstError || !response.location.empty())
    writer.put_literal("Cache-Control: no-cache\r\n");
  if (has_content && !content.type.empty()) writer.put_field("Content-Type", content.type);
  if (!response.location.empty()) writer.put_field("Location", response.location);
  if (response.status == 405) writer.put_field("Allow", kAllowedMethods);
  for (const AddedField& field : response.added) writer.put_field(field.name, field.value);
  if (response.close)
    writer.put_literal("Connection: close\r\n");
  else if (response.keep_alive)
    writer.put_literal("Connection: keep-alive\r\n");
  writer.put_literal("\r\n");
  if (has_content && !response.head_only) writer.put(content.body);
  return writer.size();
}

}  // namespace tandem::http
