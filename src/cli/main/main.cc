// The program: parse, watch signals, dispatch, turn an Error into an exit code.
#include <exception>

#include "base/error.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/signals.h"

int main(int argc, char** argv) {
  using namespace dolibarr_backup;
  std::stop_source stop;
  try {
    const SignalWatch signals(stop);
    const ParsedCommandLine parsed = parse_command_line(argc, argv);
    log::configure(parsed.line.log);
    if (parsed.error) return tell_failure(parsed.line, *parsed.error);
    if (parsed.text) return print_result(*parsed.text);
    return run_command(parsed.line, stop);
  } catch (const Error& error) {
    report_error(error);
    return exit_code_of(error.code());
  } catch (const std::exception& error) {
    report_error(Error(Errc::bug, std::string("internal error: ") + error.what()));
    return exit_code_of(Errc::bug);
  }
}
