#include "adapters/s3/client.h"

#include <algorithm>
#include <utility>

#include "dr/adapter/adapter_calls.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kSessionsMax = 16, kBatchesMax = 2, kBatchConnections = 8;
constexpr int kReadsMax = 16;
constexpr std::size_t kShownBytesMax = 300;

bool HasExpired(const S3Answer& answer) {
  return answer.error.code == "ExpiredToken" || answer.error.code == "TokenRefreshRequired";
}

S3Answer Read(HttpResponse response) {
  S3Answer answer{.status = response.status, .response = std::move(response)};
  std::string_view body = answer.response.body;
  // A store that has begun to answer keeps the connection with blanks until it knows what to say.
  body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));
  if (answer.ok() && !body.starts_with("<")) return answer;
  if (std::optional<S3Error> error = ParseS3Error(body)) {
    answer.error = *std::move(error);
    if (answer.ok()) answer.status = answer.error.code == "SlowDown" ? 503 : 500;
  }
  return answer;
}

FaultKind KindOf(const S3Answer& answer) {
  const std::string_view code = answer.error.code;
  if (code == "RequestTimeout" || code == "BadDigest" || code == "XAmzContentSHA256Mismatch") {
    return FaultKind::kIo;  // damaged or delayed on the way, and not kept
  }
  if (code == "QuotaExceeded" || answer.status == 507) return FaultKind::kNoSpace;
  if (code == "NoSuchBucket") return FaultKind::kUsage;
  if (HasExpired(answer) || code == "InvalidToken") return FaultKind::kWrongKey;
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

}  // namespace

std::string S3Answer::etag() const {
  std::string_view tag = response.Find("etag");
  if (tag.size() > 1 && tag.front() == '"' && tag.back() == '"')
    tag = tag.substr(1, tag.size() - 2);
  return std::string(tag);
}

S3Client::S3Client(S3Location location, const Clock& clock, S3CredentialsSource source,
                   HttpLimits limits)
    : location_(std::move(location)),
      clock_(clock),
      keys_(std::move(source), clock),
      sessions_(kSessionsMax, clock,
                [this, limits](const Context&) {
                  return HttpSession::Make(clock_, location_.ca, limits);
                }),
      batches_(kBatchesMax, clock, [this, limits](const Context&) {
        return HttpSession::Make(clock_, location_.ca, limits);
      }) {}

absl::StatusOr<S3Answer> S3Client::Call(const S3Call& call, const Context& context) {
  DR_ASSIGN_OR_RETURN(Keys keys, keys_.Current(context));
  absl::StatusOr<S3Answer> answer = CallOnce(call, *keys, context);
  return Again(call, std::move(keys), std::move(answer), context);
}

std::vector<absl::StatusOr<S3Answer>> S3Client::CallAll(std::span<const S3Call> calls,
                                                        const Context& context) {
  std::vector<absl::StatusOr<S3Answer>> answers(calls.size());
  for (std::size_t at = 0; at < calls.size(); at += kBatchConnections) {
    const std::size_t count = std::min(kBatchConnections, calls.size() - at);
    const std::span<absl::StatusOr<S3Answer>> some = std::span(answers).subspan(at, count);
    const absl::StatusOr<Keys> keys = keys_.Current(context);
    const absl::Status sent =
        keys.ok() ? SendAll(batches_, calls.subspan(at, count), **keys, some, context)
                  : keys.status();
    for (std::size_t i = 0; i < count; ++i) {
      some[i] = sent.ok() ? Again(calls[at + i], *keys, std::move(some[i]), context) : sent;
    }
  }
  return answers;
}

// What did nothing is done once more.
absl::StatusOr<S3Answer> S3Client::Again(const S3Call& call, Keys keys,
                                         absl::StatusOr<S3Answer> answer, const Context& context) {
  for (int i = 0; i < kReadsMax && answer.ok() && !call.writes() && answer->IsOvertakenInCeph();
       ++i) {
    answer = CallOnce(call, *keys, context);
  }
  if (!answer.ok()) return answer;
  if (HasExpired(*answer)) {
    DR_ASSIGN_OR_RETURN(keys, keys_.Renew(keys, context));
  } else if (!CorrectClock(*answer)) {
    return answer;
  }
  return CallOnce(call, *keys, context);
}

absl::StatusOr<S3Answer> S3Client::CallOnce(const S3Call& call, const S3Credentials& keys,
                                            const Context& context) {
  absl::StatusOr<S3Answer> answer;
  DR_RETURN_IF_ERROR(SendAll(sessions_, {&call, 1}, keys, {&answer, 1}, context));
  return answer;
}

absl::Status S3Client::SendAll(Sessions& sessions, std::span<const S3Call> calls,
                               const S3Credentials& keys,
                               std::span<absl::StatusOr<S3Answer>> answers,
                               const Context& context) {
  struct Signed {
    S3Request request = {};
    S3Fields headers = {};
  };
  std::vector<Signed> all;
  all.reserve(calls.size());  // what is sent refers to them
  std::vector<HttpExchange> exchanges;
  const absl::Time now =
      clock_.WallTime() + absl::Seconds(ahead_seconds_.load(std::memory_order_relaxed));
  for (const S3Call& call : calls) {
    Signed& one = all.emplace_back(
        Signed{.request = {.method = call.method,
                           .host = location_.host,
                           .path = location_.path + PercentEncode(call.object, Slash::kKeep),
                           .query = call.query,
                           .headers = call.headers,
                           .body = call.body,
                           .more_body = call.more_body}});
    one.headers = SignedHeaders(one.request, keys, location_.region, now);
    if (call.signature == S3Signature::kForged) {
      char& last = one.headers.back().second.back();
      last = last == '0' ? '1' : '0';
    }
    exchanges.push_back({.request = one.request,
                         .headers = one.headers,
                         .answer_bytes_max = call.answer_bytes_max});
  }
  DR_ASSIGN_OR_RETURN(auto session, sessions.Take(context));
  session->Send(location_.origin, exchanges, context);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    HttpExchange& exchange = exchanges[i];
    if (exchange.response.ok()) {
      answers[i] = Read(*std::move(exchange.response));
    } else if (exchange.was_sent && calls[i].writes()) {
      answers[i] = MayHaveHappened(calls[i].object, exchange.response.status());
    } else {
      answers[i] = exchange.response.status();
    }
  }
  return absl::OkStatus();
}

bool S3Client::CorrectClock(const S3Answer& answer) {
  if (answer.error.code != "RequestTimeTooSkewed") return false;
  absl::Time theirs;
  std::string ignored;
  if (!absl::ParseTime("%a, %d %b %E4Y %H:%M:%S GMT", AsAbsl(answer.response.Find("date")), &theirs,
                       &ignored)) {
    return false;
  }
  ahead_seconds_ = absl::ToInt64Seconds(theirs - clock_.WallTime());
  return true;
}

absl::Status S3Client::Redirected(const S3Answer& answer) const {
  std::string_view region = answer.response.Find("x-amz-bucket-region");
  if (region.empty()) region = answer.error.region;
  std::string_view where = answer.response.Find("location");
  if (where.empty()) where = answer.error.endpoint;
  return MakeFault(
      {.kind = FaultKind::kInvalid,
       .place = location_.origin,
       .next = "if that is yours, write its region= and endpoint= into the URI"},
      fmt::format(
          "the bucket is elsewhere, and keys are not sent after it: region {:?}, at {:?} ({})",
          region, where.substr(0, kShownBytesMax), answer.status));
}

absl::Status S3Client::Meaning(const S3Call& call, const S3Answer& answer) const {
  if ((answer.status >= 300 && answer.status < 400) || !answer.error.region.empty()) {
    return Redirected(answer);
  }
  const FaultKind kind = KindOf(answer);
  const absl::Status meaning =
      MakeFault({.kind = kind,
                 .place = call.object.empty() ? location_.origin : std::string(call.object),
                 .next = std::string(NextStep(kind))},
                fmt::format("{} {}: {}", answer.status, answer.error.code,
                            std::string_view(answer.error.message).substr(0, kShownBytesMax)));
  // A part of the store has failed; another may have done it, or will.
  const bool unsure = answer.status == 500 || answer.status == 502 || answer.status == 504;
  return unsure && call.writes() ? MayHaveHappened(call.object, meaning) : meaning;
}

}  // namespace dr::inline v0
