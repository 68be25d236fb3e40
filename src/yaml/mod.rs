//! Text to tree: YAML 1.2 as a strict subset, in which every key and value has a place.

mod bites;
mod characters;
mod limits;
mod node;
mod parse;
mod places;
mod refused;

pub use characters::{LookAlike, look_alike};
pub use limits::{MAX_DEPTH, MAX_FILE, MAX_NODES, file_too_large, read_text};
pub use node::{Entry, Key, Kind, Node, Places, Scalar, Style};
pub use parse::parse;

/// Each problem as `line:column code: message`.
#[cfg(test)]
fn problems(text: &str) -> Vec<String> {
    let file = crate::source::SourceFile::new("a.yaml", text);
    let (_, problems) = parse(&file);
    let line = |problem: &crate::diagnostic::Diagnostic| {
        assert!(!problem.help.is_empty(), "no remedy: {}", problem.message);
        let place = file.place(problem.primary.span.start);
        format!("{}:{} {}: {}", place.line, place.column, problem.code.name(), problem.message)
    };
    problems.iter().map(line).collect()
}
