#include "adapters/s3/error.h"

#include <string>

#include "dr/adapter/adapter_calls.h"
#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kShownBytesMax = 300;

FaultKind KindOf(const S3Answer& answer) {
  const std::string_view code = answer.error.code;
  if (code == "RequestTimeout" || code == "BadDigest" || code == "XAmzContentSHA256Mismatch") {
    return FaultKind::kIo;  // damaged or delayed on the way, and not kept
  }
  if (code == "QuotaExceeded" || answer.status == 507) return FaultKind::kNoSpace;
  if (code == "NoSuchBucket") return FaultKind::kUsage;
  if (answer.HasExpiredKeys() || code == "InvalidToken") return FaultKind::kWrongKey;
  switch (answer.status) {
    case 401:
    case 403:
      return FaultKind::kWrongKey;
    case 404:
      return FaultKind::kMissing;
    case 408:
    case 409:
    case 429:
      return FaultKind::kIo;
    case 412:
      return FaultKind::kConflict;
    case 501:
      return FaultKind::kUnsupported;
    default:
      return answer.status >= 500 ? FaultKind::kIo : FaultKind::kInvalid;
  }
}

std::string_view NextStep(FaultKind kind) {
  switch (kind) {
    case FaultKind::kWrongKey:
      return "see whether the keys, their policy and the region are right";
    case FaultKind::kUsage:
      return "make the bucket, or name another";
    case FaultKind::kIo:
      return "retry";
    default:
      return "see what the store says";
  }
}

absl::Status Redirected(const S3Answer& answer, std::string_view origin) {
  std::string_view region = answer.response.Find("x-amz-bucket-region");
  if (region.empty()) region = answer.error.region;
  std::string_view where = answer.response.Find("location");
  if (where.empty()) where = answer.error.endpoint;
  return MakeFault(
      {.kind = FaultKind::kInvalid,
       .place = std::string(origin),
       .next = "if that is yours, write its region= and endpoint= into the URI"},
      fmt::format(
          "the bucket is elsewhere, and keys are not sent after it: region {:?}, at {:?} ({})",
          region, where.substr(0, kShownBytesMax), answer.status));
}

}  // namespace

absl::Status ErrorOf(const S3Call& call, const S3Answer& answer, std::string_view origin) {
  if ((answer.status >= 300 && answer.status < 400) || !answer.error.region.empty()) {
    return Redirected(answer, origin);
  }
  const FaultKind kind = KindOf(answer);
  const absl::Status meaning =
      MakeFault({.kind = kind,
                 .place = std::string(call.object.empty() ? origin : call.object),
                 .next = std::string(NextStep(kind))},
                fmt::format("{} {}: {}", answer.status, answer.error.code,
                            std::string_view(answer.error.message).substr(0, kShownBytesMax)));
  // A part of the store has failed; another may have done it, or will.
  const bool unsure = answer.status == 500 || answer.status == 502 || answer.status == 504;
  return unsure && call.writes() ? MayHaveHappened(call.object, meaning) : meaning;
}

absl::Status NoAnswer(std::string_view origin, std::string_view why) {
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(origin),
                    .next = "see whether the endpoint is right and the server runs; retry"},
                   why);
}

absl::Status ErrorOf(CURLcode code, std::string_view detail, std::string_view origin) {
  const std::string why =
      fmt::format("no answer: {}", detail.empty() ? curl_easy_strerror(code) : detail);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return MakeFault({.kind = FaultKind::kWrongKey,
                        .place = std::string(origin),
                        .next = "see whether it is for this host and has not expired; an authority "
                                "that this machine does not know is named as ca="},
                       why);
    default:
      return NoAnswer(origin, why);
  }
}

}  // namespace dr::inline v0
