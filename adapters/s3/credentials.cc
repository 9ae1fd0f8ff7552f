#include "adapters/s3/credentials.h"

#include <optional>
#include <utility>

#include "adapters/s3/profile.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

absl::Status NoKeys(std::string_view place, std::string_view what) {
  return MakeFault({.kind = FaultKind::kWrongKey,
                    .place = std::string(place),
                    .next = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write the profile "
                            "into the shared file, or register a source"},
                   what);
}

absl::StatusOr<S3Credentials> Checked(S3Credentials keys, std::string_view place) {
  // A header would be cut or split by what is no visible character.
  const auto visible = [](std::string_view text) {
    return text.find_first_not_of("\t ") == 0 &&
           text.find_first_of("\r\n\t ") == std::string_view::npos;
  };
  if (!visible(keys.access_key_id) || !visible(keys.secret_access_key.Reveal()) ||
      (!keys.session_token.empty() && !visible(keys.session_token.Reveal()))) {
    return NoKeys(place, "the keys are missing or have blanks in them");
  }
  return keys;
}

std::string_view FirstOf(std::string_view text, std::string_view otherwise) {
  return text.empty() ? otherwise : text;
}

absl::StatusOr<S3Credentials> KeysOf(const AwsProfile& profile) {
  // Each would give other keys than those that stand beside it.
  for (const char* way : {"role_arn", "credential_process", "credential_source", "sso_session",
                          "sso_start_url", "web_identity_token_file"}) {
    if (!profile.settings.contains(way)) continue;
    return NoKeys(profile.place, fmt::format("profile {:?} gets its keys by {}, which is not "
                                             "followed here",
                                             profile.name, way));
  }
  return Checked({.access_key_id = std::string(profile.Find("aws_access_key_id")),
                  .secret_access_key = Secret(profile.Find("aws_secret_access_key")),
                  .session_token = Secret(FirstOf(profile.Find("aws_session_token"),
                                                  profile.Find("aws_security_token")))},
                 profile.place);
}

// Where the tools of AWS would get keys from without asking a file, and this cannot.
absl::Status CheckOtherWays(std::initializer_list<const char*> variables) {
  for (const char* variable : variables) {
    if (AwsVariable(variable).empty()) continue;
    return NoKeys(variable, fmt::format("{} is set, which is not followed here", variable));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<S3Credentials> ParseS3Credentials(std::string_view text, std::string_view profile,
                                                 std::string_view place) {
  std::optional<S3Settings> settings = ParseAwsProfile(text, profile);
  if (!settings) return NoKeys(place, fmt::format("there is no profile {:?}", profile));
  return KeysOf({.name = std::string(profile),
                 .place = std::string(place),
                 .is_there = true,
                 .settings = *std::move(settings)});
}

absl::StatusOr<S3Credentials> FindS3Credentials(FileSystem& files, std::string_view profile) {
  const std::string_view id = AwsVariable("AWS_ACCESS_KEY_ID"),
                         secret = AwsVariable("AWS_SECRET_ACCESS_KEY");
  if (profile.empty() && !(id.empty() && secret.empty())) {
    return Checked({.access_key_id = std::string(id),
                    .secret_access_key = Secret(secret),
                    .session_token = Secret(FirstOf(AwsVariable("AWS_SESSION_TOKEN"),
                                                    AwsVariable("AWS_SECURITY_TOKEN")))},
                   "AWS_… of the environment");
  }
  if (profile.empty()) DR_RETURN_IF_ERROR(CheckOtherWays({"AWS_WEB_IDENTITY_TOKEN_FILE"}));
  const AwsProfile found = ReadAwsProfile(files, profile);
  if (found.is_there) return KeysOf(found);
  DR_RETURN_IF_ERROR(CheckOtherWays(
      {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}));
  if (found.unread.ok()) {
    return NoKeys(found.place, fmt::format("there is no profile {:?}", found.name));
  }
  return NoKeys(found.place, fmt::format("no keys in the environment, and the shared file cannot "
                                         "be read: {}",
                                         AsStd(found.unread.message())));
}

absl::StatusOr<S3KeyHolder::Keys> S3KeyHolder::Current(const Context& context) {
  if (Keys keys = Known()) return keys;
  // The source may ask others, and take its time.
  DR_ASSIGN_OR_RETURN(const Permits::Permit permit,
                      asking_.Take(context, clock_, "the keys of the store"));
  if (Keys keys = Known()) return keys;
  DR_ASSIGN_OR_RETURN(S3Credentials found, source_(context));
  auto keys = std::make_shared<const S3Credentials>(std::move(found));
  MutexLock lock(mutex_);
  keys_ = keys;
  return keys;
}

S3KeyHolder::Keys S3KeyHolder::Known() const {
  MutexLock lock(mutex_);
  return keys_;
}

absl::StatusOr<S3KeyHolder::Keys> S3KeyHolder::Renew(const Keys& expired, const Context& context) {
  {
    MutexLock lock(mutex_);
    if (keys_ == expired) keys_ = nullptr;
  }
  return Current(context);
}

}  // namespace dr::inline v0
