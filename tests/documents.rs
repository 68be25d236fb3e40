//! What is written about the program is true: README, licences, changes, dependencies.

use std::collections::BTreeSet;
use std::fs;

use locum::diagnostic::render::{Colour, Format, render};
use locum::load::load;
use locum::source::SourceFile;

use crate::support::{Case, has, said, top};

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks of a page with this word behind the fence.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(word) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if word == language {
            found.push(block.join("\n"));
        }
    }
    found
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "{lines} lines");
}

#[test]
fn every_command_of_the_readme_is_one_of_the_program() {
    let readme = read("README.md");
    let command = regex::Regex::new(r"(?m)^(?:\$ )?(?:locum|cargo run(?: -q)? --) ([a-z]+)([^#\n]*)").unwrap();
    let shells = blocks(&readme, "sh").join("\n");
    let told: Vec<(String, String)> =
        command.captures_iter(&shells).map(|found| (found[1].to_owned(), found[2].trim().to_owned())).collect();
    assert!(told.len() >= 6, "{told:?}");
    for (verb, rest) in told {
        let ended = Case::new().args([&verb, "--help"]).stdout(has("Usage: ")).status(0);
        for option in rest.split_whitespace().filter(|word| word.starts_with("--")) {
            assert!(ended.stdout.contains(option), "`locum {verb}` has no `{option}`");
        }
    }
}

#[test]
fn the_two_commands_are_there() {
    let readme = read("README.md");
    let shells = blocks(&readme, "sh").join("\n");
    for command in ["cargo run -- drill", "cargo test"] {
        assert!(shells.lines().any(|line| line.split('#').next().unwrap().trim() == command), "{command}");
    }
}

#[test]
fn every_runbook_in_the_readme_lints_clean() {
    let blocks = blocks(&read("README.md"), "yaml");
    assert!(!blocks.is_empty());
    for block in blocks {
        let loaded = load("example", SourceFile::new("README.md", block.clone()));
        assert!(loaded.diagnostics.is_empty(), "{block}\n{}", render(&loaded.diagnostics, Format::Full, Colour::Off));
    }
}

#[test]
fn what_the_readme_links_to_is_there() {
    let link = regex::Regex::new(r"\]\(([^)#]+)(?:#[^)]*)?\)").unwrap();
    for found in link.captures_iter(&read("README.md")) {
        assert!(top().join(&found[1]).exists(), "{}", &found[1]);
    }
}

#[test]
fn both_licences_are_there_and_whole() {
    let mit = read("LICENSE-MIT");
    assert!(
        mit.contains("Permission is hereby granted, free of charge")
            && mit.contains("THE SOFTWARE IS PROVIDED \"AS IS\"")
    );
    let apache = read("LICENSE-APACHE");
    assert!(apache.contains("Version 2.0, January 2004") && apache.contains("END OF TERMS AND CONDITIONS"));
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
}

#[test]
fn changes_that_are_not_released_have_their_place() {
    let changes = read("CHANGELOG.md");
    let heading = changes.lines().find(|line| line.starts_with("## ")).unwrap();
    assert_eq!(heading, "## [Unreleased]");
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = read("Cargo.toml");
    let mut section = "";
    let mut silent = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && line.contains(" = ") && !line.contains(" # ") {
            silent.push(line);
        }
    }
    assert!(silent.is_empty(), "without a comment: {silent:?}");
}

#[test]
fn nothing_in_the_project_speaks_of_one_machine() {
    // Written so that this file does not name them either.
    let words =
        regex::Regex::new(r#"(?m)(?:^|[\s"'`=(:])/(?:[w]ork|[h]ome/runner)/|[i]ndex\.crates|[r]egistry\.npm|[p]ypi\."#)
            .unwrap();
    if !top().join(".git").exists() {
        return;
    }
    let listed = duct::cmd!("git", "ls-files", "-z").dir(top()).read().unwrap();
    let mut found = BTreeSet::new();
    for name in listed.split('\0').filter(|name| !name.is_empty() && *name != "Cargo.lock") {
        let path = top().join(name);
        // Some files are not text, and some are gone but still listed.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        found.extend(words.find_iter(&text).map(|word| format!("{}: {}", said(&path), word.as_str().trim())));
    }
    assert!(found.is_empty(), "{found:?}");
}
