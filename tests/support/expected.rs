//! What a stream is expected to hold.

use std::fmt::Write as _;

/// One expectation of a stream. A stream without any must be silent.
#[derive(Clone, Debug)]
pub enum Expected {
    Is(String),
    Has(String),
    Lacks(String),
}

/// Exactly this text.
pub fn is(text: impl Into<String>) -> Expected {
    Expected::Is(text.into())
}

/// This text somewhere in it.
pub fn has(text: impl Into<String>) -> Expected {
    Expected::Has(text.into())
}

/// This text nowhere in it; says nothing about the rest, so it wants another expectation beside it.
pub fn lacks(text: impl Into<String>) -> Expected {
    Expected::Lacks(text.into())
}

/// What of the expectations does not hold, in words; empty if all do.
pub fn misses(stream: &str, expected: &[Expected], got: &str) -> String {
    let mut misses = String::new();
    let speaks = expected.iter().any(|expected| matches!(expected, Expected::Is(_) | Expected::Has(_)));
    if !speaks && !got.is_empty() {
        let _ = writeln!(misses, "{stream} is not silent");
    }
    for expected in expected {
        let (holds, words, text) = match expected {
            Expected::Is(text) => (got == text, "is not", text),
            Expected::Has(text) => (got.contains(text), "lacks", text),
            Expected::Lacks(text) => (!got.contains(text), "has", text),
        };
        if !holds {
            let _ = writeln!(misses, "{stream} {words} {text:?}");
        }
    }
    misses
}

#[test]
fn silence_is_expected_unless_something_else_is() {
    assert_eq!(misses("stdout", &[], ""), "");
    assert_eq!(misses("stdout", &[], "a"), "stdout is not silent\n");
    assert_eq!(misses("stdout", &[lacks("b")], "a"), "stdout is not silent\n");
    assert_eq!(misses("stdout", &[has("a"), lacks("b")], "a"), "");
    assert_eq!(misses("stdout", &[is("a")], "a\n"), "stdout is not \"a\"\n");
    assert_eq!(misses("stdout", &[has("b")], "a"), "stdout lacks \"b\"\n");
}
