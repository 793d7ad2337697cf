#pragma once

#include <date/date.h>
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "base/units.h"
#include "core/object_keys.h"
#include "core/run_record.h"
#include "page/texts.h"

namespace dolibarr_backup {

/// Dates, numbers and sentences in the habits of one language and one time zone. Pure.
class Wording {
 public:
  /// Errc::config for an unknown time zone, when an instant is written.
  Wording(Language language, std::string time_zone);

  const Texts& texts() const { return texts_; }
  Language language() const { return language_; }
  const std::string& time_zone() const { return time_zone_; }

  /// `text` with its `{}` replaced.
  template <typename... Values>
  std::string say(const Text& text, const Values&... values) const {
    return fmt::format(fmt::runtime(text.text), values...);
  }
  /// The form for this count; its first `{}` is the count.
  template <typename... Values>
  std::string count(uint64_t count, const CountedText& text, const Values&... values) const {
    // French has one of 0 and of 1, English of 1 alone.
    const bool one = count == 1 || (count == 0 && language_ == Language::french);
    return say(one ? text.one : text.several, number(count), values...);
  }

  std::string day(date::local_days day) const;                  ///< "31 March 2026"
  std::string long_day(date::local_days day) const;             ///< "Tuesday, 31 March 2026"
  std::string month(date::year_month month) const;              ///< "March 2026"
  std::string day_of_year(unsigned month, unsigned day) const;  ///< "31 December"
  std::string instant(Instant instant) const;                   ///< "31 March 2026 at 02:15 CEST"
  std::string number(uint64_t number) const;                    ///< "12,345"
  std::string bytes(uint64_t bytes) const;                      ///< "47.7 MiB"
  std::string duration(std::chrono::milliseconds duration) const;  ///< "2 min 05 s"

  std::string_view half(Half half) const;
  std::string_view result(RunResult result) const;

 private:
  Language language_;
  const Texts& texts_;
  std::string time_zone_;
};

}  // namespace dolibarr_backup
