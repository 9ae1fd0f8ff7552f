// TLS over a connection, with the server's certificate and name verified.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/redis/transport.h"

namespace dr::inline v0::redis {

/// PEM files, empty where there is none.
struct TlsFiles {
  std::string ca = {};           ///< whom to trust; else whom the system trusts
  std::string certificate = {};  ///< the client's own, with its chain
  std::string key = {};
};

/// Thread-safe. Outlives what it hands out.
class Tls {
 public:
  static absl::StatusOr<std::unique_ptr<Tls>> Create(const TlsFiles& files);

  /// TLS over `connection`. kUnauthenticated if the server does not prove to be the endpoint's
  /// host.
  absl::StatusOr<std::unique_ptr<Transport>> Secure(std::unique_ptr<Transport> connection,
                                                    const Endpoint& endpoint,
                                                    const Context& context) const;

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  explicit Tls(SSL_CTX* context) : context_(context) {}
  const std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace dr::inline v0::redis
