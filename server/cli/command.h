// The command line as its commands declare it: their options, their help, and what is run when one is chosen.
// CLI11 reads it. Only command.cc includes that: it takes seconds to compile.
//
// Command and Option are handles, cheap to copy; what they stand for belongs to the Program, which outlives
// them. What an option is read into lives until parse() has returned. What cannot be declared, as a name
// that is taken, throws: our own mistake. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/cli/argument_checks.h"
#include "server/cli/exit_code.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace longhaul::server {

using Action = std::function<ExitCode()>;
using TakeText = std::function<void(const std::string&)>;

// An option, a flag or an argument that has been declared. Each call says one thing more of it.
class Option {
 public:
  Option required() const;
  // What stands for its value in the help: nothing where its own name does.
  Option type_name(const std::string& word) const;
  Option check(ArgumentCheck check) const;
  // May be given again and again, with one value each.
  Option repeatable() const;
  // Read from this variable when it is not given.
  Option from_environment(const std::string& variable) const;
  // The help shows its default, which is what its variable holds now.
  Option default_shown() const;
  Option needs(Option other) const;
  Option excludes(Option other) const;
  // One of the same command that is declared already.
  Option excludes(const std::string& other) const;

 private:
  friend class Command;
  explicit Option(CLI::Option* option) : option_(option) {}

  CLI::Option* option_;
};

// The program itself, or a command below it. The help lists everything in the order of its declaration.
class Command {
 public:
  // One below, with the footer of this one until it is given its own.
  [[nodiscard]] Command subcommand(const std::string& name, const std::string& help) const;
  void require_subcommand() const;
  void footer(const std::string& text) const;
  // No help and no suggestion names it.
  void hide() const;

  // An option is named "--name", an argument "NAME".
  Option option(const std::string& name, std::string& into, const std::string& help) const;
  Option option(const std::string& name, std::optional<std::string>& into, const std::string& help) const;
  Option option(const std::string& name, std::optional<double>& into, const std::string& help) const;
  Option option(const std::string& name, std::vector<std::string>& into, const std::string& help) const;
  Option option(const std::string& name, const TakeText& take, const std::string& help) const;
  // The argument ID, which is never left out and never empty.
  Option id(std::string& into, const std::string& help) const;
  Option flag(const std::string& name, bool& into, const std::string& help) const;

  void when_chosen(const Action& action) const;
  // The arguments live as long as the program.
  template <class Arguments>
  void when_chosen(std::shared_ptr<Arguments> arguments, ExitCode (*run)(const Arguments&)) const {
    when_chosen([arguments = std::move(arguments), run] { return run(*arguments); });
  }

 private:
  friend class Program;
  Command(CLI::App* app, Action* chosen) : app_(app), chosen_(chosen) {}

  CLI::App* app_;
  Action* chosen_;  // the program's
};

// Owns everything that is declared.
class Program {
 public:
  Program(const std::string& name, const std::string& help);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // What --version prints.
  void version(const std::string& text);
  [[nodiscard]] Command command();
  [[nodiscard]] std::string help() const;

  // What was chosen, to be run while this program lives; of --help and --version that is to print it. What
  // cannot be understood is an error, with the nearest command or option that there is.
  [[nodiscard]] base::Result<Action> parse(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
  Action chosen_;
};

}  // namespace longhaul::server
