//! One man page for a program, and one for each of its verbs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

/// Writes the pages into `directory`; gives the files.
pub(crate) fn write(command: &Command, directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut command = command.clone().disable_help_subcommand(true);
    command.build();
    let notes = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut written = Vec::new();
    one(&command, &notes, directory, &mut written)?;
    Ok(written)
}

fn one(command: &Command, notes: &str, directory: &Path, written: &mut Vec<PathBuf>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let path = directory.join(man.get_filename());
    fs::write(&path, text(command, &man, notes)?)?;
    written.push(path);
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        one(verb, notes, directory, written)?;
    }
    Ok(())
}

/// The page. `notes` is what the program says at the end of its help, such as its exit codes: they hold for its verbs too.
fn text(command: &Command, man: &Man, notes: &str) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.get_subcommands().any(|verb| !verb.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    let own = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut sections = sections(&own);
    if own != notes {
        sections += &self::sections(notes);
    }
    page.extend_from_slice(sections.as_bytes());
    Ok(page)
}

/// Paragraphs with a title, `Exit codes:`, as sections whose lines stay as they are.
fn sections(notes: &str) -> String {
    let mut page = String::new();
    for paragraph in notes.split("\n\n").filter(|text| !text.trim().is_empty()) {
        let (title, lines) = match paragraph.split_once('\n') {
            Some((title, lines)) if title.ends_with(':') => (title.trim_end_matches(':'), lines),
            _ => ("Notes", paragraph),
        };
        page += &format!(".SH \"{}\"\n.nf\n", title.to_uppercase());
        for line in lines.lines() {
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            // A dot or an apostrophe at the beginning would be an instruction.
            let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
            page += &format!("{guard}{line}\n");
        }
        page += ".fi\n";
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_sections_and_instructions_become_text() {
        let text = sections("Exit codes:\n  0  well\n  -1 never\n\n.dot \\ first");
        assert_eq!(
            text,
            ".SH \"EXIT CODES\"\n.nf\n  0  well\n  \\-1 never\n.fi\n.SH \"NOTES\"\n.nf\n\\&.dot \\e first\n.fi\n"
        );
        assert_eq!(sections(""), "");
    }
}
