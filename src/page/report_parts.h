#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/report_model.h"
#include "page/html.h"
#include "page/wording.h"

/// The parts of the report's page, and what they share. Each writes one section.
namespace dolibarr_backup {

void write_summary(Html& html, const ReportModel& model, const Wording& wording);
void write_attention(Html& html, const ReportModel& model, const Wording& wording);
void write_calendar(Html& html, const ReportModel& model, const Wording& wording);
void write_register(Html& html, const ReportModel& model, const Wording& wording);
void write_gaps(Html& html, const ReportModel& model, const Wording& wording);
void write_drills(Html& html, const ReportModel& model, const Wording& wording);
void write_retention(Html& html, const ReportModel& model, const Wording& wording);
void write_sizes(Html& html, const ReportModel& model, const Wording& wording);
void write_pruned(Html& html, const ReportModel& model, const Wording& wording);
void write_integrity(Html& html, const ReportModel& model, const Wording& wording);
void write_own_verification(Html& html, const ReportModel& model, const Wording& wording);

/// A section of the page, with its heading.
void write_section(Html& html, const char* id, const Text& heading,
                   const std::function<void()>& body);
/// A table with a caption for who cannot see the heading above it, and column headings.
void write_table(Html& html, std::string_view caption, const std::vector<std::string_view>& columns,
                 const std::function<void()>& rows);
/// Text that the program recorded in English, marked as such.
void write_recorded(Html& html, std::string_view text);
/// The state of a trial or an answer: a sign, and a word beside it, so that no colour is needed.
void write_badge(Html& html, const char* kind, std::string_view word);

/// The sign of a day, and its words.
std::string_view sign_of(DayMark mark);
std::string_view words_of(DayMark mark, const Texts& texts);
/// The days of each month, in their order.
std::vector<std::span<const ReportDay>> months_of(const std::vector<ReportDay>& days);
/// Whether there is anything to tell of a day: it then has a line in the register.
bool has_line(const ReportDay& day);
/// The anchor of a day in the register.
std::string anchor_of(date::local_days day);

}  // namespace dolibarr_backup
