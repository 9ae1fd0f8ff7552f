#include "adapters/s3/connection.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/s3/error.h"
#include "dr/environment/descriptor.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr int kLookMilliseconds = 20;  // how long a stop or a deadline may go unseen
constexpr std::size_t kHeaderBytesMax = 64 << 10;
constexpr std::string_view kNoMemory = "no memory for a connection";
constexpr std::size_t kReservedBytesMax = 16 << 20;  // on the word of a server
constexpr long kIdleSecondsMax =
    15;  // below what stores and balancers close idle connections after

}  // namespace

std::string_view HttpResponse::Find(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (field == name) return value;
  }
  return {};
}

struct HttpConnections::Handles {
  CURLM* multi = nullptr;
  std::vector<CURL*> easy = {};
  ~Handles() {
    for (CURL* one : easy) curl_easy_cleanup(one);
    curl_multi_cleanup(multi);
  }
};

// One exchange, and what curl calls back with while it is under way. No exception may pass curl:
// one of a callback ends the transfer and is remembered.
struct HttpConnections::Transfer {
  CURLM* multi;
  CURL* easy;
  HttpExchange& exchange;
  std::string url;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers;
  std::optional<CURLcode> result = {};  // once it has ended
  char detail[CURL_ERROR_SIZE] = "";
  std::size_t sent = 0;
  std::size_t header_bytes = 0;
  bool is_too_long = false;
  bool has_headers = false;  // all of them; curl takes an answer that ends within them
  bool lacks_memory = false;
  HttpResponse response = {};

  Transfer(CURLM* owner, CURL* handle, HttpExchange& one, std::string_view origin)
      : multi(owner),
        easy(handle),
        exchange(one),
        url(fmt::format("{}{}", origin, one.request.path)),
        headers(nullptr, curl_slist_free_all) {
    if (!one.request.query.empty()) url += fmt::format("?{}", CanonicalQuery(one.request.query));
    for (const auto& [name, value] : one.headers) AddHeader(fmt::format("{}: {}", name, value));
    // Not added by curl: a wait of a second for a server that does not know the first.
    for (const char* unwanted : {"Expect:", "Accept:", "Content-Type:"}) AddHeader(unwanted);
  }
  // Curl points at this until then. Closes what is in the middle of something.
  ~Transfer() { curl_multi_remove_handle(multi, easy); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void AddHeader(const std::string& line) {
    curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
  void Prepare(const std::string& ca, const HttpLimits& limits);
  void Finish(std::string_view origin, const absl::Status& ended);
  std::size_t size() const {
    return exchange.request.body.size() + exchange.request.more_body.size();
  }

  static std::size_t Read(char* out, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::string_view first = transfer.exchange.request.body;
    const std::string_view rest =
        transfer.sent < first.size()
            ? first.substr(transfer.sent)
            : transfer.exchange.request.more_body.substr(transfer.sent - first.size());
    const std::size_t taken = std::min(size * count, rest.size());
    if (taken > 0) std::memcpy(out, rest.data(), taken);
    transfer.sent += taken;
    return taken;
  }
  // As `work` says, or 0 where memory ends, which ends the transfer.
  template <typename Work>
  std::size_t Guarded(Work work) noexcept {
    try {
      return work();
    } catch (const std::bad_alloc&) {
      lacks_memory = true;
      return 0;
    }
  }
  static std::size_t Write(char* data, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    transfer.is_too_long =
        bytes > transfer.exchange.answer_bytes_max - transfer.response.body.size();
    if (transfer.is_too_long) return 0;
    return transfer.Guarded([&] {
      transfer.response.body.append(data, bytes);
      return bytes;
    });
  }
  static std::size_t Header(char* data, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    transfer.header_bytes += line.size();
    if (transfer.header_bytes > kHeaderBytesMax) return 0;
    return transfer.Guarded([&] { return transfer.Take(line); });
  }
  std::size_t Take(std::string_view line) {
    Keep(line);
    curl_off_t announced = -1;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    is_too_long =
        announced > 0 && static_cast<std::uint64_t>(announced) > exchange.answer_bytes_max;
    if (is_too_long) return 0;
    if (announced > 0) {
      const auto expected = static_cast<std::size_t>(announced);
      response.body.reserve(std::min(expected, kReservedBytesMax));
    }
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

void HttpConnections::Transfer::Prepare(const std::string& ca, const HttpLimits& limits) {
  curl_easy_reset(easy);
  bool is_set = true;  // an option that is not would be one that is passed over
  const auto set = [&](CURLoption option, auto value) {
    is_set = curl_easy_setopt(easy, option, value) == CURLE_OK && is_set;
  };
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);  // a key may have ".." in it
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
  set(CURLOPT_QUICK_EXIT, 1L);  // whoever ends does not wait for a name server
#endif
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1024L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall.count()));
  set(CURLOPT_BUFFERSIZE, 256L << 10);
  set(CURLOPT_ERRORBUFFER, detail);
  if (!ca.empty()) set(CURLOPT_CAINFO, ca.c_str());
  if (exchange.request.method == "PUT") {
    // Without a way to rewind, curl does not send it twice on its own.
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size()));
    set(CURLOPT_READFUNCTION, &Transfer::Read);
    set(CURLOPT_READDATA, this);
  } else {
    set(CURLOPT_CUSTOMREQUEST, std::string(exchange.request.method).c_str());
  }
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_WRITEFUNCTION, &Transfer::Write);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::Header);
  set(CURLOPT_HEADERDATA, this);
  if (!is_set || curl_multi_add_handle(multi, easy) != CURLM_OK) throw std::bad_alloc();
}

// `ended` is why it did, if it has no result.
void HttpConnections::Transfer::Finish(std::string_view origin, const absl::Status& ended) {
  long size = 0, status = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &size);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  exchange.was_sent = size > 0;
  response.status = static_cast<int>(status);
  if (lacks_memory) {
    exchange.response = absl::Status(absl::StatusCode::kResourceExhausted, "");
  } else if (is_too_long) {
    exchange.response = MakeFault(
        {.kind = FaultKind::kAuthFailed, .place = url, .next = "see what else writes there"},
        fmt::format("an answer longer than {} bytes", exchange.answer_bytes_max));
  } else if (!result) {
    exchange.response = ended.ok() ? NoAnswer("libcurl", kNoMemory) : ended;
  } else if (*result != CURLE_OK) {
    exchange.response = ErrorOf(*result, detail, origin);
  } else if (!has_headers) {
    exchange.response = NoAnswer(origin, "the answer ends within its headers");
  } else {
    exchange.response = std::move(response);
  }
}

HttpConnections::HttpConnections(const Clock& clock, std::string ca, HttpLimits limits)
    : clock_(clock), ca_(std::move(ca)), limits_(limits), handles_(new Handles) {}
HttpConnections::~HttpConnections() = default;

absl::StatusOr<std::unique_ptr<HttpConnections>> HttpConnections::Make(const Clock& clock,
                                                                       std::string ca,
                                                                       HttpLimits limits) {
  static std::once_flag initialized;
  std::call_once(initialized, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<HttpConnections> made(new HttpConnections(clock, std::move(ca), limits));
  const StandardStreams taken;
  made->handles_->multi = curl_multi_init();
  if (made->handles_->multi == nullptr) return NoAnswer("libcurl", kNoMemory);
  return made;
}

void HttpConnections::Send(std::string_view origin, std::span<HttpExchange> exchanges,
                           const Context& context) {
  std::vector<CURL*>& easy = handles_->easy;
  easy.reserve(exchanges.size());
  std::deque<Transfer> transfers;  // curl keeps pointers to them
  for (HttpExchange& exchange : exchanges) {
    if (transfers.size() == easy.size()) {
      CURL* const made = curl_easy_init();
      if (made == nullptr) throw std::bad_alloc();
      easy.push_back(made);
    }
    transfers.emplace_back(handles_->multi, easy[transfers.size()], exchange, origin)
        .Prepare(ca_, limits_);
  }
  const absl::Status ended = Run(context);
  for (Transfer& transfer : transfers) transfer.Finish(origin, ended);
}

absl::Status HttpConnections::Run(const Context& context) {
  const StandardStreams taken;  // curl opens sockets
  for (;;) {
    int running = 0;
    CURLMcode code = curl_multi_perform(handles_->multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(handles_->multi, &left)) {
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->result = message->data.result;
    }
    if (code == CURLM_OK && running == 0) return absl::OkStatus();
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "an answer of the store"));
    if (code == CURLM_OK) {
      code = curl_multi_poll(handles_->multi, nullptr, 0, kLookMilliseconds, nullptr);
    }
    if (code != CURLM_OK) return NoAnswer("libcurl", curl_multi_strerror(code));
  }
}

}  // namespace dr::inline v0
