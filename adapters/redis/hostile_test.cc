// Servers that are stopped, and answers that no Redis gives.
#include <signal.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "adapters/redis/server_fixture.h"
#include "adapters/redis/store_fixture.h"
#include "dr/adapter/layers.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "tests/support/hostile_server.h"

namespace dr::test {
namespace {

struct Listener final : Observer {
  void OnEvent(const Event& event) noexcept override {
    MutexLock lock(mutex);
    if (event.kind == EventKind::kStoreUnavailable) away_at = clock.Now();
    if (event.kind == EventKind::kStoreBack) ++backs;
  }
  Instant AwayAt() {
    MutexLock lock(mutex);
    return away_at;
  }
  SystemClock clock;
  Mutex mutex;
  Instant away_at ABSL_GUARDED_BY(mutex);
  int backs ABSL_GUARDED_BY(mutex) = 0;
};

TEST_CASE("a stopped server is an event after its timeout and holds no call for long (K54)") {
  OwnServer server;
  Fixture fixture(server.Uri() + "?timeout_ms=300");
  Listener listener;
  StoreMetrics metrics;
  auto opened = fixture.Open();
  REQUIRE(opened.ok());
  auto store = *AddLayers(*std::move(opened), {.retry = {.patience = std::chrono::seconds(3)}},
                          {.clock = &fixture.clock,
                           .random = &fixture.random,
                           .observer = &listener,
                           .metrics = &metrics});
  REQUIRE(store->Put("k", "v", {}, {}).ok());
  server.Signal(SIGSTOP);
  const Instant start = fixture.clock.Now();
  const absl::Status put =
      store->Put("k", "w", {.condition = PutCondition::kIfAbsent}, {}).status();
  const std::chrono::nanoseconds took = fixture.clock.Now() - start;
  INFO(put.ToString());
  CHECK(absl::IsUnknown(put));
  CHECK(took < std::chrono::seconds(30));
  const Instant away_at = listener.AwayAt();
  REQUIRE_FALSE(away_at.is_never());
  CHECK(away_at - start < took / 2);  // not behind the retries
  CHECK_FALSE(metrics.Read().available);
  // And a call that is cancelled, or late, ends at once, in whatever it waits.
  std::stop_source source;
  std::jthread stopping([&] { source.request_stop(); });
  CHECK_FALSE(store->Get("k", {.stop = source.get_token()}).ok());
  server.Signal(SIGCONT);
  CHECK(store->Get("k", {}).ok());
  CHECK(metrics.Read().available);
  MutexLock lock(listener.mutex);
  CHECK(listener.backs == 1);
}

TEST_CASE("F11: what no Redis answers ends the call") {
  struct Row {
    std::string_view what;
    std::string begin, again;
  };
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "*1\r\n";
  const Row rows[] = {
      {"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", ""},
      {"an array of billions", "*2000000000\r\n", ""},
      {"a string of exabytes", "$9223372036854775807\r\n", ""},
      {"a negative length", "$-2\r\n", ""},
      {"nested without end", nested, ""},
      {"a line without end", "+", std::string(1 << 16, 'x')},
      {"a string without end", "$536870912\r\n", std::string(1 << 16, 'x')},
      {"replies without end", "", "+PONG\r\n"},
      {"nothing", "", ""},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const HostileServer server(row.begin, row.again);
    Fixture fixture(fmt::format("redis://127.0.0.1:{}/0", server.port()));
    const absl::Status opened =
        fixture.registry
            .Open(fixture.uri, fixture.environment,
                  {.deadline = fixture.clock.Now() + std::chrono::seconds(20)})
            .status();
    INFO(opened.ToString());
    CHECK_FALSE(opened.ok());
    CHECK_FALSE(absl::IsDeadlineExceeded(opened));
  }
}

TEST_CASE("F12: nothing that a Redis says can break a line or colour a terminal") {
  const HostileServer server("-ERR \x1b[31mroot\x1b[0m\x07 \x7f\n2026 OK\r\n", "");
  Fixture fixture(fmt::format("redis://:p@127.0.0.1:{}/0", server.port()));
  const absl::Status opened = fixture.Open().status();
  REQUIRE_FALSE(opened.ok());
  for (const char c : opened.message()) CHECK((c >= ' ' && c != '\x7f'));
}

}  // namespace
}  // namespace dr::test
