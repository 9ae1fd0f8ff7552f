#include "dr/environment/resolver.h"

#include <netdb.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <memory>
#include <thread>

#include "dr/environment/random.h"

namespace dr {
namespace {

constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds(5);

TEST_CASE("D3: An address is its own answer, and a name is looked up") {
  const SystemClock clock;
  std::atomic<int> lookups = 0;
  Resolver resolver(clock, [&](const std::string&, std::vector<Address>& found) {
    ++lookups;
    found.resize(2);
    return 0;
  });
  CHECK(resolver.Resolve("127.0.0.1", kPatience, {})->size() == 1);
  CHECK(resolver.Resolve("::1", kPatience, {})->at(0).bytes.ss_family == AF_INET6);
  CHECK(lookups == 0);
  CHECK(resolver.Resolve("db.example", kPatience, {})->size() == 2);
  CHECK(resolver.Resolve("db.example", kPatience, {})->size() == 2);
  CHECK(lookups == 2);  // it may have moved meanwhile
}

TEST_CASE("D3: A name that nobody has is worth another try") {
  const SystemClock clock;
  Resolver resolver(clock, [](const std::string&, std::vector<Address>&) { return EAI_NONAME; });
  CHECK(absl::IsUnavailable(resolver.Resolve("db.example", kPatience, {}).status()));
}

TEST_CASE("D20: A resolver that hangs keeps nobody, is asked once, and may end after all is gone") {
  struct Shared {
    std::latch go{1}, ended{1};
    std::atomic<int> lookups = 0;
  };
  const auto shared = std::make_shared<Shared>();
  const SystemClock clock;
  {
    Resolver resolver(clock, [shared](const std::string&, std::vector<Address>& found) {
      ++shared->lookups;
      shared->go.wait();
      found.resize(1);
      shared->ended.count_down();
      return 0;
    });
    const auto brief = std::chrono::milliseconds(5);
    for (int i = 0; i < 3; ++i) {
      CHECK(absl::IsUnavailable(resolver.Resolve("db.example", brief, {}).status()));
    }
    const Context soon{.deadline = clock.Now() + brief};
    CHECK(absl::IsDeadlineExceeded(resolver.Resolve("db.example", kPatience, soon).status()));
    std::stop_source stopped;
    stopped.request_stop();
    const Context cancelled{.stop = stopped.get_token()};
    CHECK(absl::IsCancelled(resolver.Resolve("db.example", kPatience, cancelled).status()));
  }
  shared->go.count_down();
  shared->ended.wait();
  CHECK(shared->lookups == 1);
}

}  // namespace
}  // namespace dr
