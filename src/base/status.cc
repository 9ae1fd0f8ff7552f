#include "dr/status.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/cord.h"
#include "fmt/format.h"
#include "src/base/printable.h"

namespace dr::inline v0 {
namespace {

using absl::StatusCode;

struct KindRow {
  FaultKind kind;
  StatusCode code;
  std::string_view name;
};

constexpr std::array kKinds = {
    KindRow{FaultKind::kIo, StatusCode::kUnavailable, "io"},
    KindRow{FaultKind::kBusy, StatusCode::kUnavailable, "busy"},
    KindRow{FaultKind::kPoisoned, StatusCode::kFailedPrecondition, "poisoned"},
    KindRow{FaultKind::kFenced, StatusCode::kFailedPrecondition, "fenced"},
    KindRow{FaultKind::kNoSpace, StatusCode::kResourceExhausted, "no_space"},
    KindRow{FaultKind::kLimit, StatusCode::kInvalidArgument, "limit"},
    KindRow{FaultKind::kWalCorrupt, StatusCode::kDataLoss, "wal_corrupt"},
    KindRow{FaultKind::kWalGap, StatusCode::kDataLoss, "wal_gap"},
    KindRow{FaultKind::kAuthFailed, StatusCode::kDataLoss, "auth_failed"},
    KindRow{FaultKind::kRollback, StatusCode::kDataLoss, "rollback"},
    KindRow{FaultKind::kIncomplete, StatusCode::kDataLoss, "incomplete"},
    KindRow{FaultKind::kWrongKey, StatusCode::kUnauthenticated, "wrong_key"},
    KindRow{FaultKind::kVersion, StatusCode::kUnimplemented, "version"},
    KindRow{FaultKind::kAmbiguous, StatusCode::kUnknown, "ambiguous"},
    KindRow{FaultKind::kConflict, StatusCode::kAborted, "conflict"},
    KindRow{FaultKind::kComponent, StatusCode::kInternal, "component"},
    KindRow{FaultKind::kInvalid, StatusCode::kInvalidArgument, "invalid"},
    KindRow{FaultKind::kUsage, StatusCode::kFailedPrecondition, "usage"},
    KindRow{FaultKind::kMissing, StatusCode::kNotFound, "missing"},
    KindRow{FaultKind::kExists, StatusCode::kAlreadyExists, "exists"},
    KindRow{FaultKind::kDeadline, StatusCode::kDeadlineExceeded, "deadline"},
    KindRow{FaultKind::kCancelled, StatusCode::kCancelled, "cancelled"},
    KindRow{FaultKind::kUnsupported, StatusCode::kUnimplemented, "unsupported"},
};

const KindRow* RowOf(FaultKind kind) {
  const std::size_t index = static_cast<std::size_t>(kind) - 1;  // kinds count from 1
  return index < kKinds.size() ? &kKinds[index] : nullptr;
}

static_assert([] {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (static_cast<std::size_t>(kKinds[i].kind) != i + 1) return false;
  }
  return true;
}());

struct ErrnoRow {
  int value;
  FaultKind kind;
  StatusCode code;
  std::string_view next;
};

constexpr std::string_view kFreeSpace = "free space or raise the quota, then try again";
constexpr std::string_view kNotAPlainPath =
    "use a plain file or directory beneath the root, without symbolic links";
constexpr std::string_view kRights = "check owner, permissions and mount options";
constexpr std::string_view kDescriptors = "raise the limit of open files, then try again";

constexpr std::array kErrnos = {
    ErrnoRow{ENOENT, FaultKind::kMissing, StatusCode::kNotFound, "check the name"},
    ErrnoRow{EEXIST, FaultKind::kExists, StatusCode::kAlreadyExists, "choose another name"},
    ErrnoRow{ENOSPC, FaultKind::kNoSpace, StatusCode::kResourceExhausted, kFreeSpace},
    ErrnoRow{EDQUOT, FaultKind::kNoSpace, StatusCode::kResourceExhausted, kFreeSpace},
    ErrnoRow{EFBIG, FaultKind::kNoSpace, StatusCode::kResourceExhausted,
             "raise the limit of file sizes, then try again"},
    ErrnoRow{EAGAIN, FaultKind::kBusy, StatusCode::kUnavailable, "close the other user first"},
    ErrnoRow{EBUSY, FaultKind::kBusy, StatusCode::kUnavailable, "close the other user first"},
    ErrnoRow{ELOOP, FaultKind::kInvalid, StatusCode::kInvalidArgument, kNotAPlainPath},
    ErrnoRow{ENOTDIR, FaultKind::kInvalid, StatusCode::kInvalidArgument, kNotAPlainPath},
    ErrnoRow{EISDIR, FaultKind::kInvalid, StatusCode::kInvalidArgument, kNotAPlainPath},
    ErrnoRow{ENXIO, FaultKind::kInvalid, StatusCode::kInvalidArgument, kNotAPlainPath},
    ErrnoRow{EXDEV, FaultKind::kInvalid, StatusCode::kInvalidArgument, kNotAPlainPath},
    ErrnoRow{ENAMETOOLONG, FaultKind::kInvalid, StatusCode::kInvalidArgument, "shorten the name"},
    ErrnoRow{ENOTEMPTY, FaultKind::kUsage, StatusCode::kFailedPrecondition, "empty it first"},
    ErrnoRow{ENOSYS, FaultKind::kUnsupported, StatusCode::kUnimplemented, "use another volume"},
    ErrnoRow{EOPNOTSUPP, FaultKind::kUnsupported, StatusCode::kUnimplemented, "use another volume"},
    ErrnoRow{EMFILE, FaultKind::kIo, StatusCode::kUnavailable, kDescriptors},
    ErrnoRow{ENFILE, FaultKind::kIo, StatusCode::kUnavailable, kDescriptors},
    ErrnoRow{EACCES, FaultKind::kIo, StatusCode::kInternal, kRights},
    ErrnoRow{EPERM, FaultKind::kIo, StatusCode::kInternal, kRights},
    ErrnoRow{EROFS, FaultKind::kIo, StatusCode::kInternal, kRights},
    ErrnoRow{EBADF, FaultKind::kIo, StatusCode::kInternal, "report this as a defect of dr"},
    ErrnoRow{EFAULT, FaultKind::kIo, StatusCode::kInternal, "report this as a defect of dr"},
    ErrnoRow{EINVAL, FaultKind::kIo, StatusCode::kInternal, "report this as a defect of dr"},
};

// What is not listed is the device's or the kernel's trouble, which may pass.
ErrnoRow RowOfErrno(int value) {
  for (const ErrnoRow& row : kErrnos) {
    if (row.value == value) return row;
  }
  return {value, FaultKind::kIo, StatusCode::kUnavailable,
          "check the device and the system's log, then try again"};
}

// The payload: kind, which optional fields are there, offset, lsn, length of place, place, next.
constexpr std::string_view kPayloadUrl = "dr.dev/fault";
static_assert(std::endian::native == std::endian::little);

template <typename Integer>
void Append(Integer value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename Integer>
bool Take(std::string_view& in, Integer& value) {
  if (in.size() < sizeof(value)) return false;
  std::memcpy(&value, in.data(), sizeof(value));
  in.remove_prefix(sizeof(value));
  return true;
}

std::string EncodePayload(const Fault& fault) {
  std::string out;
  Append(static_cast<std::uint8_t>(fault.kind), out);
  Append(static_cast<std::uint8_t>((fault.offset ? 1 : 0) | (fault.lsn ? 2 : 0)), out);
  Append(fault.offset.value_or(0), out);
  Append(fault.lsn.value_or(Lsn{}).value, out);
  Append(std::uint64_t{fault.place.size()}, out);
  out += fault.place;
  out += fault.next;
  return out;
}

std::optional<Fault> DecodePayload(std::string_view in) {
  std::uint8_t kind = 0;
  std::uint8_t present = 0;
  std::uint64_t offset = 0;
  std::uint64_t lsn = 0;
  std::uint64_t place_bytes = 0;
  if (!Take(in, kind) || !Take(in, present) || !Take(in, offset) || !Take(in, lsn) ||
      !Take(in, place_bytes) || place_bytes > in.size() || !RowOf(static_cast<FaultKind>(kind))) {
    return std::nullopt;
  }
  Fault fault{.kind = static_cast<FaultKind>(kind)};
  if (present & 1) fault.offset = offset;
  if (present & 2) fault.lsn = Lsn{lsn};
  fault.place = in.substr(0, place_bytes);
  fault.next = in.substr(place_bytes);
  return fault;
}

std::string Message(const Fault& fault, std::string_view what) {
  std::string where;
  auto add = [&](std::string_view part) {
    if (!where.empty()) where += ", ";
    where += part;
  };
  if (!fault.place.empty()) add(fault.place);
  if (fault.offset) add(fmt::format("offset {}", *fault.offset));
  if (fault.lsn) add(fmt::format("lsn {}", fault.lsn->value));
  std::string out = fmt::format("{}: {}", NameOf(fault.kind), what);
  if (!where.empty()) out += fmt::format(" [{}]", where);
  if (!fault.next.empty()) out += fmt::format("; {}", fault.next);
  return Printable(out);
}

absl::Status MakeStatus(StatusCode code, const Fault& fault, std::string_view what) {
  absl::Status status(code, Message(fault, what));
  status.SetPayload(AsAbsl(kPayloadUrl), absl::Cord(EncodePayload(fault)));
  return status;
}

}  // namespace

absl::StatusCode CodeOf(FaultKind kind) {
  const KindRow* row = RowOf(kind);
  return row ? row->code : StatusCode::kUnknown;
}

std::string_view NameOf(FaultKind kind) {
  const KindRow* row = RowOf(kind);
  return row ? row->name : "unknown";
}

absl::Status MakeFault(Fault fault, std::string_view what) {
  return MakeStatus(CodeOf(fault.kind), fault, what);
}

absl::Status MakeIoFault(std::string_view call, std::string_view place, int errno_value,
                         std::optional<std::uint64_t> offset) {
  const ErrnoRow row = RowOfErrno(errno_value);
  return MakeStatus(row.code,
                    {.kind = row.kind,
                     .place = std::string(place),
                     .offset = offset,
                     .next = std::string(row.next)},
                    fmt::format("{} failed: {} (errno {})", call,
                                std::generic_category().message(errno_value), errno_value));
}

std::optional<Fault> FaultOf(const absl::Status& status) {
  absl::optional<absl::Cord> payload = status.GetPayload(AsAbsl(kPayloadUrl));
  if (!payload) return std::nullopt;
  return DecodePayload(AsStd(payload->Flatten()));
}

bool IsFault(const absl::Status& status, FaultKind kind) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == kind;
}

absl::Status WithPlace(const absl::Status& status, std::string_view place) {
  std::optional<Fault> fault = FaultOf(status);
  if (!fault || fault->place.empty()) return status;
  std::string message(AsStd(status.message()));
  const std::string old = Printable(fault->place);
  if (const std::size_t at = message.rfind("[" + old); at != std::string::npos) {
    message.replace(at + 1, old.size(), Printable(place));
  }
  fault->place = place;
  absl::Status moved(status.code(), message);
  moved.SetPayload(AsAbsl(kPayloadUrl), absl::Cord(EncodePayload(*fault)));
  return moved;
}

absl::Status CheckContext(const Context& context, const Clock& clock, std::string_view what) {
  if (context.stop.stop_requested()) {
    return MakeFault({.kind = FaultKind::kCancelled, .next = "call again if it is still wanted"},
                     fmt::format("{} was told to stop", what));
  }
  if (!context.deadline.is_never() && clock.Now() >= context.deadline) {
    return MakeFault({.kind = FaultKind::kDeadline, .next = "allow more time"},
                     fmt::format("{} did not end before its deadline", what));
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
