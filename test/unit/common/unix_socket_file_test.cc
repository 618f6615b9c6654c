#include "common/unix_socket_file.h"

#include "common/file_descriptor.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tandem {
namespace {

struct Folder {
  Folder() {
    std::string name = "/tmp/tandem-unix-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

FileDescriptor make_socket() {
  return FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

SocketAddress address_of(const std::filesystem::path& path) {
  return SocketAddress::parse("unix:" + path.string()).value();
}

TEST_CASE("A socket file is there as long as its owner, with the mode that was asked for") {
  const Folder folder;
  const auto path = folder.path / "lb.sock";
  const FileDescriptor socket = make_socket();
  {
    const auto file = UnixSocketFile::listen(socket.get(), address_of(path), {.mode = 0600});
    REQUIRE(file);
    CHECK(file->path() == path);
    const auto status = std::filesystem::status(path);
    CHECK(status.type() == std::filesystem::file_type::socket);
    CHECK(status.permissions() == std::filesystem::perms(0600));
    const FileDescriptor peer = make_socket();
    const SocketAddress to = address_of(path);
    CHECK(::connect(peer.get(), to.data(), to.size()) == 0);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("A socket that somebody listens on, and a file of another kind, stay as they are") {
  const Folder folder;
  const auto path = folder.path / "lb.sock";
  const FileDescriptor first = make_socket();
  const FileDescriptor second = make_socket();
  const auto file = UnixSocketFile::listen(first.get(), address_of(path), {});
  REQUIRE(file);
  const auto refused = UnixSocketFile::listen(second.get(), address_of(path), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "cannot bind unix:" + path.string() + ": Address already in use");
  const auto text = folder.path / "notes";
  std::ofstream(text) << "mine";
  CHECK_FALSE(UnixSocketFile::listen(second.get(), address_of(text), {}));
  CHECK(std::filesystem::file_size(text) == 4);
}

TEST_CASE("A dead socket is replaced, and whoever has taken over keeps the file") {
  const Folder folder;
  const auto path = folder.path / "lb.sock";
  FileDescriptor dead = make_socket();
  auto old = UnixSocketFile::listen(dead.get(), address_of(path), {});
  REQUIRE(old);
  dead.reset();
  const FileDescriptor next = make_socket();
  const auto file = UnixSocketFile::listen(next.get(), address_of(path), {});
  REQUIRE(file);
  old = UnixSocketFile();
  CHECK(std::filesystem::exists(path));
}

}  // namespace
}  // namespace tandem
