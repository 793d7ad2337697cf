#include "base/error.h"

#include <system_error>

namespace dolibarr_backup {

Error::Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {
  rebuild_what();
}

Error& Error::with_hint(std::string hint) & {
  hint_ = std::move(hint);
  return *this;
}
Error&& Error::with_hint(std::string hint) && {
  return std::move(with_hint(std::move(hint)));
}

Error& Error::mark_transient() & {
  transient_ = true;
  return *this;
}
Error&& Error::mark_transient() && {
  return std::move(mark_transient());
}

void Error::add_context(std::string context) {
  context_.push_back(std::move(context));
  rebuild_what();
}

void Error::rebuild_what() {
  what_.clear();
  for (auto it = context_.rbegin(); it != context_.rend(); ++it) what_ += *it + ": ";
  what_ += message_;
}

const std::vector<ExitCode>& exit_codes() {
  static const std::vector<ExitCode> table = {
      {0, "success", "the job was done, or there was nothing to do"},
      {1, "bug", "an internal error; please report it"},
      {2, "usage", "the command line is wrong"},
      {3, "config", "the settings are wrong or incomplete"},
      {4, "source", "the database or the documents could not be read"},
      {5, "store", "the store could not be reached, refused the request, or failed"},
      {6, "corrupt", "what the store holds is damaged"},
      {7, "refused", "a guard refused: identity, clock, protection, prune share"},
      {8, "torn", "stored, but database and documents moved while they were taken"},
      {9, "incomplete", "stored, but some files could not be captured; they are named"},
      {10, "unproven", "a drill restored a point that is not what it should be"},
      {11, "cluster", "the cluster could not be reached, or could not run the job"},
      {12, "unwell", "status: a backup is missing, stale, damaged, unproven or not enrolled"},
      {130, "interrupted", "stopped by SIGINT or SIGTERM; nothing half-made is left"},
  };
  return table;
}

int exit_code_of(Errc code) {
  switch (code) {
    case Errc::bug:
      return 1;
    case Errc::usage:
      return 2;
    case Errc::config:
      return 3;
    case Errc::source:
      return 4;
    case Errc::store:
      return 5;
    case Errc::corrupt:
      return 6;
    case Errc::refused:
      return 7;
    case Errc::torn:
      return 8;
    case Errc::incomplete:
      return 9;
    case Errc::unproven:
      return 10;
    case Errc::cluster:
      return 11;
    case Errc::unwell:
      return 12;
    case Errc::interrupted:
      return 130;
  }
  return 1;
}

std::string_view name_of(Errc code) {
  for (const ExitCode& row : exit_codes())
    if (row.code == exit_code_of(code)) return row.name;
  return "bug";
}

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace dolibarr_backup
