// A component whose state and operations are Protobuf messages.
//
//   class Cart : public dr::ProtoComponent<CartState, CartOp> {
//    public:
//     Cart() : ProtoComponent("cart", {.name = "cart", .version = 2}) {}
//     absl::Status Add(const CartOp& op) { return Commit(op).status(); }
//
//    private:
//     absl::Status ApplyTo(CartState& state, const CartOp& op, const dr::Operation& at) override;
//   };
//
// The state is one record of a snapshot, so it may have up to kMaxPayloadBytes; a component with
// more overrides SaveState and LoadState. Only this header includes Protobuf; the target
// dr::protobuf links it.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include <string>
#include <string_view>
#include <utility>

#include "dr/stateful_component.h"
#include "dr/status.h"

namespace dr::inline v0 {

/// The same message gives the same bytes (maps in key order) within one build of Protobuf.
/// kInvalidArgument if there would be more than kMaxPayloadBytes.
inline absl::StatusOr<std::string> SerializeDeterministically(
    const google::protobuf::MessageLite& message) {
  if (const std::size_t size = message.ByteSizeLong(); size > kMaxPayloadBytes) {
    return MakeFault({.kind = FaultKind::kLimit, .next = "keep less in one message"},
                     "a message of " + std::to_string(size) + " bytes");
  }
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&out);
  out.Trim();
  return bytes;
}

/// A component whose state is one message and whose operations are another's. As StatefulComponent.
template <typename State, typename Op>
class ProtoComponent : public StatefulComponent {
 protected:
  using StatefulComponent::StatefulComponent;

  /// As StatefulComponent::Commit.
  absl::StatusOr<Lsn> Commit(const Op& op, const CommitOptions& options = {}) {
    const absl::StatusOr<std::string> payload = SerializeDeterministically(op);
    if (!payload.ok()) return payload.status();
    return StatefulComponent::Commit(*payload, options);
  }
  /// As StatefulComponent::CommitIf.
  absl::StatusOr<Lsn> CommitIf(absl::FunctionRef<absl::StatusOr<Op>()> decide,
                               const CommitOptions& options = {}) {
    return StatefulComponent::CommitIf(
        [&]() -> absl::StatusOr<std::string> {
          absl::StatusOr<Op> op = decide();
          if (!op.ok()) return op.status();
          return SerializeDeterministically(*op);
        },
        options);
  }
  /// As StatefulComponent::CommitAsync; a message that cannot be serialized is refused at once, on
  /// this thread.
  void CommitAsync(const Op& op, const CommitOptions& options,
                   absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    absl::StatusOr<std::string> payload = SerializeDeterministically(op);
    if (!payload.ok()) return std::move(done)(payload.status());
    StatefulComponent::CommitAsync(*std::move(payload), options, std::move(done));
  }

  /// Read it under state_mutex().
  const State& state() const { return state_; }

 private:
  /// As Apply. `at` holds the position, kind and time.
  virtual absl::Status ApplyTo(State& state, const Op& op, const Operation& at) = 0;

  absl::Status Apply(const Operation& at) final {
    Op op;
    if (!Parse(at.payload, op)) return Unreadable("operation", at.lsn);
    return ApplyTo(state_, op, at);
  }
  absl::Status SaveState(StateWriter& out) const override {
    const absl::StatusOr<std::string> record = SerializeDeterministically(state_);
    return record.ok() ? out.Write(*record) : record.status();
  }
  absl::Status LoadState(StateReader& in) override {
    state_.Clear();
    absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (!record.ok()) return record.status();
    if (!*record) return absl::OkStatus();
    if (!Parse(**record, state_)) return Unreadable("state", {});
    record = in.Next();
    return record.ok() && *record ? Unreadable("second record of the state", {}) : record.status();
  }
  // At most kMaxPayloadBytes, so their number is an int.
  static bool Parse(std::string_view bytes, google::protobuf::MessageLite& message) {
    return message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }
  absl::Status Unreadable(std::string_view what, Lsn lsn) const {
    return MakeFault({.kind = FaultKind::kComponent,
                      .place = id(),
                      .lsn = lsn,
                      .next = "check that the schema version was raised with its message"},
                     std::string("cannot parse the ") + std::string(what));
  }

  State state_;
};

}  // namespace dr::inline v0
