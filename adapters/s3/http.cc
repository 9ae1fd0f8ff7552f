#include "adapters/s3/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr int kLookMilliseconds = 20;  // how long a stop or a deadline may go unseen
constexpr std::size_t kHeaderBytesMax = 64 << 10;
constexpr long kIdleSecondsMax =
    15;  // below what stores and balancers close idle connections after

absl::Status Unreachable(std::string_view origin, std::string_view why) {
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(origin),
                    .next = "see whether the endpoint is right and the server runs; retry"},
                   why);
}

absl::Status FailureOf(std::string_view origin, CURLcode code, const char* detail) {
  const std::string why =
      fmt::format("no answer: {}", *detail != '\0' ? detail : curl_easy_strerror(code));
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return MakeFault({.kind = FaultKind::kWrongKey,
                        .place = std::string(origin),
                        .next = "see whether it is for this host and has not expired; an authority "
                                "that this machine does not know is named as ca="},
                       why);
    default:
      return Unreachable(origin, why);
  }
}

}  // namespace

std::string_view HttpResponse::Find(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (field == name) return value;
  }
  return {};
}

struct HttpConnection::Handles {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  ~Handles() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

// What curl calls back with while a request is under way.
struct HttpConnection::Transfer {
  CURL* easy;
  const S3Request& request;
  std::uint64_t body_bytes_max;
  std::size_t sent = 0;
  std::size_t header_bytes = 0;
  bool is_too_long = false;
  bool has_headers = false;  ///< all of them; curl takes an answer that ends within them
  HttpResponse response = {};

  std::size_t size() const { return request.body.size() + request.more_body.size(); }

  static std::size_t Read(char* out, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::string_view first = transfer.request.body;
    const std::string_view rest =
        transfer.sent < first.size()
            ? first.substr(transfer.sent)
            : transfer.request.more_body.substr(transfer.sent - first.size());
    const std::size_t taken = std::min(size * count, rest.size());
    if (taken > 0) std::memcpy(out, rest.data(), taken);
    transfer.sent += taken;
    return taken;
  }
  static std::size_t Write(char* data, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    transfer.is_too_long = bytes > transfer.body_bytes_max - transfer.response.body.size();
    if (transfer.is_too_long) return 0;
    transfer.response.body.append(data, bytes);
    return bytes;
  }
  static std::size_t Header(char* data, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    transfer.header_bytes += line.size();
    if (transfer.header_bytes > kHeaderBytesMax) return 0;
    transfer.Keep(line);
    curl_off_t announced = -1;
    curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    transfer.is_too_long =
        announced > 0 && static_cast<std::uint64_t>(announced) > transfer.body_bytes_max;
    if (transfer.is_too_long) return 0;
    return line.size();
  }
  void Keep(std::string_view line) {
    if (line.starts_with("HTTP/")) response.headers.clear();  // those before were of a 1xx
    has_headers = line == "\r\n" || line == "\n";
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::string_view value = line.substr(colon + 1);
    const std::size_t begin = value.find_first_not_of(" \t\r\n");
    value = begin == value.npos
                ? ""
                : value.substr(begin, value.find_last_not_of(" \t\r\n") + 1 - begin);
    response.headers.emplace_back(std::move(name), value);
  }
};

HttpConnection::HttpConnection(const Clock& clock, std::string ca, HttpLimits limits)
    : clock_(clock), ca_(std::move(ca)), limits_(limits), handles_(new Handles) {}
HttpConnection::~HttpConnection() = default;

absl::StatusOr<std::unique_ptr<HttpConnection>> HttpConnection::Make(const Clock& clock,
                                                                     std::string ca,
                                                                     HttpLimits limits) {
  static std::once_flag initialized;
  std::call_once(initialized, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<HttpConnection> made(new HttpConnection(clock, std::move(ca), limits));
  made->handles_->multi = curl_multi_init();
  made->handles_->easy = curl_easy_init();
  if (made->handles_->multi == nullptr || made->handles_->easy == nullptr) {
    return Unreachable("libcurl", "no memory for a connection");
  }
  return made;
}

absl::StatusOr<HttpResponse> HttpConnection::Send(std::string_view origin, const S3Request& request,
                                                  const S3Fields& headers,
                                                  std::uint64_t body_bytes_max,
                                                  const Context& context, bool& was_sent) {
  was_sent = false;
  CURL* easy = handles_->easy;
  curl_easy_reset(easy);
  Transfer transfer{.easy = easy, .request = request, .body_bytes_max = body_bytes_max};
  std::string url = fmt::format("{}{}", origin, request.path);
  if (!request.query.empty()) url += fmt::format("?{}", CanonicalQuery(request.query));
  const std::string method(request.method);
  char detail[CURL_ERROR_SIZE] = "";

  curl_slist* list = nullptr;
  for (const auto& [name, value] : headers) {
    list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
  }
  // Not added by curl: a wait of a second for a server that does not know the first.
  for (const char* unwanted : {"Expect:", "Accept:", "Content-Type:"}) {
    list = curl_slist_append(list, unwanted);
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owned(list,
                                                                          curl_slist_free_all);

  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // a key may have ".." in it
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits_.connect.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits_.stall.count()));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
  if (!ca_.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_.c_str());
  if (method == "PUT") {
    // Without a way to rewind, curl does not send it twice on its own.
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(transfer.size()));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Transfer::Read);
    curl_easy_setopt(easy, CURLOPT_READDATA, &transfer);
  } else {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, owned.get());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::Write);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::Header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);

  curl_multi_add_handle(handles_->multi, easy);
  int code = CURLE_OK;
  const absl::Status ended = Run(context, code);
  long sent = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
  was_sent = sent > 0;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(handles_->multi, easy);  // closes what is in the middle of something
  DR_RETURN_IF_ERROR(ended);
  if (transfer.is_too_long) {
    return MakeFault(
        {.kind = FaultKind::kAuthFailed, .place = url, .next = "see what else writes there"},
        fmt::format("an answer longer than {} bytes", body_bytes_max));
  }
  if (code != CURLE_OK) return FailureOf(origin, static_cast<CURLcode>(code), detail);
  if (!transfer.has_headers) return Unreachable(origin, "the answer ends within its headers");
  transfer.response.status = static_cast<int>(status);
  return std::move(transfer.response);
}

absl::Status HttpConnection::Run(const Context& context, int& result) {
  for (;;) {
    int running = 0;
    CURLMcode code = curl_multi_perform(handles_->multi, &running);
    if (code == CURLM_OK && running == 0) break;
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "an answer of the store"));
    if (code == CURLM_OK) {
      code = curl_multi_poll(handles_->multi, nullptr, 0, kLookMilliseconds, nullptr);
    }
    if (code != CURLM_OK) return Unreachable("libcurl", curl_multi_strerror(code));
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(handles_->multi, &left);
  result = message != nullptr ? message->data.result : CURLE_FAILED_INIT;
  return absl::OkStatus();
}

}  // namespace dr::inline v0
