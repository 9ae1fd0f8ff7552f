#include "bench/writer.h"
#include "dr/file_system.h"
#include "dr/wal.h"

namespace bench {
namespace {

class DrWriter final : public Writer {
 public:
  explicit DrWriter(const std::string& path) {
    auto directory = files_.OpenDirectory(path, dr::Create::kIfMissing);
    if (!directory.ok()) return;
    directory_ = *std::move(directory);
    auto wal = dr::Wal::Open(*directory_, {.clock = &clock_, .random = &random_});
    if (!wal.ok()) return;
    wal_ = *std::move(wal);
    log_ = std::make_unique<dr::OperationLog>(*wal_, dr::OperationLogOptions{}, wal_->durable());
    while (wal_->Prepare(*log_).value_or(false)) {
    }
  }
  bool Append(std::string_view record) override {
    if (log_ == nullptr) return false;
    dr::LogEntry entry;
    entry.record.component = "bench";
    entry.record.payload = record;
    auto lsn = log_->Append(entry);
    return lsn.ok() && log_->Persist(*lsn).ok();
  }

 private:
  dr::PosixFileSystem files_;
  dr::SystemClock clock_;
  dr::SystemRandom random_;
  std::unique_ptr<dr::Directory> directory_;
  std::unique_ptr<dr::Wal> wal_;
  std::unique_ptr<dr::OperationLog> log_;
};

}  // namespace

Contender Dr() {
  return {"dr", "OperationLog and Wal, kLocal, default sizes",
          [](const std::string& directory) { return std::make_unique<DrWriter>(directory); }};
}

}  // namespace bench
