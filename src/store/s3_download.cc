#include "store/s3_download.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace dolibarr_backup {
namespace {

constexpr uint64_t kErrorBodyLimit = 64 * kKiB;

struct ContentRange {
  uint64_t first = 0, last = 0;
};

// "bytes 0-99/1234"
std::optional<ContentRange> parse_content_range(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  if (text.compare(0, kUnit.size(), kUnit) != 0) return std::nullopt;
  const char* const end = text.data() + text.size();
  ContentRange range;
  const auto [dash, first_error] = std::from_chars(text.data() + kUnit.size(), end, range.first);
  if (first_error != std::errc() || dash == end || *dash != '-') return std::nullopt;
  if (std::from_chars(dash + 1, end, range.last).ec != std::errc()) return std::nullopt;
  return range;
}

std::optional<uint64_t> parse_length(const std::string& text) {
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

// The page of a refusal; of one that is too long its beginning, since the status is enough.
std::string read_refusal(HttpExchange& exchange) {
  std::string page;
  std::vector<std::byte> buffer(kErrorBodyLimit);
  try {
    while (page.size() < kErrorBodyLimit) {
      const size_t count = exchange.read(buffer);
      if (count == 0) break;
      page.append(as_text(Bytes(buffer).first(count)));
    }
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt) throw;
    throw lost_answer(error);
  }
  return page;
}

}  // namespace

S3Download::S3Download(S3Client& client, std::string key, const std::optional<ByteRange>& range)
    : client_(client), key_(std::move(key)), operation_("GET '" + key_ + "'") {
  if (!range) return;
  ranged_ = true;
  offset_ = range->offset;
  end_ = range->offset + range->length;
}

std::unique_ptr<S3Download> S3Download::open(S3Client& client, const std::string& key,
                                             const std::optional<ByteRange>& range) {
  std::unique_ptr<S3Download> download(new S3Download(client, key, range));
  bool found = false;
  retry(client.policy(), client.interruptible(), download->operation_,
        [&](Attempt& attempt) { found = download->start(attempt); });
  return found ? std::move(download) : nullptr;
}

S3Request S3Download::request() const {
  S3Request request{.method = "GET", .key = key_};
  if (ranged_ || offset_ > 0)
    request.headers["range"] =
        end_ ? fmt::format("bytes={}-{}", offset_, *end_ - 1) : fmt::format("bytes={}-", offset_);
  if (!etag_.empty()) request.headers["if-match"] = etag_;
  return request;
}

bool S3Download::start(Attempt& attempt) {
  std::unique_ptr<HttpExchange> exchange = client_.start_once(request(), client_.stop());
  HttpResponse head = exchange->head();
  if (head.status != 200 && head.status != 206) {
    head.body = read_refusal(*exchange);
    if (head.status == 404 && s3_code(head) == "NoSuchKey" && etag_.empty()) return false;
    refuse(head, attempt);
  }
  accept_head(head);
  exchange_ = std::move(exchange);
  return true;
}

void S3Download::refuse(const HttpResponse& head, Attempt& attempt) {
  if (head.status == 416)
    throw Error(Errc::corrupt, fmt::format("'{}' in {} is too short to hold bytes from {}", key_,
                                           client_.describe(), offset_));
  if (head.status == 412 || head.status == 404)
    if (!etag_.empty())
      throw Error(Errc::corrupt, fmt::format("'{}' in {} was replaced or removed while it was read",
                                             key_, client_.describe()));
  throw client_.failure(request(), head, attempt);
}

void S3Download::accept_head(const HttpResponse& head) {
  const bool asked_for_range = ranged_ || offset_ > 0;
  const std::optional<uint64_t> length = parse_length(head.header("content-length"));
  if (!asked_for_range) {
    end_ = length;
  } else {
    const auto range = parse_content_range(head.header("content-range"));
    if (head.status != 206 || !range || range->first != offset_)
      throw Error(Errc::store, fmt::format("{} does not answer ranged requests as asked for '{}'",
                                           client_.describe(), key_))
          .with_hint("a cache or a proxy in between may strip the header 'Range'");
    if (end_ && range->last + 1 < *end_)
      throw Error(Errc::corrupt, fmt::format("'{}' in {} ends at byte {}, before byte {}", key_,
                                             client_.describe(), range->last + 1, *end_));
    if (!end_) end_ = range->last + 1;
  }
  if (etag_.empty()) etag_ = head.header("etag");
}

size_t S3Download::read(MutableBytes buffer) {
  if (buffer.empty() || (end_ && offset_ == *end_)) return 0;
  size_t count = 0;
  retry(client_.policy(), client_.interruptible(), operation_,
        [&](Attempt& attempt) { count = read_once(buffer, attempt); });
  offset_ += count;
  return count;
}

size_t S3Download::read_once(MutableBytes buffer, Attempt& attempt) {
  if (!exchange_ && !start(attempt))
    throw Error(Errc::corrupt,
                fmt::format("'{}' in {} was removed while it was read", key_, client_.describe()));
  try {
    const size_t count = exchange_->read(buffer);
    if (end_ && offset_ + count > *end_)
      throw Error(Errc::corrupt, fmt::format("'{}' in {} is longer than the store announced", key_,
                                             client_.describe()));
    if (count == 0 && end_)
      throw Error(Errc::corrupt, fmt::format("'{}' in {} ended after {} bytes, {} short", key_,
                                             client_.describe(), offset_, *end_ - offset_))
          .mark_transient();
    return count;
  } catch (...) {
    exchange_.reset();  // the next try, if there is one, asks for the rest
    throw;
  }
}

}  // namespace dolibarr_backup
