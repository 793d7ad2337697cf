#include "web/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "app/containment.h"
#include "app/document_access.h"
#include "app/metrics.h"
#include "app/report.h"
#include "app/status.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/secret.h"
#include "page/frame.h"
#include "page/report_page.h"
#include "store/make_store.h"
#include "web/search_page.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::seconds kKept{15};
// A store that does not answer must not take every thread.
constexpr std::chrono::seconds kPatience{5};
constexpr size_t kLongestPattern = 512;
constexpr size_t kShownVersions = 500;

Language language_of(const PageRequest& request) {
  if (const auto asked = request.query.find("lang"); asked != request.query.end())
    return parse_language(asked->second).value_or(Language::english);
  return parse_language(request.accept_language.substr(0, 2)).value_or(Language::english);
}

std::string query_value(const PageRequest& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

// Only what is no more than a page may be shown or led elsewhere.
PageResponse page(std::string html) {
  return {.body = std::move(html),
          .type = "text/html; charset=utf-8",
          .headers = {{"Content-Security-Policy",
                       page_policy("form-action 'self'; frame-ancestors 'none'")}}};
}

PageResponse plain(int status, std::string text) {
  return {.status = status, .body = std::move(text) + "\n"};
}

int status_of(Errc code) {
  return code == Errc::usage ? 400 : code == Errc::store || code == Errc::interrupted ? 503 : 502;
}

PageResponse busy() {
  return {.status = 503,
          .body = "the store is still being read for an earlier request; try again in a moment\n",
          .headers = {{"Retry-After", fmt::format("{}", kPatience.count())}}};
}

PageResponse told(const Error& error) {
  log::warning("{}", error.what());
  std::string text = mask_secrets(error.what());
  if (!error.hint().empty()) text += "\nhint: " + error.hint();
  return plain(status_of(error.code()), std::move(text));
}

// A name alone is looked for in every folder, as a part of a name.
std::string pattern_of(const std::string& typed) {
  return typed.find_first_of("/*?[\\") == std::string::npos ? "**/*" + typed + "*" : typed;
}

}  // namespace

/// One environment's store as it was read not long ago; one user at a time.
class Site::View {
 public:
  View(const EnvironmentSettings& environment, std::stop_token stop)
      : environment_(environment),
        stop_(std::move(stop)),
        store_(make_store(environment.store, environment.upload_memory_bytes, progress_, stop_)) {
    require_store_apart(environment);
  }

  /// What `use(catalog)` returns of a catalog that is at most kKept old; nullopt if the store
  /// is still being read for an earlier request.
  template <typename Use>
  auto with_catalog(Use&& use) -> std::optional<decltype(use(std::declval<Catalog&>()))> {
    const std::unique_lock lock(mutex_, kPatience);
    if (!lock) return std::nullopt;
    const auto time = std::chrono::steady_clock::now();
    if (!catalog_ || time - read_ > kKept) {
      catalog_.reset();
      catalog_.emplace(*store_, KeySpace(environment_.prefix), stop_);
      read_ = time;
    }
    return use(*catalog_);
  }

 private:
  const EnvironmentSettings& environment_;
  std::stop_token stop_;
  Progress progress_;
  std::unique_ptr<ObjectStore> store_;
  std::timed_mutex mutex_;
  std::optional<Catalog> catalog_;              // guarded by mutex_
  std::chrono::steady_clock::time_point read_;  // guarded by mutex_
};

Site::Site(std::vector<EnvironmentSettings> environments, std::function<Instant()> now,
           std::stop_token stop)
    : environments_(std::move(environments)), now_(std::move(now)), stop_(std::move(stop)) {
  for (const EnvironmentSettings& environment : environments_) {
    reports_[environment.name] = std::make_unique<View>(environment, stop_);
    searches_[environment.name] = std::make_unique<View>(environment, stop_);
    scrapes_[environment.name] = std::make_unique<View>(environment, stop_);
  }
}

Site::~Site() = default;

PageResponse Site::answer(const PageRequest& request) {
  const Language language = language_of(request);
  try {
    if (request.path == "/metrics") return metrics();
    if (request.path == "/") return list_environments(language);
    for (const EnvironmentSettings& environment : environments_) {
      const std::string root = "/" + environment.name + "/";
      if (request.path == root) return report_of(environment.name, request, language);
      if (request.path == root + "documents") return search_in(environment.name, request, language);
    }
    return plain(404, "there is no such page");
  } catch (const Error& error) {
    return told(error);
  }
}

PageResponse Site::report_of(const std::string& name, const PageRequest& request,
                             Language language) {
  const auto environment = std::find_if(environments_.begin(), environments_.end(),
                                        [&](const auto& one) { return one.name == name; });
  const Instant now = now_();
  const std::string from = query_value(request, "from"), to = query_value(request, "to");
  const date::local_days last = to.empty() ? local_day(now, environment->time_zone) : parse_day(to);
  const date::local_days first = from.empty() ? last - date::days(365) : parse_day(from);
  const std::optional<ReportModel> model = reports_.at(name)->with_catalog(
      [&](Catalog& catalog) { return report(catalog, *environment, now, first, last); });
  if (!model) return busy();
  const std::string period =
      (from.empty() ? "" : "&from=" + from) + (to.empty() ? "" : "&to=" + to);
  const Language other = language == Language::french ? Language::english : Language::french;
  const PageLinks links{
      .other_language = fmt::format("?lang={}{}", texts_of(other).code.text, period),
      .search = fmt::format("documents?lang={}", texts_of(language).code.text)};
  return page(report_page(*model, language, links));
}

PageResponse Site::search_in(const std::string& name, const PageRequest& request,
                             Language language) {
  const auto environment = std::find_if(environments_.begin(), environments_.end(),
                                        [&](const auto& one) { return one.name == name; });
  SearchResult result{.environment = name, .typed = query_value(request, "q")};
  if (result.typed.size() > kLongestPattern)
    throw Error(Errc::usage, "the pattern is too long").with_hint("512 characters at most");
  if (!result.typed.empty()) {
    const PathPattern pattern(pattern_of(result.typed));
    std::optional<std::vector<DocumentVersion>> found = searches_.at(name)->with_catalog(
        [&](Catalog& catalog) { return find_versions(catalog, pattern, stop_); });
    if (!found) return busy();
    result.versions = std::move(*found);
    if (result.versions.size() > kShownVersions) {
      result.omitted = result.versions.size() - kShownVersions;
      result.versions.resize(kShownVersions);
    }
  }
  return page(search_page(result, Wording(language, environment->time_zone)));
}

PageResponse Site::metrics() {
  std::vector<EnvironmentStatus> statuses;
  for (const EnvironmentSettings& environment : environments_) {
    const Instant now = now_();
    // One store that cannot be read does not hide the others.
    try {
      std::optional<EnvironmentStatus> status =
          scrapes_.at(environment.name)->with_catalog([&](Catalog& catalog) {
            return environment_status(catalog, environment, now);
          });
      // That it is asked too often says nothing of the backups.
      if (!status) return busy();
      statuses.push_back(std::move(*status));
    } catch (const Error& error) {
      if (error.code() == Errc::interrupted) throw;
      statuses.push_back(
          unreadable_status(environment.name, environment.prefix, now, error.what()));
    }
  }
  return {.body = metrics_text(statuses), .type = "text/plain; version=0.0.4; charset=utf-8"};
}

PageResponse Site::list_environments(Language language) const {
  if (environments_.size() == 1)
    return {.status = 302, .headers = {{"Location", "/" + environments_.front().name + "/"}}};
  return page(environments_page(environments_, texts_of(language)));
}

}  // namespace dolibarr_backup
