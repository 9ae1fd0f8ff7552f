#include "adapters/s3/client.h"

#include <algorithm>
#include <utility>

#include "dr/adapter/adapter_calls.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kCallsMax = 16, kBatchesMax = 2, kBatchConnections = 8;
constexpr int kReadsMax = 16;

}  // namespace

S3Client::S3Client(S3Options options, const Clock& clock, S3CredentialsSource source,
                   HttpLimits limits)
    : options_(std::move(options)),
      clock_(clock),
      keys_(std::move(source), clock),
      calls_(kCallsMax, clock,
             [this, limits](const Context&) {
               return HttpConnections::Make(clock_, options_.ca, limits);
             }),
      batches_(kBatchesMax, clock, [this, limits](const Context&) {
        return HttpConnections::Make(clock_, options_.ca, limits);
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
  if (answer->HasExpiredKeys()) {
    DR_ASSIGN_OR_RETURN(keys, keys_.Renew(keys, context));
  } else if (!CorrectClock(*answer)) {
    return answer;
  }
  return CallOnce(call, *keys, context);
}

absl::StatusOr<S3Answer> S3Client::CallOnce(const S3Call& call, const S3Credentials& keys,
                                            const Context& context) {
  absl::StatusOr<S3Answer> answer;
  DR_RETURN_IF_ERROR(SendAll(calls_, {&call, 1}, keys, {&answer, 1}, context));
  return answer;
}

absl::Status S3Client::SendAll(Pool& pool, std::span<const S3Call> calls, const S3Credentials& keys,
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
                           .host = options_.host,
                           .path = options_.path + PercentEncode(call.object, Slash::kKeep),
                           .query = call.query,
                           .headers = call.headers,
                           .body = call.body,
                           .more_body = call.more_body}});
    one.headers = SignedHeaders(one.request, keys, options_.region, now);
    if (call.signature == S3Signature::kForged) {
      char& last = one.headers.back().second.back();
      last = last == '0' ? '1' : '0';
    }
    exchanges.push_back({.request = one.request,
                         .headers = one.headers,
                         .answer_bytes_max = call.answer_bytes_max});
  }
  DR_ASSIGN_OR_RETURN(auto connections, pool.Take(context));
  connections->Send(options_.origin, exchanges, context);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    HttpExchange& exchange = exchanges[i];
    if (exchange.response.ok()) {
      answers[i] = ReadAnswer(*std::move(exchange.response));
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

}  // namespace dr::inline v0
