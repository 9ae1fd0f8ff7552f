#include "adapters/s3/call.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace dr::inline v0 {

std::string S3Answer::etag() const {
  std::string_view tag = response.Find("etag");
  if (tag.size() > 1 && tag.front() == '"' && tag.back() == '"')
    tag = tag.substr(1, tag.size() - 2);
  return std::string(tag);
}

S3Answer ReadAnswer(HttpResponse response) {
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

}  // namespace dr::inline v0
