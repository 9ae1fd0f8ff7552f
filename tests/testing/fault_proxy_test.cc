#include "tests/support/fault_proxy.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

namespace dr::test {
namespace {

sockaddr_in At(std::uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Says what it hears, to one client after the other.
class Echo {
 public:
  Echo() {
    sockaddr_in address = At(0);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_.get(), 8) == 0);
    REQUIRE(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (;;) {
        const FileDescriptor client(accept(listener_.get(), nullptr, nullptr));
        if (!client.valid()) return;
        char bytes[64];
        for (ssize_t got; (got = recv(client.get(), bytes, sizeof(bytes), 0)) > 0;) {
          send(client.get(), bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL);
        }
      }
    });
  }
  ~Echo() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }

 private:
  const FileDescriptor listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(std::uint16_t port) {
    const sockaddr_in address = At(port);
    connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  bool IsReady(short events, int wait_ms) const {
    pollfd wanted{.fd = socket_.get(), .events = events, .revents = 0};
    return poll(&wanted, 1, wait_ms) > 0;
  }
  bool IsConnected(int wait_ms) const { return IsReady(POLLOUT, wait_ms); }
  void Say(const std::string& text) const {
    REQUIRE(send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0);
  }
  /// All until `bytes` are here, or the other side has hung up.
  std::string Hear(std::size_t bytes) const {
    std::string heard;
    char byte = 0;
    while (heard.size() < bytes && IsReady(POLLIN, 10'000) &&
           recv(socket_.get(), &byte, 1, 0) == 1) {
      heard += byte;
    }
    return heard;
  }

 private:
  const FileDescriptor socket_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

TEST_CASE("A proxy hangs up after as many bytes as it was told, once") {
  const Echo server;
  FaultProxy proxy(server.port());
  {
    const Client client(proxy.port());
    REQUIRE(client.IsConnected(10'000));
    client.Say("hello");
    CHECK(client.Hear(5) == "hello");
    proxy.CutReplyAfter(3);
    client.Say("again");
    CHECK(client.Hear(5) == "aga");
    CHECK(proxy.has_cut());
  }
  const Client client(proxy.port());
  REQUIRE(client.IsConnected(10'000));
  proxy.PassOnly(1);
  client.Say("all of it");
  CHECK(client.Hear(9) == "all of it");
  CHECK(proxy.request_bytes() == 5 + 5 + 9);
}

TEST_CASE("A proxy that is silent answers nobody, nor lets them connect, and passes it on later") {
  const Echo server;
  FaultProxy proxy(server.port());
  const Client early(proxy.port());
  REQUIRE(early.IsConnected(10'000));
  early.Say("a");
  REQUIRE(early.Hear(1) == "a");
  proxy.GoSilent();
  early.Say("b");
  const Client late(proxy.port());
  CHECK_FALSE(late.IsConnected(300));
  CHECK_FALSE(early.IsReady(POLLIN, 0));
  proxy.Heal();
  CHECK(early.Hear(1) == "b");
  CHECK(late.IsConnected(10'000));  // when the system knocks again
}

}  // namespace
}  // namespace dr::test
