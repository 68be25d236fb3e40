//! Whether a command gave what was expected of it, judged over the blob, which is never read whole.
//!
//! Texts are contained at word borders; patterns are matched with `^` and `$` at line borders. Both are found up to a
//! length of 64 KiB. Where a part of the output was not kept, that something is *not* there cannot be said, so it does
//! not hold.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::facts::{Ending, Exit, StreamFacts};
use super::scan::{Looking, Window, scan};
use crate::text::expect_text::find_at_word_borders;

/// What a command must give.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// The exit code; 0 if it is not said.
    pub exit: Option<i32>,
    /// Texts that must be there, at word borders.
    pub contains: Vec<String>,
    /// Texts that must not be there.
    pub not_contains: Vec<String>,
    /// The whole output, without the last newline.
    pub equals: Option<String>,
    /// A pattern that must match somewhere.
    pub matches: Option<String>,
    /// A pattern that must match nowhere.
    pub not_matches: Option<String>,
    /// Whether there must be no output (a last newline aside), or some.
    pub empty: Option<bool>,
}

/// One expectation, held or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// As a person reads it: `contains "Done"`.
    pub what: String,
    /// Whether it held.
    pub held: bool,
    /// The line that shows it, from 1.
    pub line: Option<u64>,
}

/// Judges the end and the output of a command. Nothing holds of a command that did not start.
pub fn judge(exit: &Exit, blob: &Path, expectation: &Expectation) -> Vec<Judged> {
    let mut judged = vec![judge_exit(exit, expectation.exit.unwrap_or(0))];
    let mut searches = searches(expectation);
    let nothing = StreamFacts { bytes: 0, kept: 0, cut: false, sha256: String::new(), drained: true };
    let facts = exit.stdout.as_ref().unwrap_or(&nothing);
    let read = search(blob, facts, &mut searches);
    judged.extend(searches.into_iter().map(|search| search.judged(facts)));
    if let Some(text) = &expectation.equals {
        judged.push(judge_equals(blob, facts, text));
    }
    if let Some(empty) = expectation.empty {
        let is_empty = facts.bytes == 0 || (facts.bytes == 1 && matches!(first_difference(blob, facts, b""), Ok(None)));
        let what = if empty { "no output" } else { "some output" };
        judged.push(Judged { what: what.to_owned(), held: is_empty == empty, line: None });
    }
    for each in judged.iter_mut().skip(1) {
        each.held &= exit.result != Ending::NotStarted && read.is_ok();
        if let Err(error) = &read {
            each.what = format!("{} (the output cannot be read: {error})", each.what);
        }
    }
    judged
}

fn judge_exit(exit: &Exit, expected: i32) -> Judged {
    let by_itself = exit.result == Ending::Exited && !exit.cancelled;
    Judged { what: format!("exit {expected}"), held: by_itself && exit.code == Some(expected), line: None }
}

/// Something that is looked for.
struct Search {
    what: String,
    needle: Needle,
    wanted: Wanted,
    found: Option<Found>,
}

enum Needle {
    Text(String),
    Pattern(Regex),
    /// A pattern that is none; it holds in no case.
    Broken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    There,
    NotThere,
}

#[derive(Clone, Copy)]
struct Found {
    line: Option<u64>,
}

fn searches(expectation: &Expectation) -> Vec<Search> {
    let text = |label: &str, text: &String, wanted| Search {
        what: format!("{label} {text:?}"),
        needle: Needle::Text(text.clone()),
        wanted,
        found: None,
    };
    let pattern = |label: &str, pattern: &String, wanted| {
        let needle = RegexBuilder::new(pattern).multi_line(true).build().map_or(Needle::Broken, Needle::Pattern);
        Search { what: format!("{label} /{pattern}/"), needle, wanted, found: None }
    };
    let contains = expectation.contains.iter().map(|each| text("contains", each, Wanted::There));
    let not = expectation.not_contains.iter().map(|each| text("does not contain", each, Wanted::NotThere));
    let matches = expectation.matches.iter().map(|each| pattern("matches", each, Wanted::There));
    let not_matches = expectation.not_matches.iter().map(|each| pattern("does not match", each, Wanted::NotThere));
    contains.chain(not).chain(matches).chain(not_matches).collect()
}

/// One pass over the blob for all of them; it ends when each was found.
fn search(blob: &Path, facts: &StreamFacts, searches: &mut [Search]) -> io::Result<()> {
    let seen = |searches: &mut [Search], window: &Window| {
        for search in searches.iter_mut().filter(|search| search.found.is_none()) {
            search.found = search.needle.find(&window.text).map(|at| Found { line: window.line_at(at) });
        }
        if searches.iter().all(|search| search.found.is_some()) { Looking::Done } else { Looking::On }
    };
    if facts.kept == 0 {
        let window = Window { text: String::new(), line: Some(1) };
        seen(searches, &window);
        return Ok(());
    }
    if searches.is_empty() {
        return Ok(());
    }
    scan(blob, facts, &mut |window| seen(searches, window))
}

impl Needle {
    fn find(&self, text: &str) -> Option<usize> {
        match self {
            Self::Text(needle) => find_at_word_borders(text, needle),
            Self::Pattern(pattern) => pattern.find(text).map(|found| found.start()),
            Self::Broken => None,
        }
    }
}

impl Search {
    fn judged(self, facts: &StreamFacts) -> Judged {
        let line = self.found.and_then(|found| found.line);
        let (held, remark) = match (&self.needle, self.wanted, self.found) {
            (Needle::Broken, ..) => (false, " (this is no regular expression)"),
            (_, Wanted::There, found) => (found.is_some(), ""),
            (_, Wanted::NotThere, Some(_)) => (false, ""),
            (_, Wanted::NotThere, None) if facts.cut => (false, " (cannot tell, a part of the output was not kept)"),
            (_, Wanted::NotThere, None) => (true, ""),
        };
        Judged { what: self.what + remark, held, line }
    }
}

fn judge_equals(blob: &Path, facts: &StreamFacts, text: &str) -> Judged {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut shown = text.to_owned();
    super::facts::cut(&mut shown, 200);
    let what = format!("equals {shown:?}");
    match first_difference(blob, facts, text.as_bytes()) {
        Ok(line) => Judged { what, held: line.is_none() && !facts.cut, line },
        Err(error) => Judged { what: format!("{what} (the output cannot be read: {error})"), held: false, line: None },
    }
}

/// The line in which a blob differs from a text, the last newline aside.
fn first_difference(blob: &Path, facts: &StreamFacts, text: &[u8]) -> io::Result<Option<u64>> {
    // Two bytes more than expected are enough to see that there is more than a newline.
    let want = usize::try_from(facts.kept).unwrap_or(usize::MAX).min(text.len() + 2);
    let mut read = vec![0; want];
    if want > 0 {
        File::open(blob)?.read_exact_at(&mut read, 0)?;
    }
    let output = read.strip_suffix(b"\n").unwrap_or(&read);
    if output == text {
        return Ok(None);
    }
    let same = output.iter().zip(text).take_while(|(one, other)| one == other).count();
    Ok(Some(1 + memchr::memchr_iter(b'\n', &output[..same]).count() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::scan::tests::blob;

    fn exited(code: i32, stdout: StreamFacts) -> Exit {
        Exit { result: Ending::Exited, code: Some(code), stdout: Some(stdout), ..Exit::default() }
    }

    fn judged(output: &str, expectation: &Expectation) -> Vec<(String, bool, Option<u64>)> {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = blob(&folder, output.as_bytes());
        let judged = judge(&exited(0, facts), &path, expectation);
        judged.into_iter().map(|each| (each.what, each.held, each.line)).collect()
    }

    /// Whether the only expectation beside the exit code holds.
    fn holds(output: &str, expectation: &Expectation) -> (bool, Option<u64>) {
        let all = judged(output, expectation);
        assert_eq!(all.len(), 2, "{all:?}");
        (all[1].1, all[1].2)
    }

    fn contains(text: &str) -> Expectation {
        Expectation { contains: vec![text.into()], ..Expectation::default() }
    }

    #[test]
    fn the_exit_code_must_be_0_unless_another_is_said() {
        let expectation = Expectation::default();
        let three = Expectation { exit: Some(3), ..Expectation::default() };
        let exit = |code| Exit { result: Ending::Exited, code: Some(code), ..Exit::default() };
        let held = |exit: &Exit, expectation| judge(exit, Path::new("/none"), expectation)[0].held;
        assert!(held(&exit(0), &expectation) && held(&exit(3), &three));
        assert!(!held(&exit(3), &expectation) && !held(&exit(0), &three));
        assert!(!held(&Exit { cancelled: true, ..exit(0) }, &expectation));
        assert!(!held(&Exit { result: Ending::TimedOut, ..exit(0) }, &expectation));
    }

    #[test]
    fn texts_are_contained_at_word_borders_and_their_line_is_told() {
        assert_eq!(holds("NotReady\nkyousuke Ready\n", &contains("Ready")), (true, Some(2)));
        assert_eq!(holds("NotReady\n", &contains("Ready")), (false, None));
        let not = Expectation { not_contains: vec!["Ready".into()], ..Expectation::default() };
        assert_eq!(holds("NotReady\n", &not), (true, None));
        assert_eq!(holds("a\nb\nReady", &not), (false, Some(3)));
    }

    #[test]
    fn patterns_bind_to_lines() {
        let matches = |pattern: &str| Expectation { matches: Some(pattern.into()), ..Expectation::default() };
        assert_eq!(holds("a=1\nb=22\n", &matches("^b=[0-9]+$")), (true, Some(2)));
        assert_eq!(holds("a=1\nb=22 \n", &matches("^b=[0-9]+$")), (false, None));
        let not = Expectation { not_matches: Some("(?i)error".into()), ..Expectation::default() };
        assert_eq!(holds("fine\n", &not), (true, None));
        assert_eq!(holds("an ERROR\n", &not), (false, Some(1)));
    }

    #[test]
    fn equals_is_byte_for_byte_but_for_the_last_newline() {
        let equals = |text: &str| Expectation { equals: Some(text.into()), ..Expectation::default() };
        assert_eq!(holds("one\ntwo\n", &equals("one\ntwo")), (true, None));
        assert_eq!(holds("one\ntwo", &equals("one\ntwo\n")), (true, None));
        assert_eq!(holds("one\ntwo\n\n", &equals("one\ntwo")), (false, Some(2)));
        assert_eq!(holds("one\nTwo\n", &equals("one\ntwo")), (false, Some(2)));
        assert_eq!(holds("", &equals("one")), (false, Some(1)));
        assert_eq!(holds("", &equals("")), (true, None));
    }

    #[test]
    fn emptiness_leaves_a_last_newline_aside() {
        let empty = |empty| Expectation { empty: Some(empty), ..Expectation::default() };
        assert!(holds("", &empty(true)).0 && holds("\n", &empty(true)).0);
        assert!(!holds("x", &empty(true)).0 && !holds("\n\n", &empty(true)).0);
        assert!(holds("x", &empty(false)).0 && !holds("", &empty(false)).0);
    }

    #[test]
    fn several_expectations_are_judged_each() {
        let expectation = Expectation {
            contains: vec!["one".into(), "four".into()],
            not_contains: vec!["two".into()],
            matches: Some("t.o".into()),
            ..Expectation::default()
        };
        let expected = [
            ("exit 0", true, None),
            ("contains \"one\"", true, Some(1)),
            ("contains \"four\"", false, None),
            ("does not contain \"two\"", false, Some(2)),
            ("matches /t.o/", true, Some(2)),
        ];
        let expected = expected.map(|(what, held, line)| (what.to_owned(), held, line));
        assert_eq!(judged("one\ntwo\n", &expectation), expected);
    }

    #[test]
    fn of_an_output_that_was_cut_it_is_not_said_that_something_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut facts) = blob(&folder, b"fine\n");
        facts.cut = true;
        let not = Expectation { not_contains: vec!["error".into()], ..Expectation::default() };
        let judged = judge(&exited(0, facts), &path, &not);
        assert!(!judged[1].held && judged[1].what.contains("cannot tell"), "{judged:?}");
    }

    #[test]
    fn nothing_holds_of_what_did_not_start_or_cannot_be_read() {
        let not = Expectation { not_contains: vec!["error".into()], empty: Some(true), ..Expectation::default() };
        let never = judge(&Exit::not_started("no GO"), Path::new("/none"), &not);
        assert!(never.iter().all(|each| !each.held), "{never:?}");
        let facts = StreamFacts { bytes: 5, kept: 5, cut: false, sha256: String::new(), drained: true };
        let gone = judge(&exited(0, facts), Path::new("/no/such/blob"), &not);
        assert!(gone[0].held && !gone[1].held && gone[1].what.contains("cannot be read"), "{gone:?}");
    }

    #[test]
    fn a_pattern_that_is_none_holds_in_no_case() {
        let broken = Expectation { not_matches: Some("(".into()), ..Expectation::default() };
        assert!(!holds("fine", &broken).0);
    }
}
