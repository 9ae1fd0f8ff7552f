// A bucket as a store: s3://bucket/prefix?region=eu-central-1
//
//   dr::AdapterRegistry adapters;
//   dr::RegisterS3(adapters);            // keys from the environment or ~/.aws/credentials
//   auto store = adapters.Open("s3://backups/agent7?region=eu-central-1", environment, context);
//   if (!(*store)->capabilities().fence_safe) Show((*store)->capabilities().weaknesses);
//
// Opening proves on a key of its own what this endpoint really does; what is not proven is not
// declared. README.md has the URI's parameters.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/adapter/state_adapter.h"
#include "dr/export.h"
#include "dr/secret.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// What requests are signed with.
struct S3Credentials {
  std::string access_key_id = {};  ///< names the key; no secret
  Secret secret_access_key = {};   ///< signs, and is never sent
  Secret session_token = {};       ///< empty for keys that do not expire
};

/// Asked at Open, and again when the store says that what it gave last has expired. Called by one
/// thread at a time.
using S3CredentialsSource = std::function<absl::StatusOr<S3Credentials>(const Context& context)>;

/// Takes the scheme `s3`. Without a source: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
/// AWS_SESSION_TOKEN, or else the shared file (AWS_SHARED_CREDENTIALS_FILE, ~/.aws/credentials).
DR_EXPORT absl::Status RegisterS3(AdapterRegistry& registry, S3CredentialsSource source = nullptr);

}  // namespace dr::inline v0
