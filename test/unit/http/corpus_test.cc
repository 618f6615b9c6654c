// The files of test/corpus/http, which also seed the fuzz targets: hostile request heads are
// refused, honest ones are read.
#include "test/unit/http/describe.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tandem::http {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), std::ssize(bytes));
  return bytes;
}

/// How many files there are; each is read whole and byte by byte and must (not) be refused.
std::size_t check_folder(const char* folder, bool is_refused) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(TANDEM_HTTP_CORPUS) / folder)) {
    const std::string message = contents(entry.path());
    const std::string whole = decode_request(message, {message.size()});
    CAPTURE(entry.path().filename().string(), whole);
    CHECK(whole != "more");
    CHECK(whole.starts_with("error ") == is_refused);
    CHECK(decode_request(message, every_byte(message.size())) == whole);
    ++files;
  }
  return files;
}

TEST_CASE("every hostile request head of the corpus is refused") {
  CHECK(check_folder("hostile", true) >= 100);
}

TEST_CASE("every honest request head of the corpus is read") {
  CHECK(check_folder("honest", false) >= 8);
}

}  // namespace
}  // namespace tandem::http
