//! House rules, read from the repository itself: who may use whom, where `unsafe` may be, what a file must say, what
//! lies at the top, which links lead somewhere. Each failure says why the rule is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Crates of the workspace, and those of them that each may use. Nobody has benches or client-sim in its list but
/// benches: they are ends.
const ARROWS: [(&str, &[&str]); 9] = [
    ("protocol", &[]),
    ("protocol/tls", &[]),
    ("engine", &["protocol", "feed-handler", "tls"]),
    // Compiles files of the engine by their paths, with other atomics.
    ("engine/loom", &[]),
    ("feed-handler", &["protocol", "tls"]),
    ("client-sim", &["protocol", "feed-handler", "engine", "tls"]),
    (
        "benches",
        &["protocol", "engine", "feed-handler", "client-sim", "tuning"],
    ),
    ("tuning", &[]),
    // Knows command lines only; each program may use it for its pages.
    ("docs/manual", &[]),
];

/// What lies at the top, beside dot-files and what `.gitignore` names.
const TOP: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "client-sim",
    "docs",
    "engine",
    "feed-handler",
    "protocol",
    "tuning",
];

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the workspace is there")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("a directory can be read to its end").file_name())
        .map(|name| name.into_string().expect("names are text"))
        .collect();
    names.sort();
    names
}

/// Files below `directory` with one of the extensions. Hidden directories and build directories are left out.
fn files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(directory) {
        let path = directory.join(&name);
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(files(&path, extensions));
        } else if path
            .extension()
            .is_some_and(|extension| extensions.iter().any(|one| extension == *one))
        {
            found.push(path);
        }
    }
    found
}

/// All files of the repository that people write.
fn written(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in TOP {
        let path = root().join(name);
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path.exists()
            && extensions
                .iter()
                .any(|extension| name.ends_with(&format!(".{extension}")))
        {
            found.push(path);
        }
    }
    found
}

/// The path as people write it: from the root on.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with every offence, and the reason of the rule.
#[track_caller]
fn none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "\n  {}\n{rule}\n", offences.join("\n  "));
}

// ---- Source text -----------------------------------------------------------------------------------------------------

/// Source as code only: comments, strings and characters become spaces, lines stay where they are.
fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if !follows_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
            b'\'' => character_end(bytes, at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') && bytes[at - 1] != b'b'
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| at + length)
}

/// Comments nest.
fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if bytes[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Behind `r"..."` or `r#"..."#`; `None` when it is none.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"')
        .chain(std::iter::repeat_n(b'#', hashes))
        .collect();
    let length = bytes[open + 1..]
        .windows(close.len())
        .position(|window| window == close)?;
    Some(open + 1 + length + close.len())
}

/// Behind `'x'` or `'\x'`; a lifetime ends where it starts.
fn character_end(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start + 1..];
    let length = match rest {
        [b'\\', _, more @ ..] => more.iter().position(|byte| *byte == b'\'').map(|place| place + 2),
        // A character has four bytes at most.
        _ => rest
            .iter()
            .take(5)
            .position(|byte| *byte == b'\'')
            .filter(|place| *place > 0),
    };
    let is_character = length.is_some_and(|length| {
        rest[0] == b'\\' || std::str::from_utf8(&rest[..length]).is_ok_and(|text| text.chars().count() == 1)
    });
    match length {
        Some(length) if is_character => start + 1 + length + 1,
        _ => start,
    }
}

/// Words of code with the number of their line.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(code.lines()).flat_map(|(line, text)| {
        text.split(|character: char| !character.is_alphanumeric() && character != '_')
            .filter(|word| !word.is_empty())
            .map(move |word| (line, word))
    })
}

/// Lines that name the crate `name` in a path or an import.
fn lines_naming(code: &str, name: &str) -> Vec<usize> {
    let names = |text: &str| {
        text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let is_part =
                |character: Option<char>| character.is_some_and(|one| one.is_alphanumeric() || one == '_');
            let is_word = !is_part(before.chars().next_back()) && !is_part(after.chars().next());
            let is_imported = before.ends_with("use ") || before.ends_with("extern crate ");
            is_word && !before.ends_with("::") && (after.starts_with("::") || is_imported)
        })
    };
    (1..)
        .zip(code.lines())
        .filter(|(_, text)| names(text))
        .map(|(line, _)| line)
        .collect()
}

#[test]
fn source_is_told_from_text() {
    let source = "a /* unsafe /* b */ unsafe */ c // unsafe\n\"unsafe \\\" unsafe\" d r#\"unsafe \" \"# '\\'' 'x' e<'life> '\"' f";
    let code = code(source);
    assert_eq!(code.len(), source.len());
    let words: Vec<_> = words(&code).collect();
    assert_eq!(
        words,
        [(1, "a"), (1, "c"), (2, "d"), (2, "e"), (2, "life"), (2, "f")]
    );
    let named = "use engine::a;\nuse crate::engine::b;\nlet my_engine::x;\nengine.poll();\nuse engine as e;";
    assert_eq!(lines_naming(named, "engine"), [1, 5]);
}

// ---- Arrows ----------------------------------------------------------------------------------------------------------

/// Dependencies of a manifest with the table they stand in, for every platform.
fn dependencies(manifest: &Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut take = |table: &Table| {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (key, value) in table.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
                found.push((kind.to_owned(), name.to_owned()));
            }
        }
    };
    take(manifest);
    for platform in manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values)
    {
        take(platform.as_table().expect("a platform has tables"));
    }
    found
}

fn manifest(name: &str) -> Table {
    let path = root().join(name).join("Cargo.toml");
    read(&path)
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let workspace: Table = read(&root().join("Cargo.toml")).parse().expect("TOML");
    let members = workspace["workspace"]["members"].as_array().expect("a list");
    let members: BTreeSet<_> = members.iter().map(|name| name.as_str().expect("text")).collect();
    let known: BTreeMap<_, _> = ARROWS.into_iter().collect();
    assert_eq!(
        members,
        known.keys().copied().collect(),
        "a new crate needs its arrows in {}: what it may use decides what it can know",
        file!()
    );
    let mut offences = Vec::new();
    for (name, allowed) in &known {
        for (kind, used) in dependencies(&manifest(name)) {
            let itself = kind == "dev-dependencies" && used == *name;
            if known.contains_key(used.as_str()) && !itself && !allowed.contains(&used.as_str()) {
                offences.push(format!("{name} uses {used} ({kind})"));
            }
        }
    }
    none(
        &offences,
        "The arrows of docs/ARCHITECTURE.md: a subscriber or customer that could look into the exchange would prove \
         nothing about its protocol, and an exchange that used its customers could not be built without them.",
    );
}

#[test]
fn protocol_uses_zerocopy_only() {
    let manifest = manifest("protocol");
    // What only a feature brings: the ciphers of authentication, for both ends of order entry.
    let is_optional = |name: &str| {
        let dependency = manifest["dependencies"].get(name);
        let optional = dependency.and_then(|dependency| dependency.get("optional"));
        optional.and_then(Value::as_bool) == Some(true)
    };
    let offences: Vec<_> = dependencies(&manifest)
        .into_iter()
        .filter(|(kind, name)| kind != "dev-dependencies" && name != "zerocopy" && !is_optional(name))
        .map(|(kind, name)| format!("protocol uses {name} ({kind})"))
        .collect();
    none(
        &offences,
        "Everybody builds on protocol, so what it uses everybody uses: sockets, clocks and decimals would come in \
         by this door.",
    );
}

/// Files of `directory` that name the crate `name` although `may` says no.
fn naming(directory: &str, name: &str, may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for path in files(&root().join(directory), &["rs"]) {
        let shown = shown(&path);
        if !may(&shown) {
            let lines = lines_naming(&code(&read(&path)), name);
            offences.extend(lines.iter().map(|line| format!("{shown}:{line} names {name}")));
        }
    }
    offences
}

#[test]
fn only_the_demo_and_the_simulated_market_embed_an_exchange() {
    let offences = naming("client-sim/src", "engine", |path| {
        path.starts_with("client-sim/src/demo") || path.starts_with("client-sim/src/simulated")
    });
    none(
        &offences,
        "The client library and its tools must work against any exchange that speaks the protocol: what they could \
         read from the engine they would come to need.",
    );
}

#[test]
fn only_recovery_uses_the_subscribers_book() {
    let offences = naming("engine/src", "feed_handler", |path| {
        path.starts_with("engine/src/recovery")
    });
    none(
        &offences,
        "Snapshots may come from a subscriber's book, which disturbs nobody; the exchange's own books must not depend \
         on how a subscriber keeps his.",
    );
}

// ---- Source files ----------------------------------------------------------------------------------------------------

#[test]
fn unsafe_code_is_in_one_place() {
    let mut offences = Vec::new();
    for path in written(&["rs"]) {
        let shown = shown(&path);
        if shown.starts_with("engine/src/sys/") {
            continue;
        }
        let code = code(&read(&path));
        for (line, word) in words(&code) {
            // `forbid` and `deny` name the lint too.
            let text = code.lines().nth(line - 1).expect("it has this line");
            let opens = word == "unsafe_code" && (text.contains("allow") || text.contains("expect"));
            if word == "unsafe" || opens {
                offences.push(format!("{shown}:{line}: {word}"));
            }
        }
    }
    none(
        &offences,
        "Only engine/src/sys may hold unsafe code: its invariants are listed in one place and every block has its \
         proof, so that one module has to be read to believe in the memory safety of all.",
    );
}

#[test]
fn every_file_says_what_it_is() {
    let offences: Vec<_> = written(&["rs"])
        .iter()
        .filter(|path| !read(path).starts_with("//!"))
        .map(|path| format!("{} does not begin with //!", shown(path)))
        .collect();
    none(
        &offences,
        "A reader must be able to decide from the first line whether to read on.",
    );
}

#[test]
fn nothing_is_left_for_later() {
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut offences = Vec::new();
    for path in written(&["rs", "md", "toml", "sh", "py"]) {
        for (line, text) in (1..).zip(read(&path).lines()) {
            let is_note = |note: &&&str| {
                text.split(|character: char| !character.is_alphanumeric())
                    .any(|word| word == **note)
            };
            offences.extend(
                notes
                    .iter()
                    .find(is_note)
                    .map(|note| format!("{}:{line}: {note}", shown(&path))),
            );
        }
    }
    none(
        &offences,
        "A note in the source is a promise that nobody tracks: do it now, or say in the documents what there is not.",
    );
}

// ---- The tree and its documents --------------------------------------------------------------------------------------

#[test]
fn the_top_has_what_it_has() {
    let ignored = read(&root().join(".gitignore"));
    let is_ignored = |name: &str| {
        ignored.lines().any(|pattern| match pattern.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => pattern.trim_matches('/') == name,
        })
    };
    let found: BTreeSet<_> = names(&root())
        .into_iter()
        .filter(|name| !name.starts_with('.') && !is_ignored(name))
        .collect();
    let wanted: BTreeSet<_> = TOP.iter().map(|name| (*name).to_owned()).collect();
    let mut offences: Vec<_> = found
        .difference(&wanted)
        .map(|name| format!("{name} does not belong here"))
        .collect();
    offences.extend(wanted.difference(&found).map(|name| format!("{name} is missing")));
    none(
        &offences,
        "The top is the table of contents: what is new goes into one of its parts, and what a run leaves behind goes \
         elsewhere or into .gitignore.",
    );
}

/// Text of a document without its code blocks.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut prose = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push((line, text));
        }
    }
    prose
}

/// A line in its parts: text, code, text, code ...
fn spans(line: &str) -> (Vec<&str>, Vec<&str>) {
    let parts: Vec<_> = line.split('`').collect();
    let of = |rest| parts.iter().skip(rest).step_by(2).copied().collect();
    (of(0), of(1))
}

/// Targets of `[text](target)`.
fn targets(text: &str) -> Vec<&str> {
    text.match_indices("](")
        .filter_map(|(at, _)| text[at + 2..].split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric() || "-_ ".contains(*character))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut offences = Vec::new();
    for path in written(&["md"]) {
        let text = read(&path);
        for (line, text) in prose(&text) {
            let (text, _) = spans(text);
            for target in targets(&text.join("`")) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (file, place) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() {
                    path.clone()
                } else {
                    path.with_file_name("").join(file)
                };
                let has_place = || {
                    let text = read(&file);
                    let mut headings = prose(&text).into_iter().filter(|(_, text)| text.starts_with('#'));
                    headings.any(|(_, heading)| anchor(heading) == place)
                };
                if !file.exists() || (!place.is_empty() && !has_place()) {
                    offences.push(format!("{}:{line}: {target}", shown(&path)));
                }
            }
        }
    }
    none(
        &offences,
        "A link that leads nowhere costs every reader the search that it promised to save.",
    );
}

#[test]
fn documents_name_files_that_exist() {
    let mut offences = Vec::new();
    for path in written(&["md"]) {
        let text = read(&path);
        for (line, text) in prose(&text) {
            let (_, code) = spans(text);
            for name in code {
                // A test in a file: whether the file has it, see below.
                let name = name.split_once("::").map_or(name, |(file, _)| file);
                let is_path = !name.contains([' ', '*', '<'])
                    && !name.contains("NNNN")
                    && name
                        .split_once('/')
                        .is_some_and(|(first, _)| TOP.contains(&first));
                if is_path && !root().join(name).exists() {
                    offences.push(format!("{}:{line}: {name}", shown(&path)));
                }
            }
        }
    }
    none(
        &offences,
        "The documents are a map of the source: a name on it that is not there sends readers the wrong way.",
    );
}

/// Security is claimed by naming a test: as `FILE::NAME`, or by a file of which all is meant.
#[test]
fn the_threat_table_names_tests_that_exist() {
    let path = root().join("docs").join("SECURITY.md");
    let text = read(&path);
    let mut offences = Vec::new();
    let mut count = 0;
    for (line, text) in prose(&text) {
        let (_, names) = spans(text);
        for (file, test) in names.iter().filter_map(|name| name.split_once("::")) {
            if !file.ends_with(".rs") {
                continue;
            }
            count += 1;
            let source = root().join(file);
            let is_there = source.exists() && code(&read(&source)).contains(&format!("fn {test}("));
            if !is_there {
                offences.push(format!("{}:{line}: {file}::{test}", shown(&path)));
            }
        }
    }
    assert!(count > 20, "the table names {count} tests");
    none(
        &offences,
        "What is said to be stopped, and is shown by no test, is a hope.",
    );
}

/// Documents that `document` links to.
fn linked(document: &Path) -> Vec<PathBuf> {
    let text = read(document);
    let mut found = Vec::new();
    for (_, text) in prose(&text) {
        for target in targets(&spans(text).0.join("`")) {
            let file = document.with_file_name(target.split('#').next().unwrap_or_default());
            found.extend(file.canonicalize().ok().filter(|file| file.is_file()));
        }
    }
    found
}

#[test]
fn every_document_is_found_from_the_index() {
    let mut reached = BTreeSet::new();
    let mut to_read = vec![root().join("docs").join("README.md")];
    while let Some(document) = to_read.pop() {
        if document.extension().is_some_and(|extension| extension == "md") && reached.insert(document.clone())
        {
            to_read.extend(linked(&document));
        }
    }
    let offences: Vec<_> = files(&root().join("docs"), &["md"])
        .iter()
        .filter(|document| !reached.contains(*document))
        .map(|document| format!("{} is linked from nowhere", shown(document)))
        .collect();
    none(
        &offences,
        "A page that no other page leads to from docs/README.md is not read, and so not kept true.",
    );
}
