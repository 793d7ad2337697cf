#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace dolibarr_backup {

/// What kind of failure ended the job. Each has one exit code (exit_codes()).
enum class Errc {
  bug,          ///< a state the program believes impossible
  usage,        ///< the command line is wrong
  config,       ///< the settings are wrong or incomplete
  source,       ///< the database or the documents could not be read
  store,        ///< the store could not be reached, refused us, or failed
  corrupt,      ///< what the store holds is not what was stored
  refused,      ///< a guard said no: identity, clock, protection, prune share
  torn,         ///< stored, but the two halves moved while they were taken
  incomplete,   ///< stored, but a file could not be captured as it is
  unproven,     ///< a trial restore is not what it should be
  cluster,      ///< the cluster could not be reached, or could not run the job
  unwell,       ///< status: the backups are not as they should be
  interrupted,  ///< SIGINT or SIGTERM
};

/// The one exception of this program: a failure that ends the job at hand.
/// An expected answer ("no such object") is a return value, never an Error.
class Error : public std::exception {
 public:
  Error(Errc code, std::string message);

  /// What the reader should do about it; shown on its own line.
  Error& with_hint(std::string hint) &;
  Error&& with_hint(std::string hint) &&;
  /// Marks a failure that may pass when tried again. store/retry looks, and a backup that
  /// opens its database once more.
  Error& mark_transient() &;
  Error&& mark_transient() &&;
  /// Adds what was being done, outermost last: "while dumping database 'erp'".
  void add_context(std::string context);

  Errc code() const { return code_; }
  bool transient() const { return transient_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::vector<std::string>& context() const { return context_; }
  /// "<outermost context>: ...: <message>", one line, without the hint.
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  void rebuild_what();
  Errc code_;
  bool transient_ = false;
  std::string message_, hint_, what_;
  std::vector<std::string> context_;
};

/// Runs `body`; an Error that leaves it gains `context` on the way.
template <typename Body>
auto with_context(std::string context, Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    error.add_context(std::move(context));
    throw;
  }
}

/// One row of the exit-code table that --help, the README and the man page print.
struct ExitCode {
  int code;
  std::string_view name;
  std::string_view meaning;
};

/// Every exit code of the program, ascending.
const std::vector<ExitCode>& exit_codes();
int exit_code_of(Errc code);
std::string_view name_of(Errc code);

/// Text of an errno value, thread-safe.
std::string errno_text(int error_number);

}  // namespace dolibarr_backup
