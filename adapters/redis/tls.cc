#include "adapters/redis/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "adapters/redis/error.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

// The newest error of this thread's queue, which it empties.
std::string TakeError() {
  std::array<char, 256> text = {};
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

absl::Status NotTrusted(std::string_view place, std::string_view why) {
  return MakeFault({.kind = FaultKind::kWrongKey,
                    .place = std::string(place),
                    .next = "check ca=, the name in the URI and the server's certificate"},
                   fmt::format("no TLS with this server: {}", why));
}

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;

// OpenSSL works on two buffers in memory; moving them is the connection's affair. Its own sockets
// would raise SIGPIPE and know no deadline.
class TlsConnection final : public Transport {
 public:
  TlsConnection(Ssl ssl, std::unique_ptr<Transport> connection, std::string place)
      : ssl_(std::move(ssl)), connection_(std::move(connection)), place_(std::move(place)) {}

  absl::Status Handshake(const Context& context) {
    for (;;) {
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl_.get());
      const int error = SSL_get_error(ssl_.get(), result);
      if (result != 1 && error != SSL_ERROR_WANT_READ) return HandshakeError();
      DR_RETURN_IF_ERROR(Flush(context));
      if (result == 1) return absl::OkStatus();
      DR_RETURN_IF_ERROR(Fill(connection_->Read(piece_, context)).status());
    }
  }

  absl::StatusOr<std::size_t> Read(std::span<char> into, const Context& context) override {
    for (;;) {
      DR_ASSIGN_OR_RETURN(const std::size_t got, Decrypt(into));
      if (got > 0) return got;
      DR_RETURN_IF_ERROR(Flush(context));  // a key update may want an answer
      DR_RETURN_IF_ERROR(Fill(connection_->Read(piece_, context)).status());
    }
  }

  absl::StatusOr<std::size_t> TryRead(std::span<char> into) override {
    for (;;) {
      DR_ASSIGN_OR_RETURN(const std::size_t got, Decrypt(into));
      if (got > 0) return got;
      DR_ASSIGN_OR_RETURN(const std::size_t more, Fill(connection_->TryRead(piece_)));
      if (more == 0) return 0;
    }
  }

  absl::Status Write(std::string_view bytes, const Context& context) override {
    while (!bytes.empty()) {
      ERR_clear_error();
      std::size_t taken = 0;
      if (SSL_write_ex(ssl_.get(), bytes.data(), std::min(bytes.size(), kPieceBytes), &taken) !=
          1) {
        return ConnectionLost(place_, fmt::format("TLS ended ({})", TakeError()));
      }
      bytes.remove_prefix(taken);
      DR_RETURN_IF_ERROR(Flush(context));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status HandshakeError() {
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified == X509_V_OK) return NotTrusted(place_, TakeError());
    ERR_clear_error();
    return NotTrusted(place_, X509_verify_cert_error_string(verified));
  }
  // 0 if what is there is no whole record.
  absl::StatusOr<std::size_t> Decrypt(std::span<char> into) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    if (result == 1) return got;
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return 0;
    return ConnectionLost(place_, fmt::format("TLS ended ({})", TakeError()));
  }
  // What was read into piece_, to OpenSSL.
  absl::StatusOr<std::size_t> Fill(absl::StatusOr<std::size_t> read) {
    DR_ASSIGN_OR_RETURN(const std::size_t got, std::move(read));
    if (got > 0 && BIO_write(SSL_get_rbio(ssl_.get()), piece_.data(), static_cast<int>(got)) !=
                       static_cast<int>(got)) {
      return ConnectionLost(place_, "no memory for TLS");
    }
    return got;
  }
  // From OpenSSL to the connection.
  absl::Status Flush(const Context& context) {
    char* bytes = nullptr;
    BIO* const out = SSL_get_wbio(ssl_.get());
    const long size = BIO_get_mem_data(out, &bytes);
    DR_RETURN_IF_ERROR(connection_->Write({bytes, static_cast<std::size_t>(size)}, context));
    BIO_reset(out);
    return absl::OkStatus();
  }

  const Ssl ssl_;
  const std::unique_ptr<Transport> connection_;
  const std::string place_;
  std::array<char, 16 << 10> piece_;
};

absl::Status BadFile(std::string_view option, std::string_view path) {
  return MakeFault({.kind = FaultKind::kInvalid,
                    .place = std::string(path),
                    .next = fmt::format("give {}= a readable PEM file", option)},
                   fmt::format("TLS cannot use it: {}", TakeError()));
}

bool IsAddress(const std::string& host) {
  std::array<char, sizeof(in6_addr)> bytes;
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool Expect(SSL* ssl, const std::string& host) {
  if (IsAddress(host)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  }
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tls>> Tls::Create(const TlsFiles& files) {
  ERR_clear_error();
  std::unique_ptr<Tls> tls(new Tls(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* const context = tls->context_.get();
  if (context == nullptr) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int trusted = files.ca.empty() ? SSL_CTX_set_default_verify_paths(context)
                                       : SSL_CTX_load_verify_file(context, files.ca.c_str());
  if (trusted != 1) return BadFile("ca", files.ca);
  if (files.certificate.empty()) return tls;
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return BadFile("cert", files.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return BadFile("key", files.key);
  }
  return tls;
}

absl::StatusOr<std::unique_ptr<Transport>> Tls::Secure(std::unique_ptr<Transport> connection,
                                                       const Endpoint& endpoint,
                                                       const Context& context) const {
  Ssl made(SSL_new(context_.get()));
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  if (made == nullptr || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    throw std::bad_alloc();
  }
  SSL* const ssl = made.get();
  SSL_set_bio(ssl, in, out);  // has them now
  SSL_set_connect_state(ssl);
  auto secured =
      std::make_unique<TlsConnection>(std::move(made), std::move(connection), endpoint.Place());
  if (!Expect(ssl, endpoint.host)) return NotTrusted(endpoint.Place(), "a name that none has");
  DR_RETURN_IF_ERROR(secured->Handshake(context));
  return secured;
}

}  // namespace dr::inline v0::redis
