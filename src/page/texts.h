#pragma once

#include <optional>
#include <string_view>

#include "core/status.h"

namespace dolibarr_backup {

enum class Language { english, french };
/// "en", "fr"; nullopt for anything else.
std::optional<Language> parse_language(std::string_view code);

/// A text of the page. It has no default, so that a language that lacks one does not compile.
struct Text {
  constexpr Text(const char* words) : text(words) {}  // NOLINT: a text is its words
  std::string_view text;
};

/// A text for one, and for none or several: which is which is the language's.
struct CountedText {
  Text one, several;
};

/// All that the pages say. `{}` is replaced, in the order given here.
struct Texts {
  Text code;                                          ///< of the language, BCP 47
  Text decimal, group;                                ///< signs of numbers
  Text months[12], weekdays[7], weekday_initials[7];  ///< the week begins on Monday
  Text date, date_long;                               ///< day, month, year (and the weekday, first)
  Text month_of_year;                                 ///< month, year
  Text at_time;                                       ///< date, time and zone
  Text bytes[7];                                      ///< units, from bytes on, by 1024
  Text seconds, minutes, hours, days;                 ///< of durations, abbreviated
  Text first_of_month;                                ///< "1", "1er"

  Text title, skip, contents, period, made, store, prefix, time_zone;
  Text language_switch;  ///< in the other language
  Text db, docs;

  Text covered_question, since_question, restore_question, day_question;
  Text yes, no, unproven;
  Text covered;     ///< time of the last run, its age
  Text stale;       ///< the same
  Text never;       ///< no run was ever good
  Text half_never;  ///< the half
  Text nothing_restorable;
  Text content_since;  ///< time
  Text since;          ///< date
  Text no_series;
  Text first_backup;  ///< date
  Text proven;        ///< when, state of when, how long
  Text never_drilled;
  Text refuted;  ///< when
  Text day_answer;
  Text never_word, interrupted_word;
  Text attention, attention_lead, attention_none;
  Text severity_failure, severity_warning, severity_note;

  Text calendar, calendar_lead, legend, skip_calendar;
  Text mark_before, mark_backed_up, mark_unchanged, mark_failed, mark_covered, mark_missing,
      mark_pending, mark_future;
  Text mark_drilled, mark_drill_failed;

  Text register_title, register_lead;
  Text column_day, column_event, column_state;
  Text state_exact;    ///< time
  Text state_carried;  ///< time
  Text state_thinned;  ///< time
  Text state_none, state_gone;
  CountedText runs;  ///< count
  Text result_success, result_torn, result_incomplete, result_failed, result_refused,
      result_interrupted;

  Text gaps, gaps_none;
  Text gap_days;  ///< first, last
  CountedText gap_length;
  Text gap_no_run;
  Text gap_failed;  ///< the result

  Text drills, drills_lead;
  CountedText drills_count;
  Text column_time, drills_none;
  Text drill_point;    ///< the state's time
  Text drill_seconds;  ///< how long
  Text column_proof, column_outcome, column_meaning;
  Text outcome_proven, outcome_warning, outcome_failed, outcome_untold;
  Text proof_point, proof_database, proof_documents, proof_index, proof_legal_log, proof_growth,
      proof_key;
  Text proof_point_meaning, proof_database_meaning, proof_documents_meaning, proof_index_meaning,
      proof_legal_log_meaning, proof_growth_meaning, proof_key_meaning;

  Text retention;
  Text retention_lead;  ///< days, months, years, day that closes the fiscal year
  Text column_tier, column_covered;
  Text tier_newest, tier_daily, tier_monthly, tier_yearly;
  Text covered_of;  ///< covered, wanted
  Text instants_detail;
  Text column_instant;
  Text archives;
  CountedText archives_count;
  Text column_archive, column_size, column_kept;
  Text kept_in_force, kept_newest, kept_held, kept_drilled, kept_unpaired;
  CountedText kept_daily;
  Text kept_monthly, kept_yearly;  ///< the month; the year
  Text damaged, no_manifest;

  Text sizes, sizes_lead;
  Text plot_label;  ///< half, first size, last size
  Text column_month, column_stored, column_last_size;
  Text figures;
  Text sizes_none;

  Text pruned, pruned_lead, pruned_none;
  CountedText pruned_count;
  Text column_when, column_reason;
  Text reason_not_needed, reason_orphan, reason_manifest, reason_upload;

  Text integrity;
  Text chain_unbroken_word, chain_broken_word;
  Text chain_sound;   ///< records, first, last
  Text chain_broken;  ///< problems
  Text chain_empty;
  Text chain_lead;
  Text head;
  Text versions;
  Text column_what, column_version, column_seen;
  Text version_dolibarr, version_server, version_pg_dump, version_tool;
  Text seen;  ///< first, last
  Text verifies;
  CountedText verifies_count;
  Text verifies_none;
  Text key_kept;  ///< where
  Text key_not_kept;

  Text verify_yourself, verify_lead;
  Text verify_step_record, verify_step_archive, verify_step_files, verify_step_restore,
      verify_step_documents;
  Text verify_none;
  Text footer;  ///< version

  Text environments, search_title, search_lead, search_label, search_button;
  CountedText versions_found;
  Text versions_omitted;  ///< count
  Text column_document, column_held;
  Text version_span;  ///< from, until
  Text version_gone;  ///< when
  Text version_fetch;

  Text found(FindingKind kind) const;
  Text found_unreadable, found_never, found_damaged, found_clock, found_broken_chain,
      found_broken_restore, found_stale, found_incomplete, found_torn, found_no_point, found_failed,
      found_collapsed, found_unproven, found_verify_failed, found_damaged_earlier, found_gap,
      found_shrunk, found_missing_documents, found_drill_overdue, found_verify_overdue,
      found_prune_refused, found_two_tools, found_not_off_site, found_no_key, found_orphans,
      found_uploads, found_not_ours;
};

const Texts& texts_of(Language language);

}  // namespace dolibarr_backup
