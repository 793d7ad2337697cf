#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"
#include "page/texts.h"
#include "web/http.h"

namespace dolibarr_backup {

/// What `serve` shows: the report of each environment as it is now, and a search for
/// documents and their versions. Only reads. What was read is kept for fifteen seconds.
/// Thread-safe.
class Site {
 public:
  /// `now` is the wall clock.
  Site(std::vector<EnvironmentSettings> environments, std::function<Instant()> now,
       std::stop_token stop);
  ~Site();

  /// The answer to a GET; also of a failure, which is told on the page and logged.
  PageResponse answer(const PageRequest& request);

 private:
  class View;
  PageResponse report_of(const std::string& name, const PageRequest& request, Language language);
  PageResponse search_in(const std::string& name, const PageRequest& request, Language language);
  PageResponse list_environments(Language language) const;
  PageResponse metrics();

  std::vector<EnvironmentSettings> environments_;
  std::function<Instant()> now_;
  std::stop_token stop_;
  /// By environment: for reports, for searches, and for scrapes of the metrics, so that
  /// none of them waits for another kind.
  std::map<std::string, std::unique_ptr<View>> reports_, searches_, scrapes_;
};

}  // namespace dolibarr_backup
