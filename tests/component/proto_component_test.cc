#include "dr/proto_component.h"

#include <google/protobuf/wrappers.pb.h>

#include <catch2/catch.hpp>

#include "dr/host.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

using google::protobuf::BytesValue;
using google::protobuf::Int64Value;

constexpr std::size_t kMoreThanProtobufWrites = std::size_t{1} << 31;

/// As many zero bytes as its operations said.
class Zeros : public ProtoComponent<BytesValue, Int64Value> {
 public:
  Zeros() : ProtoComponent("zeros", {.name = "zeros", .version = 1}) {}
  absl::Status Add(std::size_t bytes) {
    Int64Value op;
    op.set_value(static_cast<std::int64_t>(bytes));
    return Commit(op).status();
  }
  std::size_t size() const { return state().value().size(); }

 private:
  absl::Status ApplyTo(BytesValue& state, const Int64Value& op, const Operation&) override {
    state.mutable_value()->resize(state.value().size() + static_cast<std::size_t>(op.value()));
    return absl::OkStatus();
  }
};

/// Counts what is committed.
class Messages : public ProtoComponent<Int64Value, BytesValue> {
 public:
  Messages() : ProtoComponent("messages", {.name = "messages", .version = 1}) {}
  absl::Status Put(const BytesValue& op) { return Commit(op).status(); }
  absl::Status PutIf(absl::FunctionRef<absl::StatusOr<BytesValue>()> decide) {
    return CommitIf(decide).status();
  }
  void PutAsync(const BytesValue& op, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    CommitAsync(op, {}, std::move(done));
  }
  std::int64_t count() const { return state().value(); }

 private:
  absl::Status ApplyTo(Int64Value& state, const BytesValue&, const Operation&) override {
    state.set_value(state.value() + 1);
    return absl::OkStatus();
  }
};

void CheckRefused(const absl::Status& status) {
  INFO(status.ToString());
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(FaultOf(status).has_value());
  CHECK(FaultOf(status)->kind == FaultKind::kLimit);
}

TEST_CASE(
    "H4: a message of more than 64 MiB is refused in every way, up to what Protobuf cannot write",
    "[long]") {
  TempDirectory directory;
  Messages messages;
  auto host = Value(Host::Open(Options(directory, {&messages}), {}));
  BytesValue op;
  op.set_value("small");
  REQUIRE_OK(messages.Put(op));
  for (std::size_t bytes : {std::size_t{kMaxPayloadBytes}, kMoreThanProtobufWrites}) {
    op.mutable_value()->resize(bytes);
    CheckRefused(messages.Put(op));
    absl::Status told;
    messages.PutAsync(op, [&](absl::StatusOr<Lsn> lsn) { told = lsn.status(); });
    REQUIRE_OK(host->Step());
    CheckRefused(told);
    CheckRefused(messages.PutIf([&] { return std::move(op); }));
  }
  CHECK(messages.count() == 1);
}

TEST_CASE("H4: a state too long for one record is published by no checkpoint, and stays in the log",
          "[long]") {
  TempDirectory directory;
  const std::size_t bytes = GENERATE(std::size_t{kMaxPayloadBytes}, kMoreThanProtobufWrites);
  {
    Zeros zeros;
    auto host = Value(Host::Open(Options(directory, {&zeros}), {}));
    REQUIRE_OK(zeros.Add(3));
    REQUIRE_OK(host->Checkpoint());
    REQUIRE_OK(zeros.Add(bytes));
    CHECK_FALSE(host->Checkpoint().ok());
  }
  Zeros zeros;
  auto host = Value(Host::Open(Options(directory, {&zeros}), {}));
  CHECK(zeros.size() == bytes + 3);
  CHECK(host->figures().replayed == 1);
}

/// Says of itself that it is a Zeros.
class TwoRecords : public StatefulComponent {
 public:
  TwoRecords() : StatefulComponent("zeros", {.name = "zeros", .version = 1}) {}
  absl::Status Put() { return Commit("").status(); }

 private:
  absl::Status Apply(const Operation&) override { return absl::OkStatus(); }
  absl::Status SaveState(StateWriter& out) const override {
    absl::Status first = out.Write("");
    return first.ok() ? out.Write("") : first;
  }
  absl::Status LoadState(StateReader&) override { return absl::OkStatus(); }
};

TEST_CASE("State of more records than the message's one is not taken for the message's") {
  TempDirectory directory;
  {
    TwoRecords two;
    auto host = Value(Host::Open(Options(directory, {&two}), {}));
    REQUIRE_OK(two.Put());
    REQUIRE_OK(host->Checkpoint());
  }
  Zeros zeros;
  const absl::Status status = Host::Open(Options(directory, {&zeros}), {}).status();
  INFO(status.ToString());
  REQUIRE(FaultOf(status).has_value());
  CHECK(FaultOf(status)->kind == FaultKind::kComponent);
  CHECK(FaultOf(status)->place == "zeros");
}

}  // namespace
}  // namespace dr::test
