#include "adapters/s3/probe.h"

#include <utility>

#include "adapters/s3/error.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kNoETag = "00000000000000000000000000000000";

class Probe {
 public:
  Probe(S3Client& client, const Context& context, std::uint64_t nonce)
      : client_(client),
        context_(context),
        // "!~" is in no name of a key, so that no listing shows it.
        object_(fmt::format("{}!~probe-{:016x}", client.options().root, nonce)),
        other_(object_ + "-other") {}

  absl::StatusOr<S3Findings> Run() {
    S3Findings findings;
    DR_RETURN_IF_ERROR(FindCreation(findings));
    DR_RETURN_IF_ERROR(FindReplacement(findings));
    DR_RETURN_IF_ERROR(FindSignature(findings));
    return findings;
  }
  absl::Status CleanUp() {
    if (!has_written_) return absl::OkStatus();
    for (const std::string& object : {object_, other_}) {
      const S3Call call{.method = "DELETE", .object = object};
      DR_ASSIGN_OR_RETURN(S3Answer answer, client_.Call(call, context_));
      if (!answer.ok() && !answer.HasNoObject())
        return ErrorOf(call, answer, client_.options().origin);
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<S3Answer> Put(const std::string& object, std::string_view body,
                               S3Fields condition) {
    return client_.Call(
        {.method = "PUT", .object = object, .headers = std::move(condition), .body = body},
        context_);
  }
  absl::StatusOr<S3Answer> Get(S3Signature signature) {
    return client_.Call({.method = "GET", .object = object_, .signature = signature}, context_);
  }

  absl::Status FindCreation(S3Findings& findings) {
    // That it may write at all; by this its errors are told from those about conditions.
    const S3Call plain{.method = "PUT", .object = other_, .body = "plain"};
    DR_ASSIGN_OR_RETURN(S3Answer written, client_.Call(plain, context_));
    if (!written.ok()) return ErrorOf(plain, written, client_.options().origin);
    has_written_ = true;
    DR_RETURN_IF_ERROR(client_.Call({.method = "DELETE", .object = other_}, context_).status());

    const S3Fields if_absent = {{"if-none-match", "*"}};
    DR_ASSIGN_OR_RETURN(S3Answer first, Put(object_, "first", if_absent));
    DR_ASSIGN_OR_RETURN(S3Answer second, Put(object_, "second", if_absent));
    DR_ASSIGN_OR_RETURN(S3Answer found, Get(S3Signature::kRight));
    findings.creates_once =
        first.ok() && second.status == 412 && found.ok() && found.response.body == "first";
    if (!findings.creates_once) {
      findings.weaknesses.push_back(
          fmt::format("If-None-Match: * does not hold here: a first Put was answered with {}, a "
                      "second with {}.",
                      first.status, second.status));
    }
    return absl::OkStatus();
  }

  absl::Status FindReplacement(S3Findings& findings) {
    DR_ASSIGN_OR_RETURN(S3Answer base, Put(object_, "base", {}));
    std::string answers;
    for (ETagStyle style : {ETagStyle::kQuoted, ETagStyle::kBare}) {
      const S3Fields wrong_tag = {{"if-match", IfMatch(kNoETag, style)}};
      const S3Fields right_tag = {{"if-match", IfMatch(base.etag(), style)}};
      DR_ASSIGN_OR_RETURN(S3Answer wrong, Put(object_, "wrong", wrong_tag));
      DR_ASSIGN_OR_RETURN(S3Answer missing, Put(other_, "missing", right_tag));
      DR_ASSIGN_OR_RETURN(S3Answer right, Put(object_, "right", right_tag));
      DR_ASSIGN_OR_RETURN(S3Answer stale, Put(object_, "stale", right_tag));
      if (wrong.status == 412 && !missing.ok() && right.ok() && stale.status == 412) {
        findings.replaces_by_version = true;
        findings.style = style;
        findings.etag_bytes = base.etag().size();
        return absl::OkStatus();
      }
      answers +=
          fmt::format("; {}: another ETag {}, no object {}, the right ETag {}, an old one {}",
                      style == ETagStyle::kQuoted ? "quoted" : "bare", wrong.status, missing.status,
                      right.status, stale.status);
      DR_ASSIGN_OR_RETURN(base, Put(object_, "base", {}));
    }
    findings.weaknesses.push_back(fmt::format("If-Match does not hold here{}.", answers));
    return absl::OkStatus();
  }

  absl::Status FindSignature(S3Findings& findings) {
    DR_ASSIGN_OR_RETURN(S3Answer forged, Get(S3Signature::kForged));
    findings.checks_signatures = forged.status == 403 || forged.status == 401;
    if (!findings.checks_signatures) {
      findings.weaknesses.push_back(fmt::format(
          "A wrong signature was answered with {}: anyone may write here.", forged.status));
    }
    return absl::OkStatus();
  }

  S3Client& client_;
  const Context& context_;
  const std::string object_, other_;
  bool has_written_ = false;
};

}  // namespace

std::string IfMatch(std::string_view etag, ETagStyle style) {
  return style == ETagStyle::kQuoted ? fmt::format("\"{}\"", etag) : std::string(etag);
}

absl::StatusOr<S3Findings> ProbeS3(S3Client& client, Random& random, const Context& context) {
  DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, random.Next());
  Probe probe(client, context, nonce);
  absl::StatusOr<S3Findings> findings = probe.Run();
  const absl::Status cleaned = probe.CleanUp();
  if (findings.ok() && !cleaned.ok()) findings = cleaned;
  if (!absl::IsUnknown(findings.status())) return findings;
  // What may have been written is the probe's own; who opens a store only has to try again.
  return MakeFault({.kind = FaultKind::kIo, .place = "S3", .next = "try again"},
                   AsStd(findings.status().message()));
}

}  // namespace dr::inline v0
