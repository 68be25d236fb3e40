//! Rust sources, read as far as the layers need it: code without comments, texts and tests, and the paths it uses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

static TREES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\buse\s+([^;]+);").unwrap());
static INLINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+").unwrap());

/// The code of a file: comments and the insides of texts are blanks; every line stays where it is.
pub fn code(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let end = skipped(&letters, at);
        if end == at {
            out.push(*letter);
            at += 1;
            continue;
        }
        out.extend(letters[at..end].iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where a comment, text or letter that begins at `at` ends; `at` itself if none begins there.
fn skipped(letters: &[char], at: usize) -> usize {
    let here = |offset: usize| letters.get(at + offset).copied().unwrap_or('\0');
    let in_word = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
    match here(0) {
        '/' if here(1) == '/' => find(letters, at, &['\n']),
        '/' if here(1) == '*' => block_comment(letters, at),
        '"' => text_end(letters, at + 1),
        'r' if !in_word && matches!(here(1), '"' | '#') => raw_end(letters, at),
        '\'' if here(1) == '\\' => find(letters, at + 3, &['\'']) + 1,
        '\'' if here(2) == '\'' => at + 3,
        _ => at,
    }
    .min(letters.len())
}

fn find(letters: &[char], from: usize, wanted: &[char]) -> usize {
    let from = from.min(letters.len());
    letters[from..].iter().position(|letter| wanted.contains(letter)).map_or(letters.len(), |found| from + found)
}

fn block_comment(letters: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut here = at;
    while here + 1 < letters.len() {
        match (letters[here], letters[here + 1]) {
            ('/', '*') => (depth, here) = (depth + 1, here + 2),
            ('*', '/') => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
        if depth == 0 {
            return here;
        }
    }
    letters.len()
}

fn text_end(letters: &[char], from: usize) -> usize {
    let mut at = from;
    while let Some(letter) = letters.get(at) {
        match letter {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn raw_end(letters: &[char], at: usize) -> usize {
    let hashes = letters[at + 1..].iter().take_while(|letter| **letter == '#').count();
    let open = at + 1 + hashes;
    if letters.get(open) != Some(&'"') {
        return at;
    }
    let close: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let close: Vec<char> = close.chars().collect();
    let rest = &letters[open + 1..];
    rest.windows(close.len())
        .position(|window| window == close)
        .map_or(letters.len(), |found| open + 1 + found + close.len())
}

/// Code without what is compiled for tests only, and the names of the modules in other files that are.
pub fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut modules = Vec::new();
    let mut rest = code;
    while let Some(found) = rest.find(MARK) {
        out.push_str(&rest[..found]);
        let item = &rest[found + MARK.len()..];
        let end = item_end(item);
        let words: Vec<&str> = item[..end].trim_end_matches(';').split_whitespace().collect();
        if let [.., "mod", name] = words.as_slice() {
            modules.push((*name).to_owned());
        }
        out.extend(item[..end].chars().filter(|letter| *letter == '\n'));
        rest = &item[end..];
    }
    out.push_str(rest);
    (out, modules)
}

/// The length of an item: to its `;`, or to the brace that closes it.
fn item_end(item: &str) -> usize {
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (at, letter) in item.char_indices() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return at + 1;
                }
            }
            ';' if brackets == 0 && braces == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// The file of a module that another file declares: beside a `mod.rs`, or in the folder with the file's name.
pub fn module_file(declared_in: &Path, name: &str) -> PathBuf {
    let folder = if declared_in.ends_with("mod.rs") || declared_in.ends_with("lib.rs") {
        declared_in.parent().unwrap_or(declared_in).to_owned()
    } else {
        declared_in.with_extension("")
    };
    let file = folder.join(format!("{name}.rs"));
    if file.exists() { file } else { folder.join(name).join("mod.rs") }
}

/// Every path that the code uses, whole: `use` trees are unfolded, paths in the code are taken as they stand.
pub fn paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for tree in TREES.captures_iter(code) {
        let tree: String = tree[1].split_whitespace().collect::<Vec<_>>().join(" ");
        unfold("", &tree, &mut found);
    }
    for path in INLINE.find_iter(code) {
        found.insert(path.as_str().split_whitespace().collect());
    }
    found
}

fn unfold(before: &str, tree: &str, found: &mut BTreeSet<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        if !path.is_empty() {
            found.insert(format!("{before}{path}").trim_end_matches("::self").to_owned());
        }
        return;
    };
    let before = format!("{before}{}", &tree[..open]);
    let inside = tree[open + 1..].trim_end().trim_end_matches('}');
    let inside = &tree[open + 1..=open + inside.len()];
    let (mut depth, mut from) = (0, 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                unfold(&before, &inside[from..at], found);
                from = at + 1;
            }
            _ => {}
        }
    }
    unfold(&before, &inside[from..], found);
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = r##"let a = "crate::cli"; // crate::cli
/* crate::cli /* nested */ */ let b = r#"crate::cli " "#; let c = '"'; let d: &'a str = b'\'';"##;
    let code = code(text);
    assert!(!code.contains("crate"), "{code}");
    assert!(code.contains("let b =") && code.contains("let d: &'a str"), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn what_is_compiled_for_tests_alone_is_left_out() {
    let (code, modules) =
        without_tests("a;\n#[cfg(test)]\nmod testing;\nb;\n#[cfg(test)]\nmod tests {\n  fn f() {}\n}\nc;");
    assert_eq!(modules, ["testing"]);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a;", "b;", "c;"]);
    assert_eq!(code.lines().count(), 9);
}

#[test]
fn a_tree_of_uses_is_unfolded() {
    let found = paths("use crate::{text::{plain, width as w}, engine::{self, Run}};\nlet x = std::fs::read(p);");
    let wanted = ["crate::text::plain", "crate::text::width", "crate::engine", "crate::engine::Run", "std::fs::read"];
    for path in wanted {
        assert!(found.contains(path), "{path} of {found:?}");
    }
}
