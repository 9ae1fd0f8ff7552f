#include "dr/status.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/cord.h"
#include "dr/printable.h"
#include "fmt/format.h"

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

// The payload is a line of text: kind, offset, Lsn, place and next, the absent ones as "-". A text
// that the message shows as it is has its length there and how far from the message's end it
// begins, so that it is not shown twice; any other stands there itself, behind '=' and escaped.
constexpr std::string_view kPayloadUrl = "dr.dev/fault";

std::string EncodeText(std::string_view text, std::size_t behind) {
  if (text.empty()) return "-";
  if (Printable(text) == text) return fmt::format("{}-{}", behind + text.size(), text.size());
  std::string out = "=";
  for (char c : text) {
    if (c > ' ' && c < 0x7F && std::string_view("%'\"\\").find(c) == std::string_view::npos) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

template <typename Integer>
bool ReadNumber(std::string_view text, Integer& value, int base = 10) {
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, value, base);
  return error == std::errc() && read == end;
}

// Cuts off what stands before the first `mark`, and the mark.
std::string_view TakeUntil(std::string_view& in, char mark) {
  const std::string_view word = in.substr(0, in.find(mark));
  in.remove_prefix(std::min(word.size() + 1, in.size()));
  return word;
}

bool DecodeText(std::string_view word, std::string_view message, std::string& text) {
  if (word == "-") return true;
  if (!word.starts_with('=')) {
    std::size_t from_end = 0, size = 0;
    if (!ReadNumber(TakeUntil(word, '-'), from_end) || !ReadNumber(word, size)) return false;
    if (from_end > message.size() || size > from_end) return false;
    text = message.substr(message.size() - from_end, size);
    return true;
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    if (word[i] != '%') {
      text += word[i];
      continue;
    }
    std::uint8_t byte = 0;
    if (word.size() - i < 3 || !ReadNumber(word.substr(i + 1, 2), byte, 16)) return false;
    text += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

std::optional<Fault> DecodePayload(std::string_view in, std::string_view message) {
  const auto optional_number = [&](std::optional<std::uint64_t>& number) {
    const std::string_view word = TakeUntil(in, ' ');
    return word == "-" || ReadNumber(word, number.emplace());
  };
  std::uint8_t kind = 0;
  std::optional<std::uint64_t> lsn;
  Fault fault;
  if (!ReadNumber(TakeUntil(in, ' '), kind) || !RowOf(static_cast<FaultKind>(kind)) ||
      !optional_number(fault.offset) || !optional_number(lsn) ||
      !DecodeText(TakeUntil(in, ' '), message, fault.place) ||
      !DecodeText(TakeUntil(in, ' '), message, fault.next) || !in.empty()) {
    return std::nullopt;
  }
  fault.kind = static_cast<FaultKind>(kind);
  if (lsn) fault.lsn = Lsn{*lsn};
  return fault;
}

// The parts of the message that are printable already stay as they are, so their sizes are those of
// the texts that the payload points to.
absl::Status MakeStatus(StatusCode code, const Fault& fault, std::string_view what) {
  std::string end;  // behind the place
  const bool has_place = !fault.place.empty();
  if (fault.offset) end += fmt::format("{}offset {}", has_place ? ", " : "", *fault.offset);
  if (fault.lsn) {
    end += fmt::format("{}lsn {}", has_place || fault.offset ? ", " : "", fault.lsn->value);
  }
  const bool has_where = has_place || !end.empty();
  if (has_where) end += ']';
  if (!fault.next.empty()) end += fmt::format("; {}", Printable(fault.next));
  const std::string message = fmt::format("{}: {}{}{}{}", NameOf(fault.kind), Printable(what),
                                          has_where ? " [" : "", Printable(fault.place), end);
  const auto number = [](std::optional<std::uint64_t> value) {
    return value ? std::to_string(*value) : "-";
  };
  absl::Status status(code, message);
  status.SetPayload(
      AsAbsl(kPayloadUrl),
      absl::Cord(fmt::format("{} {} {} {} {}", static_cast<int>(fault.kind), number(fault.offset),
                             number(fault.lsn ? std::optional(fault.lsn->value) : std::nullopt),
                             EncodeText(fault.place, end.size()), EncodeText(fault.next, 0))));
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
  return DecodePayload(AsStd(payload->Flatten()), AsStd(status.message()));
}

bool IsFault(const absl::Status& status, FaultKind kind) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == kind;
}

absl::Status WithPlace(const absl::Status& status, std::string_view place) {
  std::optional<Fault> fault = FaultOf(status);
  if (!fault || fault->place.empty()) return status;
  // What was said is between the name of the kind and the old place.
  const std::string_view message = AsStd(status.message());
  const std::string begin = fmt::format("{}: ", NameOf(fault->kind));
  const std::size_t end = message.rfind(" [" + Printable(fault->place));
  if (!message.starts_with(begin) || end == message.npos || end < begin.size()) return status;
  fault->place = place;
  return MakeStatus(status.code(), *fault, message.substr(begin.size(), end - begin.size()));
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
