//! What the tests share: a conversation with the program, and Rust sources to read.

pub mod case;
pub mod expected;
pub mod source;

pub use case::{Case, Ended};
pub use expected::{has, is, lacks};

use std::path::{Path, PathBuf};

/// The top of the project.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the project with this extension, sorted.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A path as it is said in messages: from the top of the project on.
pub fn said(path: &Path) -> String {
    path.strip_prefix(top()).unwrap_or(path).display().to_string()
}
