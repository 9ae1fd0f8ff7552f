#include "adapters/rocksdb/error.h"

#include <string>

#include "dr/status.h"

namespace dr::inline v0 {
namespace {

struct Meaning {
  FaultKind kind;
  std::string_view next;
};

Meaning MeaningOf(const ::rocksdb::Status& status, std::string_view text) {
  using Code = ::rocksdb::Status::Code;
  // A lock that is held has no code of its own.
  if (text.find("While lock file: ") != text.npos || text.find("lock hold by") != text.npos) {
    return {FaultKind::kBusy, "close the other user of the directory first"};
  }
  if (status.IsNoSpace() || status.subcode() == ::rocksdb::Status::kSpaceLimit) {
    return {FaultKind::kNoSpace, "free space, then try again"};
  }
  switch (status.code()) {
    case Code::kCorruption:
      return {FaultKind::kAuthFailed, "restore from a copy, or see README.md of dr::rocksdb"};
    case Code::kInvalidArgument:
      return {FaultKind::kInvalid, "name a directory that dr::rocksdb made"};
    case Code::kNotSupported:
      return {FaultKind::kUnsupported, "use a version of RocksDB that knows it"};
    case Code::kBusy:
    case Code::kIncomplete:
    case Code::kTimedOut:
    case Code::kTryAgain:
      return {FaultKind::kBusy, "try again"};
    default:
      return {FaultKind::kIo, "check the device and RocksDB's LOG, then try again"};
  }
}

}  // namespace

absl::Status ErrorOf(const ::rocksdb::Status& status, std::string_view place) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  const Meaning meaning = MeaningOf(status, text);
  return MakeFault(
      {.kind = meaning.kind, .place = std::string(place), .next = std::string(meaning.next)}, text);
}

}  // namespace dr::inline v0
