// A host beside a real server that is stopped (SIGSTOP): it takes connections, and never answers.

#include <catch2/catch.hpp>
#include <string>

#include "adapters/redis/server_fixture.h"
#include "dr/adapters/redis.h"
#include "dr/host.h"

namespace dr {
namespace {

class Word final : public StatefulComponent {
 public:
  Word() : StatefulComponent("word", {.name = "word", .version = 1}) {}
  absl::Status Set(std::string_view word) { return Commit(word).status(); }
  const std::string& word() const { return word_; }

 private:
  absl::Status Apply(const Operation& op) override {
    word_ = op.payload;
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override { return out.Write(word_); }
  absl::Status LoadState(StateReader& in) override {
    const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (record.ok()) word_ = record->value_or("");
    return record.status();
  }

  std::string word_;
};

TEST_CASE("Shutdown without a deadline beside a stopped server ends with its error (K54)",
          "[long]") {
  test::OwnServer own;
  AdapterRegistry registry;
  REQUIRE(RegisterRedis(registry).ok());
  const auto open = [&](Word& word) {
    auto host = Host::Open({.repository = own.Uri() + "?namespace=stopped&timeout_ms=2000",
                            .components = {&word},
                            .durability = Durability::kProcess,
                            .checkpoint = {.interval = std::chrono::milliseconds(200)}},
                           registry);
    INFO(host.status().ToString());
    REQUIRE(host.ok());
    return *std::move(host);
  };
  {
    Word word;
    auto host = open(word);
    REQUIRE(host->Start().ok());
    own.Signal(SIGSTOP);
    REQUIRE(word.Set("kept").ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // one of its own is under way
    const SystemClock clock;
    const Instant start = clock.Now();
    const absl::Status shut = host->Shutdown();
    const auto took = clock.Now() - start;
    INFO(shut.ToString());
    CHECK(absl::IsUnavailable(shut));
    CHECK(took < std::chrono::seconds(40));
    CHECK_FALSE(host->figures().store.available);
    CHECK(host->figures().store.unavailable_since < clock.Now());
    own.Signal(SIGCONT);
    CHECK(host->Shutdown().ok());
  }
  Word word;
  auto host = open(word);
  CHECK(word.word() == "kept");
}

}  // namespace
}  // namespace dr
