#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/parser.h"

namespace dolibarr_backup {
namespace {

using Words = std::vector<std::string>;

// What may stand for an option's or a command's own value.
struct Value {
  Words choices;  // if they are fixed
  bool is_file = false, is_folder = false;
};

struct CompletedOption {
  Words names;  // "-c", "--config"
  std::optional<Value> value;
};

struct CompletedCommand {
  std::string path;  // "hold add"; "" for the program itself
  Words commands;
  std::vector<CompletedOption> options;
  Value value;
};

// The parser shows the choices in the type's name: "FORMAT:{text,json}".
Value value_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  Value value{.is_file = type.starts_with("FILE"), .is_folder = type.starts_with("FOLDER")};
  const size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return value;
  std::istringstream list(type.substr(open + 1, close - open - 1));
  for (std::string word; std::getline(list, word, ',');) value.choices.push_back(word);
  return value;
}

void collect(const CLI::App& app, const std::string& path, std::vector<CompletedCommand>& all) {
  CompletedCommand command{.path = path};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      command.value = value_of(*option);
      continue;
    }
    CompletedOption completed;
    for (const std::string& name : option->get_snames()) completed.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) completed.names.push_back("--" + name);
    if (option->get_items_expected_max() > 0) completed.value = value_of(*option);
    command.options.push_back(std::move(completed));
  }
  const std::vector<const CLI::App*> subcommands = app.get_subcommands({});
  for (const CLI::App* sub : subcommands) command.commands.push_back(sub->get_name());
  all.push_back(std::move(command));
  for (const CLI::App* sub : subcommands)
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), all);
}

std::vector<CompletedCommand> all_commands() {
  CommandLine unused;
  const std::unique_ptr<CLI::App> app = make_parser(unused);
  std::vector<CompletedCommand> all;
  collect(*app, "", all);
  return all;
}

Words long_options(const CompletedCommand& command) {
  Words names;
  for (const CompletedOption& option : command.options)
    for (const std::string& name : option.names)
      if (name.starts_with("--")) names.push_back(name);
  return names;
}

// The names of all options that take a value.
Words valued_options(const std::vector<CompletedCommand>& all) {
  Words names;
  for (const CompletedCommand& command : all)
    for (const CompletedOption& option : command.options)
      if (option.value) names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

Words paths(const std::vector<CompletedCommand>& all) {
  Words list;
  for (const CompletedCommand& command : all)
    if (!command.path.empty()) list.push_back('"' + command.path + '"');
  return list;
}

// bash splits "--env=prod" into three words; zsh runs this by its bashcompinit, and has
// no mapfile.
constexpr std::string_view kBashScript = R"(# shellcheck disable=SC2207
_dolibarr_backup() {{
  local path="" word i words="" kind=""
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word="${{COMP_WORDS[i]}}"
    case "$word" in
      {valued})
        [[ "${{COMP_WORDS[i+1]}}" == "=" ]] && ((i += 1))
        ((i += 1)) ;;
      -*) ;;
      *)
        case "${{path:+$path }}$word" in
          {paths}) path="${{path:+$path }}$word" ;;
        esac ;;
    esac
  done
  if [[ "$current" == "=" ]]; then
    current=""
  elif [[ "$previous" == "=" ]]; then
    previous="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  case "$previous" in
{values}    *)
      case "$path" in
{words}      esac
      words="$words {options}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ -z "$kind" || ${{#COMPREPLY[@]}} -gt 0 ]] && return
  local IFS=$'\n'
  COMPREPLY=($(compgen "$kind" -- "$current"))
}}
complete -o filenames -F _dolibarr_backup dolibarr-backup
)";

std::string kind_of(const Value& value) {
  return value.is_file ? " kind=-f" : value.is_folder ? " kind=-d" : "";
}

std::string bash_script() {
  const std::vector<CompletedCommand> all = all_commands();
  std::string values, words;
  for (const CompletedCommand& command : all) {
    Words list = command.commands;
    if (!command.path.empty()) {  // those of the program itself go with every command
      const Words own = long_options(command);
      list.insert(list.end(), own.begin(), own.end());
    }
    list.insert(list.end(), command.value.choices.begin(), command.value.choices.end());
    words += fmt::format("        \"{}\") words=\"{}\"{} ;;\n", command.path, fmt::join(list, " "),
                         kind_of(command.value));
    for (const CompletedOption& option : command.options)
      if (option.value)
        values += fmt::format("    {}) words=\"{}\"{} ;;\n", fmt::join(option.names, " | "),
                              fmt::join(option.value->choices, " "), kind_of(*option.value));
  }
  return fmt::format(kBashScript, fmt::arg("valued", fmt::join(valued_options(all), " | ")),
                     fmt::arg("paths", fmt::join(paths(all), " | ")), fmt::arg("values", values),
                     fmt::arg("words", words),
                     fmt::arg("options", fmt::join(long_options(all.front()), " ")));
}

constexpr std::string_view kFishScript = R"(# fish completion for dolibarr-backup
function __dolibarr_backup_at
  set -l path
  set -l value_follows 0
  for word in (commandline -opc)[2..-1]
    if test $value_follows = 1
      set value_follows 0
      continue
    end
    switch $word
      case {valued}
        set value_follows 1
      case '-*'
      case '*'
        if contains -- "$path $word" {paths}
          set path "$path $word"
        end
    end
  end
  test "$path" = "$argv[1]"
end
complete -c dolibarr-backup -f
)";

std::string fish_value(const Value& value) {
  if (value.is_file || value.is_folder) return " -r -F";
  if (value.choices.empty()) return " -x";
  return fmt::format(" -x -a '{}'", fmt::join(value.choices, " "));
}

std::string fish_script() {
  const std::vector<CompletedCommand> all = all_commands();
  Words known;  // each with a blank before it, as the function builds them
  for (const CompletedCommand& command : all)
    if (!command.path.empty()) known.push_back("' " + command.path + "'");
  std::string script =
      fmt::format(kFishScript, fmt::arg("valued", fmt::join(valued_options(all), " ")),
                  fmt::arg("paths", fmt::join(known, " ")));
  for (const CompletedCommand& command : all) {
    const std::string at =
        fmt::format("complete -c dolibarr-backup -n \"__dolibarr_backup_at '{}'\"",
                    command.path.empty() ? "" : " " + command.path);
    Words words = command.commands;
    words.insert(words.end(), command.value.choices.begin(), command.value.choices.end());
    if (!words.empty()) script += fmt::format("{} -a '{}'\n", at, fmt::join(words, " "));
    if (command.value.is_file) script += at + " -F\n";
    for (const CompletedOption& option : command.options) {
      script += command.path.empty() ? "complete -c dolibarr-backup" : at;
      for (const std::string& name : option.names)
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      script += (option.value ? fish_value(*option.value) : "") + "\n";
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return "# bash completion for dolibarr-backup\n" + bash_script();
  if (shell == "zsh")
    return "#compdef dolibarr-backup\nautoload -U +X bashcompinit && bashcompinit\n" +
           bash_script();
  if (shell == "fish") return fish_script();
  throw Error(Errc::usage, "no completion for the shell '" + shell + "'");
}

}  // namespace dolibarr_backup
