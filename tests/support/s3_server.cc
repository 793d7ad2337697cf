#include "support/s3_server.h"

#include <curl/curl.h>
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

std::string sha256_in_hex(const std::string& text) {
  unsigned char digest[32];
  size_t size = 0;
  if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), digest, &size) != 1)
    throw Error(Errc::bug, "OpenSSL has no SHA-256");
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

size_t append_body(char* data, size_t size, size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

size_t note_header(char* data, size_t size, size_t count, void* headers) {
  const std::string line(data, size * count);
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return line.size();
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const size_t begin = line.find_first_not_of(' ', colon + 1);
  const size_t end = line.find_last_not_of("\r\n ");
  (*static_cast<std::map<std::string, std::string>*>(headers))[name] =
      begin == std::string::npos || end < begin ? "" : line.substr(begin, end - begin + 1);
  return line.size();
}

Curl new_transfer(const std::string& url, HttpAnswer& answer) {
  Curl curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) throw Error(Errc::bug, "libcurl does not start");
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, note_header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.headers);
  return curl;
}

void add_header(HeaderList& list, const std::string& name, const std::string& value) {
  curl_slist* longer = curl_slist_append(list.get(), (name + ": " + value).c_str());
  static_cast<void>(list.release());
  list.reset(longer);
}

}  // namespace

HttpAnswer signed_request(const S3Settings& settings, const std::string& method,
                          const std::string& target, const std::string& body,
                          const std::map<std::string, std::string>& headers) {
  HttpAnswer answer;
  const Curl curl = new_transfer(settings.endpoint + target, answer);
  HeaderList list(nullptr, &curl_slist_free_all);
  add_header(list, "x-amz-content-sha256", sha256_in_hex(body));
  for (const auto& [name, value] : headers) add_header(list, name, value);
  if (method == "HEAD") {
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  } else if (method == "PUT" || method == "POST") {
    add_header(list, "Content-Type", "application/octet-stream");
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
  }
  if (method != "HEAD") curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  const std::string scope = "aws:amz:" + settings.region + ":s3";
  curl_easy_setopt(curl.get(), CURLOPT_AWS_SIGV4, scope.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_USERNAME, settings.access_key_id.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PASSWORD, settings.secret_access_key.reveal().c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, list.get());
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK)
    throw Error(Errc::store, method + ' ' + target + ": " + curl_easy_strerror(code));
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

void wait_for_http(const std::string& url, int seconds, const std::function<bool()>& alive,
                   const std::function<std::string()>& logs) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (true) {
    HttpAnswer answer;
    const Curl curl = new_transfer(url, answer);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 5L);
    if (curl_easy_perform(curl.get()) == CURLE_OK) return;
    if (!alive() || std::chrono::steady_clock::now() > deadline)
      throw Error(Errc::store, "no server came up at " + url + ":\n" + logs());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

S3Settings S3Server::make_bucket(const std::string& name) {
  S3Settings settings = access();
  const HttpAnswer answer = signed_request(settings, "PUT", "/" + name);
  if (answer.status != 200)
    throw Error(Errc::store, "cannot make the bucket " + name + ": HTTP " +
                                 std::to_string(answer.status) + '\n' + answer.body);
  settings.bucket = name;
  return settings;
}

}  // namespace dolibarr_backup
