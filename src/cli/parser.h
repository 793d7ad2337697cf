#pragma once

#include <memory>

#include "cli/command_line.h"

namespace CLI {
class App;
}

namespace dolibarr_backup {

/// Every command with its options, to parse into `line` or to look through.
std::unique_ptr<CLI::App> make_parser(CommandLine& line);

}  // namespace dolibarr_backup
