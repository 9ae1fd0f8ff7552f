#include "adapters/s3/options.h"

#include <initializer_list>
#include <string_view>
#include <utility>

#include "adapters/s3/object_name.h"
#include "adapters/s3/profile.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

absl::Status Wrong(const Uri& uri, std::string_view what) {
  return uri.Refuse(what, "write s3://bucket/prefix?region=…&endpoint=https://host:port");
}

bool IsRegion(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == text.npos;
}

// The first that says something: the environment, by its order, then the profile.
std::string Found(std::initializer_list<const char*> variables, const AwsProfile& profile,
                  std::string_view setting, std::string otherwise) {
  for (const char* variable : variables) {
    if (const std::string_view value = AwsVariable(variable); !value.empty()) {
      return std::string(value);
    }
  }
  const std::string_view value = profile.Find(setting);
  return value.empty() ? otherwise : std::string(value);
}

}  // namespace

absl::StatusOr<S3Defaults> FindS3Defaults(FileSystem& files, const Uri& uri) {
  const AwsProfile profile = ReadAwsProfile(files, uri.Find("profile").value_or(""));
  S3Defaults found;
  found.region = Found({"AWS_REGION", "AWS_DEFAULT_REGION"}, profile, "region", found.region);
  found.endpoint = Found({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, profile, "endpoint_url", "");
  found.ca = Found({"AWS_CA_BUNDLE"}, profile, "ca_bundle", "");
  if (uri.Find("endpoint") || !found.endpoint.empty()) return found;
  const auto is_asked_for = [](std::string_view text) { return !text.empty() && text != "false"; };
  for (const auto& [variable, setting] :
       {std::pair("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        std::pair("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")}) {
    if (!is_asked_for(AwsVariable(variable)) && !is_asked_for(profile.Find(setting))) continue;
    return Wrong(uri, fmt::format("{} asks for another endpoint: name it here", variable));
  }
  if (!profile.settings.contains("services")) return found;
  return Wrong(uri, "the profile's services may name another endpoint: name it here");
}

absl::StatusOr<S3Options> ReadS3Options(const Uri& uri, const S3Defaults& defaults) {
  DR_RETURN_IF_ERROR(uri.CheckParameters({"endpoint", "region", "style", "ca", "profile"}));
  if (!uri.user.empty() || uri.password) return Wrong(uri, "keys do not belong into the URI");
  const std::string& bucket = uri.host_as_written;
  if (bucket.size() < 3 || bucket.size() > 63 || uri.port) {
    return Wrong(uri, "a bucket's name has 3 to 63 characters, and no port");
  }
  S3Options options;
  options.region = uri.Find("region").value_or(defaults.region);
  options.ca = uri.Find("ca").value_or(defaults.ca);
  options.profile = uri.Find("profile").value_or("");
  if (!IsRegion(options.region))
    return Wrong(uri, "the region has other than letters, digits, '-'");
  const std::string_view given = uri.Find("endpoint").value_or(defaults.endpoint);
  const std::string text = given.empty()
                               ? fmt::format("https://s3.{}.amazonaws.com", options.region)
                               : std::string(given);
  DR_ASSIGN_OR_RETURN(const Uri endpoint, ParseUri(text));
  if ((endpoint.scheme != "http" && endpoint.scheme != "https") || endpoint.host.empty() ||
      !endpoint.user.empty() || endpoint.path.size() > 1 || !endpoint.query.empty()) {
    return Wrong(uri, "an endpoint is http or https, a host and perhaps a port");
  }
  // A dot in a bucket's name is not covered by the endpoint's certificate, and a host has neither
  // capitals nor '_'.
  const bool is_label =
      bucket.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == bucket.npos;
  const bool is_at_aws = given.empty() && is_label;
  DR_ASSIGN_OR_RETURN(const std::string_view style, is_at_aws
                                                        ? uri.Word("style", {"virtual", "path"})
                                                        : uri.Word("style", {"path", "virtual"}));
  if (style == "virtual" && bucket != uri.host) {
    return Wrong(uri, "a bucket with capitals in its name is no part of a host: write style=path");
  }
  const bool is_virtual = style == "virtual";
  options.host = endpoint.host.find(':') == endpoint.host.npos ? endpoint.host
                                                               : fmt::format("[{}]", endpoint.host);
  if (is_virtual) options.host = fmt::format("{}.{}", bucket, options.host);
  const unsigned usual_port = endpoint.scheme == "https" ? 443 : 80;
  if (endpoint.port && *endpoint.port != usual_port) {
    options.host += fmt::format(":{}", *endpoint.port);
  }
  options.origin = fmt::format("{}://{}", endpoint.scheme, options.host);
  options.path = is_virtual ? "/" : fmt::format("/{}/", bucket);
  if (uri.path.size() > 1) {
    options.root = ObjectNameOf(std::string_view(uri.path).substr(1));
    if (!options.root.ends_with('/')) options.root += '/';
  }
  if (options.root.size() > kObjectNameBytesMax / 2) return Wrong(uri, "the prefix is too long");
  return options;
}

}  // namespace dr::inline v0
