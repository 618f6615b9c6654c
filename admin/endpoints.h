// Endpoints: what an admin server answers to which path; each daemon has its own.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace tandem::admin {

struct Request {
  bool is_get = true;              // GET or HEAD
  std::string_view path;           // without the query
  std::string_view query;          // after the "?"; empty: none
  std::string_view authorization;  // value of the field; empty: none
};

struct Reply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string location;  // redirects
  /// Set: makes the body, on any thread, from a copy it owns.
  std::move_only_function<std::string()> later;
};

/// Thread: the server's, except Reply::later.
class Endpoints {
 public:
  virtual ~Endpoints() = default;
  [[nodiscard]] virtual Reply answer(const Request& request) const = 0;
};

}  // namespace tandem::admin
