// Errors as values, each with what to do next.
//
//   absl::Status s = host->Start();
//   if (std::optional<dr::Fault> fault = dr::FaultOf(s)) show(fault->place, fault->next);
//
// The code alone tells a program how to react:
//   kUnavailable         retry this call            kNotFound, kAlreadyExists as they say
//   kAborted             lost a race                kUnauthenticated         wrong credentials
//   kFailedPrecondition  fenced or poisoned         kUnimplemented           version or capability
//   kDataLoss            never retry: rot, gap, …   kResourceExhausted       space or quota
//   kUnknown             it may have happened       kInvalidArgument         bad input; limits too
//   kInternal            a component's fault         kDeadlineExceeded, kCancelled
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// What went wrong, more finely than a code. Values travel between processes: never reuse one.
enum class FaultKind : std::uint8_t {
  kIo = 1,            ///< the file system or network failed: kUnavailable, or kInternal by errno
  kBusy = 2,          ///< it is open elsewhere: kUnavailable
  kPoisoned = 3,      ///< a sync failed earlier; reopen: kFailedPrecondition
  kFenced = 4,        ///< a newer epoch owns it: kFailedPrecondition
  kNoSpace = 5,       ///< kResourceExhausted
  kLimit = 6,         ///< a length or count is out of bounds: kInvalidArgument
  kWalCorrupt = 7,    ///< rot in the log: kDataLoss
  kWalGap = 8,        ///< a part of the log is missing: kDataLoss
  kAuthFailed = 9,    ///< it is not what was written: kDataLoss
  kRollback = 10,     ///< older than what was seen before: kDataLoss
  kIncomplete = 11,   ///< parts are missing: kDataLoss
  kWrongKey = 12,     ///< kUnauthenticated
  kVersion = 13,      ///< format, schema or feature not known here: kUnimplemented
  kAmbiguous = 14,    ///< it may have happened: kUnknown
  kConflict = 15,     ///< kAborted
  kComponent = 16,    ///< a component broke its contract: kInternal
  kInvalid = 17,      ///< bad input: kInvalidArgument
  kUsage = 18,        ///< called in the wrong state: kFailedPrecondition
  kMissing = 19,      ///< kNotFound
  kExists = 20,       ///< kAlreadyExists
  kDeadline = 21,     ///< kDeadlineExceeded
  kCancelled = 22,    ///< kCancelled
  kUnsupported = 23,  ///< not offered by this build or store: kUnimplemented
};

/// The part of an error that a program can act on.
struct Fault {
  FaultKind kind = FaultKind::kIo;           ///< what went wrong
  std::string place = {};                    ///< file, object, component or URI (redacted)
  std::optional<std::uint64_t> offset = {};  ///< bytes into `place`
  std::optional<Lsn> lsn = {};               ///< first operation concerned
  std::string next = {};                     ///< what the reader should do, one sentence
};

/// The status code that stands for `kind` everywhere in dr.
DR_EXPORT absl::StatusCode CodeOf(FaultKind kind);
/// The name of `kind` as printed: "wal_corrupt", "no_space", …
DR_EXPORT std::string_view NameOf(FaultKind kind);

/// An error that carries `fault`. The message reads "KIND: WHAT [place, offset, lsn]; NEXT", with
/// control characters escaped.
DR_EXPORT absl::Status MakeFault(Fault fault, std::string_view what);
/// As MakeFault, with the code and kind that belong to `errno_value` of a failed system call.
DR_EXPORT absl::Status MakeIoFault(std::string_view call, std::string_view place, int errno_value,
                                   std::optional<std::uint64_t> offset = {});
/// The fault that a status of dr carries; nullopt for OK and for errors from elsewhere.
DR_EXPORT std::optional<Fault> FaultOf(const absl::Status& status);

/// Whether `status` carries a fault of this kind.
DR_EXPORT bool IsFault(const absl::Status& status, FaultKind kind);

/// The same error with another place, for a file that was renamed while it was open.
DR_EXPORT absl::Status WithPlace(const absl::Status& status, std::string_view place);

/// kDeadlineExceeded or kCancelled, naming `what`, if `context` has ended; otherwise OK.
DR_EXPORT absl::Status CheckContext(const Context& context, const Clock& clock,
                                    std::string_view what);

/// Writes the error to stderr for a person to read, and returns the exit code a program of dr ends
/// with: 0 for OK, 1 otherwise, 2 for kInvalidArgument, 3 for kDataLoss, 4 for kUnavailable. Only
/// programs call it; the library never prints.
DR_EXPORT int PrintError(const absl::Status& status);

/// In some builds Abseil's string_view is a type of its own, in others it is std's.
inline absl::string_view AsAbsl(std::string_view s) { return {s.data(), s.size()}; }
/// The other way round.
inline std::string_view AsStd(absl::string_view s) { return {s.data(), s.size()}; }

}  // namespace dr::inline v0
