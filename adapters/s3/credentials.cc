#include "adapters/s3/credentials.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

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

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

absl::StatusOr<std::string> ReadShared(FileSystem& files, const std::string& path) {
  DR_ASSIGN_OR_RETURN(std::string text, files.ReadFile(path, kFileBytesMax + 1));
  if (text.size() > kFileBytesMax) return NoKeys(path, "the shared file is longer than 1 MiB");
  return text;
}

}  // namespace

absl::StatusOr<S3Credentials> ParseS3Credentials(std::string_view text, std::string_view profile,
                                                 std::string_view place) {
  S3Credentials keys;
  bool inside = false, found = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = line.back() == ']' && Trimmed(line.substr(1, line.size() - 2)) == profile;
      found = found || inside;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!inside || equals == line.npos) continue;
    const std::string_view name = Trimmed(line.substr(0, equals));
    const std::string_view value = Trimmed(line.substr(equals + 1));
    if (name == "aws_access_key_id") keys.access_key_id = value;
    if (name == "aws_secret_access_key") keys.secret_access_key = Secret(value);
    if (name == "aws_session_token") keys.session_token = Secret(value);
  }
  if (!found) return NoKeys(place, fmt::format("there is no profile {:?}", profile));
  return Checked(std::move(keys), place);
}

absl::StatusOr<S3Credentials> FindS3Credentials(FileSystem& files, std::string_view profile) {
  if (profile.empty() && !Variable("AWS_ACCESS_KEY_ID").empty()) {
    return Checked({.access_key_id = std::string(Variable("AWS_ACCESS_KEY_ID")),
                    .secret_access_key = Secret(Variable("AWS_SECRET_ACCESS_KEY")),
                    .session_token = Secret(Variable("AWS_SESSION_TOKEN"))},
                   "AWS_… of the environment");
  }
  std::string path(Variable("AWS_SHARED_CREDENTIALS_FILE"));
  if (path.empty()) path = fmt::format("{}/.aws/credentials", Variable("HOME"));
  absl::StatusOr<std::string> text = ReadShared(files, path);
  if (!text.ok()) {
    return NoKeys(path, fmt::format("no keys in the environment, and the shared file cannot be "
                                    "read: {}",
                                    AsStd(text.status().message())));
  }
  absl::StatusOr<S3Credentials> keys =
      ParseS3Credentials(*text, profile.empty() ? "default" : profile, path);
  Wipe(text->data(), text->size());
  return keys;
}

absl::StatusOr<S3KeyHolder::Keys> S3KeyHolder::Current(const Context& context) {
  MutexLock lock(mutex_);
  if (keys_ == nullptr) {
    DR_ASSIGN_OR_RETURN(S3Credentials keys, source_(context));
    keys_ = std::make_shared<const S3Credentials>(std::move(keys));
  }
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
