//! The shape of `src/`: its layers, the purity of its core, and what a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::source::{code, module_file, paths, without_tests};
use crate::support::{files, said, top};

/// The longest file, in lines.
const LONGEST: usize = 600;

/// The last row of which every folder is pure.
const PURE: usize = 4;

/// What the core must not touch: the beginnings of paths.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::os",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "chrono::Utc::now",
    "chrono::Local",
    "rustix",
    "duct",
    "os_pipe",
    "crossterm",
    "ratatui",
    "signal_hook",
    "tempfile",
    "whoami",
    "rustls",
    "mdbook_driver",
];

/// A file of the product, without its tests.
struct Source {
    path: PathBuf,
    /// The folder below `src/`; none for `lib.rs` and `main.rs`.
    folder: Option<String>,
    code: String,
    /// Every path that the code uses.
    uses: BTreeSet<String>,
}

/// Read once for all rules.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(sources);

/// The rows of the table in `src/lib.rs`, each with its folders from left to right.
fn table() -> Vec<Vec<String>> {
    let text = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let row = regex::Regex::new(r"(?m)^//! \| L(\d+) \| (.*) \|$").unwrap();
    let name = regex::Regex::new(r"`(\w+)`").unwrap();
    let rows: Vec<(usize, Vec<String>)> = row
        .captures_iter(&text)
        .map(|row| (row[1].parse().unwrap(), name.captures_iter(&row[2]).map(|name| name[1].to_owned()).collect()))
        .collect();
    assert!(rows.iter().map(|row| row.0).eq(0..rows.len()), "the rows are numbered from L0: {rows:?}");
    rows.into_iter().map(|row| row.1).collect()
}

/// Every folder with its place: row, then column.
fn places() -> BTreeMap<String, (usize, usize)> {
    let rows = table().into_iter().enumerate();
    rows.flat_map(|(row, names)| names.into_iter().enumerate().map(move |(column, name)| (name, (row, column))))
        .collect()
}

/// The sources, without what is compiled for tests only.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut tests = BTreeSet::new();
    for path in files("src", "rs") {
        let (code, modules) = without_tests(&code(&fs::read_to_string(&path).unwrap()));
        tests.extend(modules.iter().map(|name| module_file(&path, name)));
        let below = path.strip_prefix(top().join("src")).unwrap();
        let folder =
            (below.components().count() > 1).then(|| below.iter().next().unwrap().to_str().unwrap().to_owned());
        let uses = paths(&code);
        sources.push(Source { path, folder, code, uses });
    }
    // A folder of tests, as `lexer/tests/`, goes with its file.
    let in_tests =
        |path: &PathBuf| tests.contains(path) || tests.iter().any(|test| path.starts_with(test.with_extension("")));
    sources.retain(|source| !in_tests(&source.path));
    assert!(sources.len() > 100, "the sources are read");
    sources
}

fn none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn every_folder_stands_in_the_table() {
    let listed: BTreeSet<String> = places().into_keys().collect();
    let there: BTreeSet<String> = SOURCES.iter().filter_map(|source| source.folder.clone()).collect();
    assert_eq!(there, listed);
}

#[test]
fn arrows_point_up_or_left() {
    let places = places();
    let mut broken = Vec::new();
    for source in SOURCES.iter() {
        let Some(folder) = &source.folder else { continue };
        for path in &source.uses {
            let mut names = path.split("::");
            if names.next() != Some("crate") {
                continue;
            }
            let used = names.next().unwrap_or_default();
            match places.get(used) {
                Some(place) if used == folder || *place < places[folder] => {}
                Some(_) => broken.push(format!("{}: `{folder}` uses `{path}`", said(&source.path))),
                None => broken.push(format!("{}: `{path}` is in no folder of the table", said(&source.path))),
            }
        }
    }
    none(&broken, "an arrow that the table in src/lib.rs does not allow");
}

#[test]
fn no_file_leaves_its_folder_by_super() {
    let climbs = regex::Regex::new(r"\bsuper(?:::super)*\b").unwrap();
    let mut broken = Vec::new();
    for source in SOURCES.iter() {
        if source.folder.is_none() {
            continue;
        }
        let below = source.path.strip_prefix(top().join("src")).unwrap().with_extension("");
        let depth = below.iter().filter(|name| *name != "mod").count();
        let deepest =
            climbs.find_iter(&source.code).map(|climb| climb.as_str().matches("super").count()).max().unwrap_or(0);
        if deepest >= depth {
            broken.push(format!("{}: `{}`", said(&source.path), vec!["super"; deepest].join("::")));
        }
    }
    none(&broken, "other folders are named with `crate::`, so that the arrow is seen");
}

#[test]
fn the_core_is_pure() {
    let places = places();
    let speaks = regex::Regex::new(r"\b(?:e?println|e?print|dbg)!").unwrap();
    let mut broken = Vec::new();
    for source in SOURCES.iter() {
        if source.folder.as_ref().is_none_or(|folder| places[folder].0 > PURE) {
            continue;
        }
        for path in &source.uses {
            if IMPURE
                .iter()
                .any(|impure| path == impure || path.strip_prefix(impure).is_some_and(|rest| rest.starts_with("::")))
            {
                broken.push(format!("{}: `{path}`", said(&source.path)));
            }
        }
        broken.extend(
            speaks.find_iter(&source.code).map(|found| format!("{}: `{}`", said(&source.path), found.as_str())),
        );
    }
    none(&broken, "L0 to L4 know no clock, file, process, environment or terminal");
}

#[test]
fn a_file_is_not_long_and_says_what_it_is_for() {
    let mut broken = Vec::new();
    for path in ["src", "tests"].into_iter().flat_map(|folder| files(folder, "rs")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > LONGEST {
            broken.push(format!("{}: {lines} lines, at most {LONGEST}", said(&path)));
        }
        if !text.starts_with("//! ") {
            broken.push(format!("{}: its first line does not say what it is responsible for (`//! ...`)", said(&path)));
        }
    }
    none(&broken, "small files of one concept");
}

#[test]
fn nothing_is_allowed_in_silence_or_left_for_later() {
    let words = regex::Regex::new(r"#!?\[allow\(|\bunsafe\b|\b(?:todo|unimplemented)!").unwrap();
    let left = regex::Regex::new(r"//.*\b(?:TODO|FIXME|XXX|HACK)\b").unwrap();
    let mut broken = Vec::new();
    for path in ["src", "tests"].into_iter().flat_map(|folder| files(folder, "rs")) {
        let text = fs::read_to_string(&path).unwrap();
        let found = words.find_iter(&code(&text)).map(|found| found.as_str().to_owned()).collect::<Vec<_>>();
        // The patterns of this file are texts, and so no comments that begin where the pattern wants one.
        let later = if path.ends_with("tests/layers.rs") {
            Vec::new()
        } else {
            left.find_iter(&text).map(|found| found.as_str().to_owned()).collect()
        };
        broken.extend(found.into_iter().chain(later).map(|what| format!("{}: `{what}`", said(&path))));
    }
    none(&broken, "lints are expected with a reason, nothing is `unsafe`, and work is done or an issue");
}
