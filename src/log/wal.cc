#include "dr/log/wal.h"

#include <utility>

#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"
#include "src/log/group_commit.h"
#include "src/log/locked_log.h"
#include "src/log/log_opening.h"
#include "src/log/log_reader.h"
#include "src/log/log_room.h"

namespace dr::inline v0 {

class Wal::Impl {
 public:
  Impl(const WalOptions& options, OpenedLog opened)
      : recovery(opened.recovery),
        prefix(opened.chain.prefix()),
        files(std::move(opened.files)),
        shared(*options.clock, options.observer, std::move(opened), files->direct(),
               options.group_bytes),
        writer(*files, *options.random),
        room(shared, *files, writer),
        commit(shared, writer, room) {}

  const WalRecovery recovery;
  const SegmentPrefix prefix;  ///< of the segment this process began with: log id and epoch
  const std::unique_ptr<SegmentFiles> files;
  SharedLog shared;
  const GroupWriter writer;
  const LogRoom room;
  const GroupCommit commit;
};

absl::StatusOr<std::unique_ptr<Wal>> Wal::Open(Directory& directory, const WalOptions& options) {
  DR_ASSIGN_OR_RETURN(OpenedLog opened, OpenLogIn(directory, options));
  return std::unique_ptr<Wal>(new Wal(std::make_unique<Impl>(options, std::move(opened))));
}

Wal::Wal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Wal::~Wal() = default;

void Wal::Bind(OperationLog& log) { LockedLog(impl_->shared)->Bind(log); }
absl::Status Wal::MakeRoom(std::uint64_t count, const Context& context) {
  return WithinMemory([&] { return impl_->room.MakeRoom(count, context); });
}
absl::Status Wal::Admit(std::size_t payload_bytes, const Context& context) {
  return WithinMemory([&] { return impl_->room.Admit(payload_bytes, context); });
}
void Wal::Withdraw(std::size_t payload_bytes) { impl_->room.Withdraw(payload_bytes); }
absl::Status Wal::Stage(Lsn upto, const Context& context) {
  return impl_->commit.Stage(upto, context);
}
absl::Status Wal::Persist(Lsn upto, const Context& context) {
  return impl_->commit.Persist(upto, context);
}
Lsn Wal::durable() const { return impl_->shared.durable(); }
absl::Status Wal::Seal(const Context& context) {
  return WithinMemory([&] { return impl_->commit.Seal(context); });
}
absl::StatusOr<bool> Wal::Prepare() {
  return WithinMemory([&] { return impl_->room.Prepare(); });
}
absl::Status Wal::HoldGrowth(bool held) {
  return WithinMemory([&] { return impl_->room.HoldGrowth(held); });
}
absl::Status Wal::Trim(Lsn keep_from) {
  return WithinMemory([&] { return impl_->room.Trim(keep_from); });
}

absl::StatusOr<std::unique_ptr<WalReader>> Wal::Read(Lsn from) {
  const SharedLog& shared = impl_->shared;
  const auto segment_with = [&shared](Lsn lsn) -> absl::StatusOr<std::uint64_t> {
    DR_RETURN_IF_ERROR(shared.InParent());
    return shared.Read([&](const LogState& log) { return log.chain.SegmentWith(lsn); });
  };
  const auto locate = [&shared](std::uint64_t number) -> absl::StatusOr<SegmentExtent> {
    DR_RETURN_IF_ERROR(shared.InParent());
    return shared.Read(
        [&](const LogState& log) { return log.chain.Locate(number, log.positions); });
  };
  return LogReader::Open(impl_->files->directory(),
                         {.segment_with = segment_with, .locate = locate}, from);
}

const WalRecovery& Wal::recovery() const { return impl_->recovery; }
Epoch Wal::epoch() const { return impl_->prefix.epoch; }
LogId Wal::log_id() const { return impl_->prefix.log; }
DurablePoint Wal::durable_point() const {
  return impl_->shared.Read([](const LogState& log) {
    return DurablePoint{log.positions.durable(), log.positions.durable_history()};
  });
}
std::int64_t Wal::last_time_ns() const {
  return impl_->shared.Read([](const LogState& log) { return log.encoder.time().last_ns(); });
}
std::chrono::nanoseconds Wal::time_ahead() const {
  return impl_->shared.Read([](const LogState& log) { return log.encoder.time().ahead(); });
}
absl::Status Wal::status() const {
  DR_RETURN_IF_ERROR(impl_->shared.InParent());
  return impl_->shared.Read([](const LogState& log) { return log.health.status(); });
}
WalFigures Wal::figures() const {
  return impl_->shared.Read([](const LogState& log) { return log.Figures(); });
}

}  // namespace dr::inline v0
