#include "src/component/operation_pool.h"

#include <catch2/catch.hpp>

#include "tests/component/fake_log.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

struct Pooled {
  FakeLog log;
  SystemClock clock;
  Runtime runtime{.log = log.log, .clock = clock, .durability = Durability::kProcess};
  const ComponentIdentity identity{"pooled", {.name = "schema", .version = 3}};
  OperationPool pool{identity, runtime};

  void Recycle(std::unique_ptr<PendingOperation> operation) {
    PendingOperations used;
    used.Push(std::move(operation));
    pool.Recycle(std::move(used));
  }
};

TEST_CASE("An operation owns what its record points to, and bears its component's names") {
  Pooled at;
  std::string payload = "payload", subject = "subject";
  const auto operation = Value(at.pool.Make(
      payload,
      {.durability = Durability::kLocal, .kind = OperationKind::kTask, .subject = subject}));
  payload.assign("xxxxxxx");
  subject.assign("xxxxxxx");
  const RecordView& record = operation->entry.record;
  CHECK(record.payload == "payload");
  CHECK(record.subject == "subject");
  CHECK(record.component == "pooled");
  CHECK(record.schema_name == "schema");
  CHECK(record.schema_version == 3);
  CHECK(record.kind == OperationKind::kTask);
  CHECK(record.time_ns != 0);
  CHECK(operation->durability == Durability::kLocal);
  CHECK(Value(at.pool.Make("y", {}))->durability == Durability::kProcess);  // the host's
}

TEST_CASE("A used operation is made again, and nothing of what it was is left") {
  Pooled at;
  auto used = Value(at.pool.Make(
      "payload", {.durability = Durability::kLocal, .kind = OperationKind::kTask, .subject = "s"}));
  used->entry.record.lsn = {7};
  used->entry.record.batch_continues = true;
  const PendingOperation* const before = used.get();
  at.Recycle(std::move(used));
  const auto again = Value(at.pool.Make("other", {}));
  CHECK(again.get() == before);
  CHECK(again->entry.record.lsn == Lsn{});
  CHECK_FALSE(again->entry.record.batch_continues);
  CHECK(again->entry.record.kind == OperationKind::kOperation);
  CHECK(again->entry.record.subject.empty());
  CHECK(again->entry.record.payload == "other");
  CHECK(again->durability == Durability::kProcess);
  CHECK(again->next == nullptr);
}

TEST_CASE("Memory for large payloads is given back") {
  Pooled at;
  at.Recycle(Value(at.pool.Make(std::string(1 << 20, 'l'), {})));
  CHECK(Value(at.pool.Make("small", {}))->payload.capacity() < 1 << 20);
}

TEST_CASE("A payload or subject that no record holds is refused before it is copied") {
  Pooled at;
  const std::string_view longer_than_memory("", std::size_t{1} << 60);
  CHECK(absl::IsInvalidArgument(at.pool.Make(longer_than_memory, {}).status()));
  const std::string subject(kMaxNameBytes + 1, 's');
  CHECK(absl::IsInvalidArgument(at.pool.Make("x", {.subject = subject}).status()));
}

}  // namespace
}  // namespace dr::test
