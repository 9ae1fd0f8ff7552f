#include "adapters/s3/location.h"

#include <string_view>

#include "adapters/s3/object_name.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::Status Refuse(const Uri& uri, std::string_view what) {
  return MakeFault({.kind = FaultKind::kInvalid,
                    .place = uri.Redacted(),
                    .next = "write s3://bucket/prefix?region=…&endpoint=https://host:port"},
                   what);
}

bool IsRegion(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == text.npos;
}

}  // namespace

absl::StatusOr<S3Location> ParseS3Location(const Uri& uri) {
  DR_RETURN_IF_ERROR(uri.CheckParameters({"endpoint", "region", "style", "ca", "profile"}));
  if (!uri.user.empty() || uri.password) return Refuse(uri, "keys do not belong into the URI");
  if (uri.host.size() < 3 || uri.host.size() > 63 || uri.port) {
    return Refuse(uri, "a bucket's name has 3 to 63 characters, and no port");
  }
  S3Location location;
  location.region = uri.Find("region").value_or("us-east-1");
  location.ca = uri.Find("ca").value_or("");
  location.profile = uri.Find("profile").value_or("");
  if (!IsRegion(location.region))
    return Refuse(uri, "the region has other than letters, digits, '-'");
  const std::string_view given = uri.Find("endpoint").value_or("");
  const std::string text = given.empty()
                               ? fmt::format("https://s3.{}.amazonaws.com", location.region)
                               : std::string(given);
  DR_ASSIGN_OR_RETURN(const Uri endpoint, ParseUri(text));
  if ((endpoint.scheme != "http" && endpoint.scheme != "https") || endpoint.host.empty() ||
      !endpoint.user.empty() || endpoint.path.size() > 1 || !endpoint.query.empty()) {
    return Refuse(uri, "an endpoint is http or https, a host and perhaps a port");
  }
  // A dot in a bucket's name is not covered by the endpoint's certificate.
  const std::string_view style = uri.Find("style").value_or(
      given.empty() && uri.host.find('.') == uri.host.npos ? "virtual" : "path");
  if (style != "path" && style != "virtual") return Refuse(uri, "the style is path or virtual");
  const bool is_virtual = style == "virtual";
  location.host = endpoint.host.find(':') == endpoint.host.npos
                      ? endpoint.host
                      : fmt::format("[{}]", endpoint.host);
  if (is_virtual) location.host = fmt::format("{}.{}", uri.host, location.host);
  const unsigned usual_port = endpoint.scheme == "https" ? 443 : 80;
  if (endpoint.port && *endpoint.port != usual_port) {
    location.host += fmt::format(":{}", *endpoint.port);
  }
  location.origin = fmt::format("{}://{}", endpoint.scheme, location.host);
  location.path = is_virtual ? "/" : fmt::format("/{}/", uri.host);
  if (uri.path.size() > 1) {
    location.root = ObjectNameOf(std::string_view(uri.path).substr(1));
    if (!location.root.ends_with('/')) location.root += '/';
  }
  if (location.root.size() > kObjectNameBytesMax / 2) return Refuse(uri, "the prefix is too long");
  return location;
}

}  // namespace dr::inline v0
