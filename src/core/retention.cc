#include "core/retention.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "core/local_day.h"

namespace dolibarr_backup {
namespace {

using date::days;
using date::local_days;
using date::months;
using date::year_month_day;
using date::years;

// The last second of a local day: the one before the next day's first. Where a
// change of clocks makes midnight twice or not at all, the day's first moment counts.
Instant end_of_day(const date::time_zone& zone, local_days day) {
  const auto next = zone.to_sys(date::local_seconds(day + days(1)), date::choose::earliest);
  return next - std::chrono::seconds(1);
}

// 29 February means the last day of that month in years that have none.
local_days day_in_month(year_month_day date) {
  if (!date.ok()) date = date.year() / date.month() / date::last;
  return local_days(date);
}

// Whether `text` looks like `pattern`, whose zeros stand for digits: date::parse()
// takes signs and short fields as well.
bool looks_like(std::string_view text, std::string_view pattern) {
  return std::equal(text.begin(), text.end(), pattern.begin(), pattern.end(),
                    [](char c, char p) { return p == '0' ? c >= '0' && c <= '9' : c == p; });
}

std::string iso(local_days day) {
  return date::format("%F", day);
}

void add_days(std::vector<KeptInstant>& kept, const RetentionPolicy& policy,
              const date::time_zone& zone, local_days today) {
  for (int i = 1; i <= policy.days; ++i)
    kept.push_back({Tier::daily, end_of_day(zone, today - days(i)), iso(today - days(i))});
}

void add_months(std::vector<KeptInstant>& kept, const RetentionPolicy& policy,
                const date::time_zone& zone, local_days today) {
  const year_month_day date(today);
  date::year_month month = date.year() / date.month();
  for (int i = 0; i < policy.months; ++i) {
    month -= months(1);
    kept.push_back({Tier::monthly, end_of_day(zone, local_days(month / date::last)),
                    date::format("%Y-%m", local_days(month / 1))});
  }
}

void add_years(std::vector<KeptInstant>& kept, const RetentionPolicy& policy,
               const date::time_zone& zone, local_days today) {
  const auto close_in = [&](date::year year) {
    return day_in_month(year / date::month(policy.fiscal_year_end_month) /
                        date::day(policy.fiscal_year_end_day));
  };
  date::year year = year_month_day(today).year();
  while (close_in(year) >= today) --year;
  for (int i = 0; i < policy.years; ++i, --year)
    kept.push_back({Tier::yearly, end_of_day(zone, close_in(year)),
                    fmt::format("fiscal year {}", static_cast<int>(year))});
}

}  // namespace

std::string_view name_of(Tier tier) {
  switch (tier) {
    case Tier::newest:
      return "newest";
    case Tier::daily:
      return "daily";
    case Tier::monthly:
      return "monthly";
    case Tier::yearly:
      return "yearly";
  }
  throw Error(Errc::bug, "a tier without a name");
}

std::vector<KeptInstant> kept_instants(const RetentionPolicy& policy, Instant now,
                                       const std::string& time_zone) {
  const date::time_zone& zone = zone_of(time_zone);
  const local_days today = local_day(now, time_zone);
  std::vector<KeptInstant> kept = {{Tier::newest, now, "now"}};
  add_days(kept, policy, zone, today);
  add_months(kept, policy, zone, today);
  add_years(kept, policy, zone, today);
  return kept;
}

Instant parse_as_of(std::string_view text, const std::string& time_zone) {
  const date::time_zone& zone = zone_of(time_zone);
  // RFC 3339, section 5.6: an offset or Z; %Ez takes +02:00.
  std::string spelled(text);
  if (spelled.ends_with('Z')) spelled.replace(spelled.size() - 1, 1, "+00:00");
  std::istringstream in(spelled);
  if (looks_like(spelled, "0000-00-00")) {
    local_days day;
    if (in >> date::parse("%F", day)) return end_of_day(zone, day);
  } else if (looks_like(spelled, "0000-00-00T00:00:00+00:00") ||
             looks_like(spelled, "0000-00-00T00:00:00-00:00")) {
    Instant instant;
    if (in >> date::parse("%FT%T%Ez", instant)) return instant;
  }
  throw Error(Errc::usage, "'" + std::string(text) + "' is neither a date nor a time")
      .with_hint("write 2026-03-31 for its end, or 2026-03-31T18:00:00+02:00");
}

Retention decide_retention(const RetentionInput& input) {
  std::map<std::string, std::vector<std::string>> reasons;
  const auto newest_at = [&](Half half, Instant instant) -> const StoredArchive* {
    const StoredArchive* newest = nullptr;
    for (const StoredArchive& archive : input.archives)
      if (archive.half == half && archive.taken <= instant &&
          (!newest || std::tie(newest->taken, newest->key) < std::tie(archive.taken, archive.key)))
        newest = &archive;
    return newest;
  };
  const auto keep = [&](const std::string& key, const std::string& why) {
    std::vector<std::string>& known = reasons[key];
    if (std::find(known.begin(), known.end(), why) == known.end()) known.push_back(why);
  };

  for (const Half half : kHalves)
    if (const StoredArchive* newest = newest_at(half, Instant::max()))
      keep(newest->key, fmt::format("newest {} archive", name_of(half)));
  for (const auto& [kept, pair] : input.kept) {
    const std::string why = kept.tier == Tier::newest
                                ? "in force now"
                                : fmt::format("{} {}", name_of(kept.tier), kept.label);
    for (const Half half : kHalves) {
      const std::optional<std::string> none;
      const std::optional<std::string>& named = !pair              ? none
                                                : half == Half::db ? pair->db
                                                                   : pair->docs;
      if (named) {
        keep(*named, why);
      } else if (const StoredArchive* newest = newest_at(half, kept.instant)) {
        keep(newest->key, why + ", unpaired");
      }
    }
  }
  for (const auto& [key, why] : input.holds) keep(key, "held: " + why);

  Retention retention;
  for (const StoredArchive& archive : input.archives) {
    const auto found = reasons.find(archive.key);
    if (found != reasons.end())
      retention.decisions.push_back({archive, true, found->second});
    else
      retention.decisions.push_back({archive, false, {"no kept instant needs it"}});
  }
  return retention;
}

}  // namespace dolibarr_backup
