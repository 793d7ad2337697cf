#include "page/wording.h"

#include <date/tz.h>

#include "base/error.h"
#include "page/languages.h"

namespace dolibarr_backup {
namespace {

std::string day_number(const Texts& texts, unsigned day) {
  return day == 1 ? std::string(texts.first_of_month.text) : std::to_string(day);
}

// base/units writes English: the sign of decimals and the units are the language's.
std::string with_decimal_sign(std::string number, const Texts& texts) {
  if (const size_t point = number.find('.'); point != std::string::npos)
    number.replace(point, 1, texts.decimal.text);
  return number;
}

}  // namespace

std::optional<Language> parse_language(std::string_view code) {
  if (code == "en") return Language::english;
  if (code == "fr") return Language::french;
  return std::nullopt;
}

const Texts& texts_of(Language language) {
  return language == Language::french ? kFrench : kEnglish;
}

Text Texts::found(FindingKind kind) const {
  switch (kind) {
    case FindingKind::unreadable:
      return found_unreadable;
    case FindingKind::never:
      return found_never;
    case FindingKind::damaged:
      return found_damaged;
    case FindingKind::clock:
      return found_clock;
    case FindingKind::broken_chain:
      return found_broken_chain;
    case FindingKind::broken_restore:
      return found_broken_restore;
    case FindingKind::stale:
      return found_stale;
    case FindingKind::incomplete:
      return found_incomplete;
    case FindingKind::torn:
      return found_torn;
    case FindingKind::no_point:
      return found_no_point;
    case FindingKind::failed:
      return found_failed;
    case FindingKind::collapsed:
      return found_collapsed;
    case FindingKind::unproven:
      return found_unproven;
    case FindingKind::verify_failed:
      return found_verify_failed;
    case FindingKind::damaged_earlier:
      return found_damaged_earlier;
    case FindingKind::gap:
      return found_gap;
    case FindingKind::shrunk:
      return found_shrunk;
    case FindingKind::missing_documents:
      return found_missing_documents;
    case FindingKind::drill_overdue:
      return found_drill_overdue;
    case FindingKind::verify_overdue:
      return found_verify_overdue;
    case FindingKind::prune_refused:
      return found_prune_refused;
    case FindingKind::two_tools:
      return found_two_tools;
    case FindingKind::not_off_site:
      return found_not_off_site;
    case FindingKind::no_key:
      return found_no_key;
    case FindingKind::orphans:
      return found_orphans;
    case FindingKind::uploads:
      return found_uploads;
    case FindingKind::not_ours:
      return found_not_ours;
  }
  throw Error(Errc::bug, "a finding without words");
}

Wording::Wording(Language language, std::string time_zone)
    : language_(language), texts_(texts_of(language)), time_zone_(std::move(time_zone)) {}

std::string Wording::day(date::local_days day) const {
  const date::year_month_day date(day);
  return say(texts_.date, day_number(texts_, static_cast<unsigned>(date.day())),
             texts_.months[static_cast<unsigned>(date.month()) - 1].text,
             static_cast<int>(date.year()));
}

std::string Wording::long_day(date::local_days day) const {
  const date::year_month_day date(day);
  return say(texts_.date_long, day_number(texts_, static_cast<unsigned>(date.day())),
             texts_.months[static_cast<unsigned>(date.month()) - 1].text,
             static_cast<int>(date.year()),
             texts_.weekdays[date::weekday(day).iso_encoding() - 1].text);
}

std::string Wording::month(date::year_month month) const {
  return say(texts_.month_of_year, texts_.months[static_cast<unsigned>(month.month()) - 1].text,
             static_cast<int>(month.year()));
}

std::string Wording::day_of_year(unsigned month, unsigned day) const {
  return fmt::format("{} {}", day_number(texts_, day), texts_.months[month - 1].text);
}

std::string Wording::instant(Instant instant) const {
  const date::time_zone* zone = date::locate_zone(time_zone_);
  const date::local_seconds local = zone->to_local(instant);
  return say(texts_.at_time, day(date::floor<date::days>(local)),
             date::format("%H:%M ", local) + zone->get_info(instant).abbrev);
}

std::string Wording::number(uint64_t number) const {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += texts_.group.text;
    text += digits[i];
  }
  return text;
}

std::string Wording::bytes(uint64_t bytes) const {
  static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  const std::string text = format_bytes(bytes);
  const size_t blank = text.find(' ');
  for (size_t unit = 0; unit < std::size(kUnits); ++unit)
    if (text.substr(blank + 1) == kUnits[unit])
      return with_decimal_sign(text.substr(0, blank), texts_) + "\u00a0" +
             std::string(texts_.bytes[unit].text);
  throw Error(Errc::bug, "a size in an unknown unit: " + text);
}

std::string Wording::duration(std::chrono::milliseconds duration) const {
  const int64_t ms = duration.count();
  if (ms < 60'000)
    return with_decimal_sign(fmt::format("{:.1f}", static_cast<double>(ms) / 1000), texts_) +
           "\u00a0" + std::string(texts_.seconds.text);
  const auto two = [](int64_t large, const Text& unit, int64_t small, const Text& smaller) {
    return fmt::format("{}\u00a0{} {:02}\u00a0{}", large, unit.text, small, smaller.text);
  };
  const int64_t minutes = ms / 60'000;
  if (minutes < 60) return two(minutes, texts_.minutes, ms / 1000 % 60, texts_.seconds);
  if (minutes < 48 * 60) return two(minutes / 60, texts_.hours, minutes % 60, texts_.minutes);
  return fmt::format("{}\u00a0{}", number(static_cast<uint64_t>(minutes / 1440)), texts_.days.text);
}

std::string_view Wording::half(Half half) const {
  return half == Half::db ? texts_.db.text : texts_.docs.text;
}

std::string_view Wording::result(RunResult result) const {
  switch (result) {
    case RunResult::success:
      return texts_.result_success.text;
    case RunResult::torn:
      return texts_.result_torn.text;
    case RunResult::incomplete:
      return texts_.result_incomplete.text;
    case RunResult::failed:
      return texts_.result_failed.text;
    case RunResult::refused:
      return texts_.result_refused.text;
    case RunResult::interrupted:
      return texts_.result_interrupted.text;
  }
  throw Error(Errc::bug, "a result without words");
}

}  // namespace dolibarr_backup
