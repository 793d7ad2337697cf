// make-company: an invented company in a database and a folder, for trials and benchmarks.
#include <charconv>
#include <iostream>
#include <map>
#include <string>

#include "base/error.h"
#include "support/company/company.h"

namespace {

using dolibarr_backup::Errc;
using dolibarr_backup::Error;

constexpr const char* kUsage =
    "usage: make-company --socket DIR --user ROLE --database NAME --documents DIR\n"
    "                    [--scale N] [--seed N] [--schema-only]\n"
    "\n"
    "Fills an empty PostgreSQL database and a folder. --scale 1 is about 50 invoices,\n"
    "40 is 2000. --schema-only makes the tables alone.\n";

std::map<std::string, std::string> parse(int count, char** words) {
  std::map<std::string, std::string> options{{"scale", "1"}, {"seed", "1"}};
  for (int at = 1; at < count; ++at) {
    const std::string word = words[at];
    if (word == "--schema-only") {
      options["schema-only"] = "yes";
    } else if ((word == "--socket" || word == "--user" || word == "--database" ||
                word == "--documents" || word == "--scale" || word == "--seed") &&
               at + 1 < count) {
      options[word.substr(2)] = words[++at];
    } else {
      throw Error(Errc::usage, "cannot understand '" + word + "'");
    }
  }
  for (const char* name : {"socket", "user", "database"})
    if (!options.contains(name)) throw Error(Errc::usage, std::string("--") + name + " is missing");
  if (!options.contains("documents") && !options.contains("schema-only"))
    throw Error(Errc::usage, "--documents is missing");
  return options;
}

int positive_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1)
    throw Error(Errc::usage, "'" + text + "' is not a positive number");
  return number;
}

}  // namespace

int main(int count, char** words) {
  try {
    std::map<std::string, std::string> options = parse(count, words);
    dolibarr_backup::DatabaseSettings database;
    database.host = options["socket"];
    database.user = options["user"];
    database.name = options["database"];
    dolibarr_backup::make_company(database, options["documents"],
                                  {.scale = positive_number(options["scale"]),
                                   .seed = static_cast<unsigned>(positive_number(options["seed"])),
                                   .schema_only = options.contains("schema-only")});
    return 0;
  } catch (const Error& error) {
    std::cerr << "make-company: " << error.what() << '\n';
    if (error.code() == Errc::usage) std::cerr << kUsage;
    return exit_code_of(error.code());
  }
}
