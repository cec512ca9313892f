//! What a command line does not explain.

use clap::{Arg, Command};

/// Fewest words of an explanation.
const WORDS_MIN: usize = 3;

/// Verbs and options of `command` without a sentence of help, by their names. The programs' tests want none.
pub fn complaints(command: &Command) -> Vec<String> {
    let mut command = command.clone();
    command.build();
    let mut found = Vec::new();
    look(&command, &mut found);
    found
}

fn look(command: &Command, found: &mut Vec<String>) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let about = command.get_about().map(ToString::to_string);
    if !is_sentence(about.as_deref()) {
        found.push(format!("{name}: {about:?}"));
    }
    for argument in command.get_arguments().filter(|one| !is_claps_own(one)) {
        let help = argument.get_help().map(ToString::to_string);
        if !is_sentence(help.as_deref()) {
            found.push(format!("{name} {}: {help:?}", argument.get_id()));
        }
    }
    for verb in command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        look(verb, found);
    }
}

/// `--help` and `--version` explain themselves.
fn is_claps_own(argument: &Arg) -> bool {
    argument.is_hide_set() || ["help", "version"].contains(&argument.get_id().as_str())
}

/// Some words.
fn is_sentence(text: Option<&str>) -> bool {
    text.is_some_and(|text| {
        text.split_whitespace().count() >= WORDS_MIN && !text.starts_with(char::is_whitespace)
    })
}
