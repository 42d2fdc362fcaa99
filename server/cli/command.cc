#include "server/cli/command.h"

#include <CLI/CLI.hpp>
#include <cassert>

#include "server/config/nearest_name.h"

namespace longhaul::server {
namespace {

// What was chosen, from the outermost: `webhooks`, then `add`.
std::vector<const CLI::App*> chosen_commands(const CLI::App& app) {
  std::vector<const CLI::App*> path;
  for (const CLI::App* at = &app; at != nullptr;) {
    const auto below = at->get_subcommands();
    at = below.empty() ? nullptr : below.front();
    if (at != nullptr) path.push_back(at);
  }
  return path;
}

// What to say of a word in the place of a command, if it is none of those that `app` has.
std::optional<std::string> unknown_command(const CLI::App& app, const std::string& written) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == written) return std::nullopt;
    if (!command->get_group().empty()) known.push_back(command->get_name());
  }
  if (known.empty() || written.starts_with('-')) return std::nullopt;
  const auto nearest = nearest_name(written, known);
  return "there is no command '" + written + "'" + (nearest ? "; did you mean '" + *nearest + "'?" : "");
}

// An option that the chosen command does not have, though it may have one that is written nearly so.
std::optional<std::string> unknown_option(const CLI::App& command) {
  for (const std::string& argument : command.remaining()) {
    if (!argument.starts_with("--")) continue;
    const std::string written = argument.substr(2, argument.find('=') - 2);
    std::vector<std::string> known;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back(name);
    }
    const auto nearest = nearest_name(written, known);
    return "there is no option '--" + written + "'" + (nearest ? "; did you mean '--" + *nearest + "'?" : "");
  }
  return std::nullopt;
}

// `first` is what stands in the place of a command.
std::string complaint(const CLI::App& app, const CLI::ParseError& error, const std::string& first) {
  std::string command = app.get_name();
  auto unknown = unknown_command(app, first);
  for (const CLI::App* chosen : chosen_commands(app)) {
    command += " " + chosen->get_name();
    const auto remaining = chosen->remaining();
    if (!unknown && !remaining.empty()) unknown = unknown_command(*chosen, remaining.front());
    if (!unknown) unknown = unknown_option(*chosen);
  }
  return unknown.value_or(error.what()) + "\n'" + command + " --help' shows what it takes.";
}

}  // namespace

Option Option::required() const { return Option(option_->required()); }

Option Option::type_name(const std::string& word) const { return Option(option_->type_name(word)); }

Option Option::check(ArgumentCheck check) const { return Option(option_->check(std::move(check))); }

Option Option::repeatable() const {
  return Option(option_->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
}

Option Option::from_environment(const std::string& variable) const {
  return Option(option_->envname(variable));
}

Option Option::default_shown() const { return Option(option_->capture_default_str()); }

Option Option::needs(Option other) const { return Option(option_->needs(other.option_)); }

Option Option::excludes(Option other) const { return Option(option_->excludes(other.option_)); }

Option Option::excludes(const std::string& other) const { return Option(option_->excludes(other)); }

Command Command::subcommand(const std::string& name, const std::string& help) const {
  return {app_->add_subcommand(name, help), chosen_};
}

void Command::require_subcommand() const { app_->require_subcommand(1); }

void Command::footer(const std::string& text) const { app_->footer(text); }

void Command::hide() const { app_->group(""); }

Option Command::option(const std::string& name, std::string& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::option(const std::string& name, std::optional<std::string>& into,
                       const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::option(const std::string& name, std::optional<double>& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::option(const std::string& name, std::vector<std::string>& into,
                       const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Command::option(const std::string& name, const TakeText& take, const std::string& help) const {
  return Option(app_->add_option_function<std::string>(name, take, help));
}

Option Command::id(std::string& into, const std::string& help) const {
  return option("ID", into, help).required().check(not_empty()).type_name("");
}

Option Command::flag(const std::string& name, bool& into, const std::string& help) const {
  return Option(app_->add_flag(name, into, help));
}

void Command::when_chosen(const Action& action) const {
  app_->callback([chosen = chosen_, action] { *chosen = action; });
}

Program::Program(const std::string& name, const std::string& help)
    : app_(std::make_unique<CLI::App>(help, name)) {}

Program::~Program() = default;

void Program::version(const std::string& text) { app_->set_version_flag("--version", text); }

Command Program::command() { return {app_.get(), &chosen_}; }

std::string Program::help() const { return app_->help(); }

base::Result<Action> Program::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return base::fail(complaint(*app_, error, argc > 1 ? argv[1] : ""));
    return Action([this, error] { return static_cast<ExitCode>(app_->exit(error)); });  // --help, --version
  }
  assert(chosen_);  // every command that can be chosen says what it runs
  return chosen_;
}

}  // namespace longhaul::server
