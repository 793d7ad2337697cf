#include "store/s3_http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/stop.h"
#include "base/units.h"
#include "store/transport_error.h"

namespace dolibarr_backup {
namespace {

constexpr uint64_t kMaxBufferedBody = 16 * kMiB;
constexpr size_t kMaxIdleConnections = 8;
constexpr long kSlowestBytesPerSecond = 1024;
// The longest sleep without looking; a stop or a byte ends it at once.
constexpr int kPollMilliseconds = 1000;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList header_list(const HttpRequest& request) {
  HeaderList list;
  for (const auto& [name, value] : request.headers) {
    curl_slist* longer = curl_slist_append(list.get(), (name + ": " + value).c_str());
    if (!longer) throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

void check(CURLMcode code) {
  if (code != CURLM_OK)
    throw Error(Errc::bug, std::string("libcurl: ") + curl_multi_strerror(code));
}

template <typename Value>
void set_option(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code != CURLE_OK)
    throw Error(Errc::bug, fmt::format("libcurl refuses option {}: {}", static_cast<int>(option),
                                       curl_easy_strerror(code)));
}

struct WakePoll {
  CURLM* multi;
  void operator()() const { curl_multi_wakeup(multi); }
};

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw Error(Errc::bug, "libcurl could not be initialised");
  });
}

}  // namespace

// An easy handle and the multi handle that drives it and holds its connection.
struct HttpClient::Connection {
  Connection() : multi(curl_multi_init()), easy(curl_easy_init()) {
    if (!multi || !easy) throw std::bad_alloc();
  }
  struct CleanMulti {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
  };
  struct CleanEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  std::unique_ptr<CURLM, CleanMulti> multi;
  std::unique_ptr<CURL, CleanEasy> easy;
};

struct HttpExchange::State {
  State(HttpClient& owner, const HttpRequest& request, const HttpOptions& options,
        std::stop_token stop_token);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void configure(const HttpRequest& request, const HttpOptions& options);
  void configure_body(const HttpRequest& request);
  /// One step of the transfer; sleeps only if there was nothing to do.
  void advance();
  void take_result();
  void throw_if_failed() const;
  size_t take(MutableBytes buffer);

  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);

  HttpClient& client;
  std::unique_ptr<HttpClient::Connection> connection;
  std::string url;
  HeaderList header_lines;
  std::stop_token stop;
  std::optional<std::stop_callback<WakePoll>> wake_on_stop;
  HttpResponse response;
  std::string pending;  // received and not yet read, from pending_begin
  size_t pending_begin = 0;
  bool head_complete = false;
  bool done = false;
  CURLcode result = CURLE_OK;
  char detail[CURL_ERROR_SIZE] = "";
};

HttpExchange::State::State(HttpClient& owner, const HttpRequest& request,
                           const HttpOptions& options, std::stop_token stop_token)
    : client(owner),
      connection(owner.borrow()),
      url(request.url),
      header_lines(header_list(request)),
      stop(std::move(stop_token)) {
  configure(request, options);
  wake_on_stop.emplace(stop, WakePoll{connection->multi.get()});
  check(curl_multi_add_handle(connection->multi.get(), connection->easy.get()));
}

HttpExchange::State::~State() {
  wake_on_stop.reset();
  curl_multi_remove_handle(connection->multi.get(), connection->easy.get());
  // A transfer that failed or was left unread ends with its connection: after a failed look-up
  // libcurl 7.88 holds its buffer and refuses the options of the next transfer.
  if (!done || result != CURLE_OK) return;
  curl_easy_reset(connection->easy.get());
  client.give_back(std::move(connection));
}

void HttpExchange::State::configure(const HttpRequest& request, const HttpOptions& options) {
  CURL* easy = connection->easy.get();
  const std::chrono::seconds stall =
      request.stall_timeout.count() > 0 ? request.stall_timeout : options.stall_timeout;
  set_option(easy, CURLOPT_URL, request.url.c_str());
  set_option(easy, CURLOPT_HTTPHEADER, header_lines.get());
  set_option(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set_option(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set_option(easy, CURLOPT_PATH_AS_IS, 1L);
  set_option(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set_option(easy, CURLOPT_NOSIGNAL, 1L);
  set_option(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set_option(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_option(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  set_option(easy, CURLOPT_LOW_SPEED_LIMIT, kSlowestBytesPerSecond);
  set_option(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall.count()));
  set_option(easy, CURLOPT_TIMEOUT, static_cast<long>(options.total_timeout.count()));
  // A look-up of a name that hangs is not waited for either.
  set_option(easy, CURLOPT_QUICK_EXIT, options.total_timeout.count() > 0 ? 1L : 0L);
  set_option(easy, CURLOPT_USERAGENT, "dolibarr-backup/" DOLIBARR_BACKUP_VERSION);
  set_option(easy, CURLOPT_BUFFERSIZE, 64L * 1024);
  set_option(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
  // Replaces the system's bundle file; the system's folder of anchors stays in use.
  if (!options.ca_file.empty()) set_option(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  set_option(easy, CURLOPT_ERRORBUFFER, detail);
  set_option(easy, CURLOPT_HEADERFUNCTION, &State::on_header);
  set_option(easy, CURLOPT_HEADERDATA, this);
  set_option(easy, CURLOPT_WRITEFUNCTION, &State::on_body);
  set_option(easy, CURLOPT_WRITEDATA, this);
  configure_body(request);
}

void HttpExchange::State::configure_body(const HttpRequest& request) {
  CURL* easy = connection->easy.get();
  if (request.method == "HEAD") return set_option(easy, CURLOPT_NOBODY, 1L);
  if (request.method == "PUT" || request.method == "POST") {
    // POSTFIELDS with another method: libcurl neither copies the body nor needs
    // callbacks to rewind it when a kept connection turns out to be dead.
    set_option(easy, CURLOPT_POST, 1L);
    set_option(easy, CURLOPT_POSTFIELDS, request.body.empty() ? "" : as_text(request.body).data());
    set_option(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  set_option(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

size_t HttpExchange::State::on_header(char* data, size_t size, size_t count, void* self) {
  State& state = *static_cast<State*>(self);
  const std::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (line.substr(0, 5) == "HTTP/") {
    state.response = {};  // of an earlier "100 Continue"
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) state.response.status = std::atoi(data + space);
  } else if (trim(line).empty()) {
    state.head_complete = state.response.status >= 200;
  } else if (colon != std::string_view::npos) {
    std::string name(trim(line.substr(0, colon)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    state.response.headers[name] = trim(line.substr(colon + 1));
  }
  return line.size();
}

size_t HttpExchange::State::on_body(char* data, size_t size, size_t count, void* self) {
  static_cast<State*>(self)->pending.append(data, size * count);
  return size * count;
}

void HttpExchange::State::advance() {
  throw_if_stopped(stop);
  CURLM* multi = connection->multi.get();
  const size_t had = pending.size();
  const bool had_head = head_complete;
  int running = 0;
  check(curl_multi_perform(multi, &running));
  take_result();
  if (!done && pending.size() == had && head_complete == had_head)
    check(curl_multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr));
}

void HttpExchange::State::take_result() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(connection->multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    done = true;
    result = message->data.result;
  }
}

void HttpExchange::State::throw_if_failed() const {
  if (result != CURLE_OK) throw transport_error(result, detail, url);
}

size_t HttpExchange::State::take(MutableBytes buffer) {
  const size_t count = std::min(buffer.size(), pending.size() - pending_begin);
  if (count > 0) std::memcpy(buffer.data(), pending.data() + pending_begin, count);
  pending_begin += count;
  if (pending_begin == pending.size()) {
    pending.clear();
    pending_begin = 0;
  }
  return count;
}

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpExchange::HttpExchange(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpExchange::~HttpExchange() = default;

const HttpResponse& HttpExchange::head() const {
  return state_->response;
}

size_t HttpExchange::read(MutableBytes buffer) {
  State& state = *state_;
  while (state.pending.empty() && !state.done) state.advance();
  if (state.pending.empty()) state.throw_if_failed();
  return state.take(buffer);
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  initialise_curl();
  idle_.reserve(kMaxIdleConnections);
}
HttpClient::~HttpClient() = default;

std::unique_ptr<HttpExchange> HttpClient::start(const HttpRequest& request,
                                                const std::stop_token& stop) {
  auto state = std::make_unique<HttpExchange::State>(*this, request, options_, stop);
  while (!state->head_complete && !state->done) state->advance();
  if (!state->head_complete) {
    state->throw_if_failed();
    throw Error(Errc::store, "no HTTP answer from " + request.url).mark_transient();
  }
  return std::unique_ptr<HttpExchange>(new HttpExchange(std::move(state)));
}

HttpResponse HttpClient::perform(const HttpRequest& request, const std::stop_token& stop) {
  const std::unique_ptr<HttpExchange> exchange = start(request, stop);
  HttpResponse response = exchange->head();
  response.body = read_all(*exchange, kMaxBufferedBody);
  return response;
}

std::unique_ptr<HttpClient::Connection> HttpClient::borrow() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Connection>();
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void HttpClient::give_back(std::unique_ptr<Connection> connection) noexcept {
  std::lock_guard lock(mutex_);
  // The constructor reserved the room: nothing is allocated here.
  if (idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(connection));
}

}  // namespace dolibarr_backup
