#include "support/gcs_server.h"

#include <httplib.h>

#include <atomic>
#include <ctime>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "support/gcs_buckets.h"

namespace dolibarr_backup {
namespace {

const gcs::HmacKey kKey{"GOOGINVENTEDACCESSKEY", "gcs-secret-key"};
// Each open connection holds one.
constexpr size_t kThreads = 64;

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

gcs::Request as_seen_behind_the_front_end(const httplib::Request& received) {
  gcs::Request request;
  request.method = received.method;
  const size_t mark = received.target.find('?');
  request.path = received.target.substr(0, mark);
  if (mark != std::string::npos) request.query = received.target.substr(mark + 1);
  // The library adds its own notes in capitals.
  for (const auto& [name, value] : received.headers)
    if (name != "REMOTE_ADDR" && name != "REMOTE_PORT" && name != "LOCAL_ADDR" &&
        name != "LOCAL_PORT")
      request.headers[lower_case(name)] = value;
  request.headers["accept-encoding"] = "gzip,gzip(gfe)";
  request.body = received.body;
  return request;
}

std::optional<gcs::Refusal> check_headers(const gcs::Request& request) {
  bool amazon = false;
  bool google = false;
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with("x-amz-checksum-") || name.starts_with("x-amz-sdk-checksum") ||
        name == "x-amz-trailer")
      return gcs::Refusal{400, "ExcessHeaderValues", name};
    amazon = amazon || name.starts_with("x-amz-");
    google = google || name.starts_with("x-goog-");
  }
  if (amazon && google)
    return gcs::Refusal{400, "ExcessHeaderValues", "x-amz- and x-goog- headers together"};
  return std::nullopt;
}

}  // namespace

class GcsServer::Server {
 public:
  explicit Server(size_t page_size) : buckets_(page_size) {
    http_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    http_.set_keep_alive_max_count(1000000);
    http_.set_tcp_nodelay(true);
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      respond(request, response);
    };
    const std::string any = R"([\s\S]*)";
    http_.Get(any, handle).Put(any, handle).Post(any, handle).Delete(any, handle);
    port_ = http_.bind_to_any_port("127.0.0.1");
    if (port_ <= 0) throw Error(Errc::store, "no free TCP port on 127.0.0.1");
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    while (!http_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~Server() {
    http_.stop();
    thread_.join();
  }
  int port() const { return port_; }

  void fail_next(int count, int status, const std::string& code) {
    const std::lock_guard lock(mutex_);
    failures_ = count;
    failure_ = {status, code, "asked for by a test"};
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void respond(const httplib::Request& received, httplib::Response& response) {
    const gcs::Answer answer = decide(received);
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (answer.status != 204) response.set_content(answer.body, answer.type);
    // The library would cut the part that was asked for also out of an error.
    const_cast<httplib::Request&>(received).ranges.clear();
  }

  gcs::Answer decide(const httplib::Request& received) {
    if (const std::optional<gcs::Refusal> failure = note(received)) return gcs::refuse(*failure);
    const gcs::Request request = as_seen_behind_the_front_end(received);
    if (const auto refusal = check_headers(request)) return gcs::refuse(*refusal);
    if (const auto refusal = gcs::check_signature(request, kKey, std::time(nullptr)))
      return gcs::refuse(*refusal);
    return buckets_.answer(request);
  }

  std::optional<gcs::Refusal> note(const httplib::Request& received) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(received.method + " " + received.target);
    if (failures_ == 0) return std::nullopt;
    --failures_;
    return failure_;
  }

  gcs::Buckets buckets_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  int failures_ = 0;
  gcs::Refusal failure_{};
  httplib::Server http_;
  int port_ = 0;
  std::thread thread_;
};

GcsServer::GcsServer(size_t page_size) : server_(std::make_unique<Server>(page_size)) {}
GcsServer::~GcsServer() = default;

std::string GcsServer::endpoint() const {
  return "http://127.0.0.1:" + std::to_string(server_->port());
}

void GcsServer::fail_next(int count, int status, const std::string& code) {
  server_->fail_next(count, status, code);
}

std::vector<std::string> GcsServer::requests() const {
  return server_->requests();
}

S3Settings GcsServer::access() const {
  S3Settings settings;
  settings.endpoint = endpoint();
  settings.region = "auto";
  settings.access_key_id = kKey.access_key_id;
  settings.secret_access_key = Secret(kKey.secret);
  return settings;
}

}  // namespace dolibarr_backup
