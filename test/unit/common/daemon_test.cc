#include "common/daemon.h"

#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <vector>

namespace tandem {

TEST_CASE("Open descriptors are counted") {
  const auto before = daemon::open_descriptors();
  REQUIRE(before);
  CHECK(*before >= 3);
  std::vector<FileDescriptor> more;
  for (int i = 0; i < 5; ++i) more.emplace_back(::dup(STDERR_FILENO));
  CHECK(daemon::open_descriptors() == *before + 5);
  more.clear();
  CHECK(daemon::open_descriptors() == before);
}

}  // namespace tandem
