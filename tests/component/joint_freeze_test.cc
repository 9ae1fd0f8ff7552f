#include "src/component/joint_freeze.h"

#include <catch2/catch.hpp>

#include "dr/batch.h"
#include "tests/component/gate.h"
#include "tests/component/ground.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

struct Two {
  Ground ground;
  Scripted a{"a"}, b{"b"};
  Attached core_a{a, ground}, core_b{b, ground};

  absl::StatusOr<std::vector<Frozen>> Freeze(const Context& context = {},
                                             std::optional<Lsn> previous = std::nullopt) {
    const FreezeRequest requests[] = {{&*core_a, previous}, {&*core_b, previous}};
    return FreezeTogether(requests, context);
  }
  void CheckOrdersAreFree() {
    const ComponentCommit batch[] = {{&a, "free"}, {&b, "free"}};
    REQUIRE_OK(CommitAll(batch, {.context = Within(std::chrono::seconds(20))}));
  }
};

TEST_CASE("Components that are frozen together are as of one position, the log's end") {
  Two of;
  REQUIRE_OK(of.a.Add("1"));
  REQUIRE_OK(of.a.Add("2"));
  std::vector<Frozen> frozen = Value(of.Freeze());
  REQUIRE(frozen.size() == 2);
  for (const Frozen& one : frozen) CHECK(one.as_of == Lsn{2});
  CHECK(frozen[0].copy.records == std::vector<std::string>{"1", "2"});
  CHECK(frozen[1].copy.records.empty());
  REQUIRE_OK(of.b.Add("3"));
  frozen = Value(of.Freeze({}, Lsn{2}));
  CHECK_FALSE(frozen[0].changed);
  CHECK(frozen[1].changed);
  CHECK(frozen[0].as_of == Lsn{3});
  of.CheckOrdersAreFree();
  CHECK(Value(FreezeTogether({}, {})).empty());
}

TEST_CASE("What is committed to one while another is frozen is behind the position") {
  Two of;
  REQUIRE_OK(of.a.Add("1"));
  Gate gate;
  of.a.on_save = [&] {
    gate.Pass();
    return absl::OkStatus();
  };
  auto freezing = Elsewhere([&] { return of.Freeze(); });
  gate.AwaitReached();
  REQUIRE_OK(of.b.Add("2"));  // freezes it first
  gate.Open();
  const std::vector<Frozen> frozen = Value(InTime(freezing));
  CHECK(frozen[1].as_of == Lsn{1});
  CHECK(frozen[1].copy.records.empty());
  of.CheckOrdersAreFree();
}

TEST_CASE("A component that fails to be saved gives every order back, and has not failed") {
  Two of;
  Scripted* const bad = GENERATE(false, true) ? &of.a : &of.b;
  bad->on_save = [] { return absl::InternalError("cannot"); };
  CHECK(IsFault(of.Freeze().status(), FaultKind::kComponent));
  of.CheckOrdersAreFree();
}

TEST_CASE("A joint freeze that comes too late gives every order back") {
  Two of;
  std::stop_source stop;
  of.a.on_save = [&] {
    stop.request_stop();
    return absl::OkStatus();
  };
  of.b.on_save = of.a.on_save;
  WriterLock lock(of.b.state_mutex());
  auto freezing = Elsewhere([&] { return of.Freeze({.stop = stop.get_token()}).status(); });
  CHECK(absl::IsCancelled(InTime(freezing)));
  of.a.on_save = of.b.on_save = nullptr;
  auto free = Elsewhere([&] { return of.a.Add("1").status(); });
  REQUIRE_OK(InTime(free));
}

/// Commits when it goes.
class Committing {
 public:
  explicit Committing(Scripted& component) : component_(component) {}
  ~Committing() { static_cast<void>(component_.Add("gone")); }

 private:
  Scripted& component_;
};

TEST_CASE("A view that nobody gets is destroyed where it may commit") {
  Two of;
  of.a.on_freeze = [&] {
    return [last = std::make_shared<Committing>(of.b)](StateWriter&) { return absl::OkStatus(); };
  };
  of.b.on_save = [] { return absl::InternalError("cannot"); };
  auto freezing = Elsewhere([&] { return of.Freeze().status(); });
  CHECK(IsFault(InTime(freezing), FaultKind::kComponent));
  CHECK(of.b.Payloads() == std::vector<std::string>{"gone"});
}

}  // namespace
}  // namespace dr::test
