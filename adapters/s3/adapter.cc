#include <memory>
#include <utility>

#include "adapters/s3/client.h"
#include "adapters/s3/credentials.h"
#include "adapters/s3/options.h"
#include "adapters/s3/store.h"
#include "dr/adapters/s3.h"
#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(S3CredentialsSource source, const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_ASSIGN_OR_RETURN(const S3Defaults defaults, FindS3Defaults(*environment.files, uri));
  DR_ASSIGN_OR_RETURN(S3Options options, ReadS3Options(uri, defaults));
  DR_RETURN_IF_ERROR(CheckContext(context, *environment.clock, "Open"));
  if (source == nullptr) {
    source = [files = environment.files, profile = options.profile](const Context&) {
      return FindS3Credentials(*files, profile);
    };
  }
  auto client = std::make_unique<S3Client>(std::move(options), *environment.clock,
                                           std::move(source), HttpLimits());
  return S3Store::Open(std::move(client), *environment.random, *environment.clock, context);
}

}  // namespace

absl::Status RegisterS3(AdapterRegistry& registry, S3CredentialsSource source) {
  return registry.Register(
      "s3", [source = std::move(source)](const Uri& uri, const AdapterEnvironment& environment,
                                         const Context& context) {
        return Open(source, uri, environment, context);
      });
}

}  // namespace dr::inline v0
