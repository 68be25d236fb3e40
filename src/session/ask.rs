//! Tests are made here: a command with its expectations, or a probe. What came out is turned into facts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use super::fence;
use super::place::{Belongs, Place};
use super::secrets::capture_of;
use super::stop::Stop;
use super::there::Reaching;
use super::watch::{Hands, Sight, Watch};
use crate::engine::record::{Disarmed, EndResult, Facts, Held, Judged, Matched, Stream, Target};
use crate::engine::resolve::{CaptureLine, CommandLine, ExpectLine, Prove, TestLine, Via};
use crate::exec::{self, Around, Captured, Ending, Exit, Expectation, Over, StreamFacts, Taken, capture, judge};
use crate::guard::{Progress, file_there};
use crate::model::fields::Hosts;
use crate::probe::{ONLY_CERTIFICATES, Probe, Probed, Reach, Verdict, probe, probe_there};
use crate::text::{contains_at_word_borders, plain, plain_lines};

/// How many lines of an output are told as what was found.
const TOLD_LINES: usize = 3;

/// How much of the end of an output these are looked for in, in bytes.
const TOLD_BYTES: u64 = 8 * 1024;
/// How much of the end of an output is searched for the `got` of a branch, in bytes.
const GOT_BYTES: u64 = 4 * 1024 * 1024;

/// The command was not there, or could not be run, as shells say it.
const NOT_RUN: [i32; 2] = [126, 127];

/// Everything that is needed to make tests.
#[derive(Clone, Debug)]
pub struct Asker {
    pub place: Place,
    pub belongs: Belongs,
    /// This program, of which a look is a child.
    pub program: PathBuf,
    /// How far the newest measure of the guards is.
    pub measured: Progress,
}

impl Asker {
    /// Makes one test; the output of a command goes to `blob`.
    pub fn test(&self, test: &TestLine, wanted: &Wanted, blob: &Path, stop: &Stop) -> Facts {
        let begun = Instant::now();
        let mut facts = match test {
            TestLine::Probe(line) => {
                let probed = self.probed(&self.place.probe(line), blob, stop);
                let judged = match probed.verdict {
                    Verdict::Ok => Judged::Passed,
                    Verdict::Fault => Judged::Failed,
                    Verdict::CannotTell => Judged::Unknown,
                };
                Facts { found: probed.lines, ..measured(judged) }
            }
            TestLine::Command(line) => match self.look(line, wanted.captures, blob, stop) {
                Ok(Looked { exit, held, taken }) => {
                    let mut facts = self.taken(facts_of(&exit, blob, wanted), taken, wanted);
                    fence::note(&mut facts, held, blob, rustix::process::geteuid().is_root());
                    let facts = if line.keep { facts } else { forget(blob, facts) };
                    self.over_the_line(&exit, facts)
                }
                Err(error) => Facts { found: vec![plain(&chain(&error))], ..measured(Judged::Unknown) },
            },
        };
        facts.dur_ms = since(begun);
        facts
    }

    /// Looks here, or over there at what a plain machine can show.
    fn probed(&self, asked: &Probe, blob: &Path, stop: &Stop) -> Probed {
        let (at, now) = (&self.place.at, crate::host::Clock.now());
        if at.is_here() {
            return probe(asked, now);
        }
        let reaching = Reaching::new(self, blob, stop);
        let script = |script: &str| reaching.script(at, script);
        let certificates =
            |path: &Path| file_there(path, Some(ONLY_CERTIFICATES), &script).map_err(|error| chain(&error));
        probe_there(asked, &Reach { host: &at.host, certificates: &certificates, script: &script }, now)
    }

    /// Tells people through a channel of the user; in words, why it did not go.
    pub fn tell(&self, name: &str, text: &str, blob: &Path, stop: &Stop) -> Result<(), String> {
        let argv = self.place.channels.get(name).ok_or("there is no such channel in your configuration")?;
        let spec = self.place.channel(argv, text, &self.belongs);
        let around = Around { cancel: &stop.look, notices: &|_| {} };
        let blob = blob.with_extension(format!("to-{}.out", crate::text::slug::slug(name)));
        let exit = exec::run_look(&self.program, &spec, &blob, &self.place.secrets.filters(&[]), &around);
        let exit = exit.map_err(|error| chain(&error))?;
        let facts = facts_of(&exit, &blob, &Wanted::NOTHING);
        let code = exit.code.map_or_else(|| "no end in time".to_owned(), |code| format!("exit {code}"));
        match facts.judged {
            Judged::Passed => Ok(()),
            Judged::Failed | Judged::Unknown => {
                Err([code].into_iter().chain(last_lines(&blob, TOLD_LINES)).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Over ssh only a code is an end: what stands in for the command here ends by a signal where the line gave none.
    pub fn over_the_line(&self, exit: &Exit, mut facts: Facts) -> Facts {
        let no_code = exit.code.is_none() && matches!(exit.result, Ending::Signaled | Ending::TimedOut);
        if self.place.at.via == Via::Ssh && no_code {
            facts.judged = Judged::Unknown;
            let host = plain(&self.place.at.host);
            facts.found.insert(0, format!("the line to {host} gave no end: it may still run there"));
        }
        facts
    }

    /// The end of a change that was started over ssh, and of which nothing is known here any more; nothing is started.
    pub fn find(&self, line: &CommandLine, blob: &Path, amend: impl FnOnce(&mut Over), stop: &Stop) -> Option<Exit> {
        let mut spec = self.place.found_there(line, &self.belongs);
        Over::amend(&mut spec, amend);
        let around = Around { cancel: &stop.look, notices: &|_| {} };
        exec::run_look(&self.program, &spec, blob, &self.place.secrets.filters(&[]), &around).ok()
    }

    /// Runs a command that changes nothing, to its end.
    pub(super) fn run_look(
        &self,
        line: &CommandLine,
        blob: &Path,
        stop: &Stop,
    ) -> Result<(Exit, Held), exec::ExecError> {
        self.look(line, &[], blob, stop).map(|looked| (looked.exit, looked.held))
    }

    /// The same, with the secrets that its output gave.
    fn look(
        &self,
        line: &CommandLine,
        captures: &[CaptureLine],
        blob: &Path,
        stop: &Stop,
    ) -> Result<Looked, exec::ExecError> {
        let spec = self.place.look(line, &self.belongs);
        let held = if spec.fence == exec::Fence::None { Held::Promised } else { Held::Fenced };
        let around = Around { cancel: &stop.look, notices: &|_| {} };
        let filters = self.place.secrets.filters(captures);
        let exit = exec::run_look(&self.program, &spec, blob, &filters, &around)?;
        Ok(Looked { exit, held, taken: filters.taken() })
    }

    /// What a change gave, judged by what was wanted of it; what is secret of it is held and not told.
    pub fn facts_of(&self, exit: &Exit, taken: Taken, blob: &Path, wanted: &Wanted) -> Facts {
        self.taken(facts_of(exit, blob, wanted), taken, wanted)
    }

    fn taken(&self, mut facts: Facts, taken: Taken, wanted: &Wanted) -> Facts {
        if facts.judged == Judged::Passed && wanted.captures.iter().any(|capture| capture.secret) {
            match self.place.secrets.take(taken) {
                Ok(captured) => facts.captured.extend(captured),
                Err(why) => {
                    facts.judged = Judged::Failed;
                    facts.captured.clear();
                    facts.found.insert(0, plain(&why));
                }
            }
        }
        facts
    }

    /// Asks a place where it is; what it says is what it printed, or why it said nothing.
    pub fn prove(&self, prove: &Prove, blob: &Path, stop: &Stop) -> Target {
        let blob = blob.with_extension("prove.out");
        let got = match self.run_look(&prove.command, &blob, stop) {
            Ok((exit, _)) if exit.code == Some(0) => match std::fs::read(&blob) {
                Ok(bytes) => plain(String::from_utf8_lossy(&bytes).trim()),
                Err(error) => format!("nothing that can be read: {error}"),
            },
            Ok((exit, _)) => {
                let said = exit.reason.as_deref().map(plain).into_iter().chain(last_lines(&blob, 1));
                let code = exit.code.map_or_else(|| "no end".to_owned(), |code| format!("exit {code}"));
                format!("nothing ({})", std::iter::once(code).chain(said).collect::<Vec<_>>().join(": "))
            }
            Err(error) => format!("nothing ({})", plain(&chain(&error))),
        };
        Target { want: prove.prints.clone(), got, by: plain(&prove.command.shown) }
    }

    /// Makes several tests that must all hold. Their outputs go beside `blob`, as `<attempt>.needs-1.out`.
    pub fn all(&self, tests: &[TestLine], blob: &Path, purpose: Purpose, stop: &Stop) -> Vec<Matched> {
        let numbered = tests.iter().enumerate();
        let made = numbered.map(|(at, test)| {
            let path = blob.with_extension(format!("{}-{}.out", purpose.word(), at + 1));
            let facts = self.test(test, &Wanted::NOTHING, &path, stop);
            let found = if facts.found.is_empty() { String::new() } else { format!(" ({})", facts.found.join("; ")) };
            Matched {
                what: format!("{}{found}", plain(&test.shown())),
                held: facts.judged == Judged::Passed,
                unknown: facts.judged == Judged::Unknown || facts.result == EndResult::Signaled,
                line: None,
            }
        });
        made.collect()
    }

    /// Measures all guards now; none where there is nothing to watch.
    ///
    /// # Errors
    /// In words, what cannot be measured.
    pub fn sight(&self, watch: &Watch, blob: &Path, stop: &Stop) -> Result<Option<Sight>, String> {
        if watch.is_empty() {
            return Ok(None);
        }
        watch.look(&Reaching::new(self, blob, stop), &self.measured).map(Some)
    }
}

/// A look that has ended.
struct Looked {
    exit: Exit,
    held: Held,
    /// The secrets that its output gave.
    taken: Taken,
}

/// What several tests are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `needs`, just before a change.
    Needs,
    /// `done_when`, before a change.
    Before,
    /// `done_when`, after it.
    After,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Milliseconds since then.
pub fn since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Facts of something that is no process.
pub const fn measured(judged: Judged) -> Facts {
    Facts::new(EndResult::Measured, judged)
}

/// What a step wants of an output.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub expect: &'a ExpectLine,
    pub captures: &'a [CaptureLine],
    /// Whether the output is kept.
    pub keep: bool,
}

impl Wanted<'_> {
    /// Exit 0, and nothing else.
    pub const NOTHING: Wanted<'static> = Wanted {
        expect: &ExpectLine {
            exit: None,
            contains: Vec::new(),
            not_contains: Vec::new(),
            equals: None,
            matches: None,
            not_matches: None,
            empty: None,
            hosts: Hosts::All,
        },
        captures: &[],
        keep: true,
    };
}

/// What still runs, and how many more than there was room for.
fn leftover(exit: &Exit) -> Vec<String> {
    let listed = exit.leftover.iter().map(|left| format!("{} {}", left.pid, plain(&left.command)));
    let more = (exit.leftover_more > 0).then(|| format!("and {} more", exit.leftover_more));
    listed.chain(more).collect()
}

/// What a process gave, judged by what was wanted of it.
pub(super) fn facts_of(exit: &Exit, blob: &Path, wanted: &Wanted) -> Facts {
    let judged = judge(exit, blob, &expectation(wanted.expect)).into_iter();
    let matched: Vec<_> =
        judged.map(|one| Matched { what: plain(&one.what), held: one.held, unknown: false, line: one.line }).collect();
    let mut facts = Facts {
        result: match exit.result {
            Ending::Exited => EndResult::Exited,
            Ending::Signaled => EndResult::Signaled,
            Ending::TimedOut => EndResult::TimedOut,
            Ending::NotStarted => EndResult::NotStarted,
        },
        code: exit.code,
        signal: exit.signal,
        dur_ms: exit.dur_ms,
        leftover: leftover(exit),
        stdout: exit.stdout.as_ref().map(|facts| stream(facts, blob)),
        stderr: exit.stderr.as_ref().map(|facts| stream(facts, &exec::stderr_blob(blob))),
        cast: exit.cast.as_ref().map(|facts| stream(facts, &exec::cast_beside(blob))),
        redacted: exit.redacted.clone(),
        ..measured(verdict(exit, &matched, wanted.expect))
    };
    facts.found = found(exit, blob, &matched);
    facts.matched = matched;
    facts.armed = exit.armed.as_ref().map(disarmed);
    if let Some(Disarmed::WentBack { why, judged, code, .. }) = &facts.armed {
        let how = match (judged, code) {
            (Judged::Passed, _) => "the way back ran by itself".to_owned(),
            (Judged::Failed | Judged::Unknown, Some(code)) => {
                format!("the way back ran by itself and failed with exit {code}")
            }
            (Judged::Failed | Judged::Unknown, None) => "the way back by itself failed".to_owned(),
        };
        facts.found.insert(0, format!("{}: {how}", plain(why)));
        facts.judged = Judged::Failed;
        return facts;
    }
    if facts.judged == Judged::Passed {
        match captured(exit, blob, wanted.captures) {
            Ok(values) => facts.captured = values,
            Err(why) => {
                facts.judged = Judged::Failed;
                facts.found.insert(0, plain(&why));
            }
        }
    }
    if wanted.keep { facts } else { forget(blob, facts) }
}

/// How an armed way back ended, as it is recorded.
fn disarmed(end: &exec::Disarmed) -> Disarmed {
    match end {
        exec::Disarmed::Confirmed { by } => Disarmed::Confirmed { by: plain(by) },
        exec::Disarmed::WentBack { why, code, signal, reason, .. } => {
            let judged = if *code == Some(0) { Judged::Passed } else { Judged::Failed };
            let why = reason.as_ref().map_or_else(|| why.clone(), |reason| format!("{why}, {reason}"));
            Disarmed::WentBack { judged, why: plain(&why), code: *code, signal: *signal }
        }
    }
}

fn stream(facts: &StreamFacts, blob: &Path) -> Stream {
    Stream {
        blob: blob.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256: facts.sha256.clone(),
        bytes: facts.bytes,
        kept: facts.kept,
        cut: facts.cut,
    }
}

/// What did not hold, why nothing ran, and the last lines.
fn found(exit: &Exit, blob: &Path, matched: &[Matched]) -> Vec<String> {
    let missed = matched.iter().filter(|one| !one.held && exit.reason.is_none()).map(|one| format!("not {}", one.what));
    let reason = exit.reason.as_deref().map(plain);
    missed.chain(reason).chain(last_lines(blob, TOLD_LINES)).collect()
}

/// The last lines of an output that say something.
pub(super) fn last_lines(blob: &Path, most: usize) -> Vec<String> {
    let Ok(bytes) = tail(blob, TOLD_BYTES) else { return Vec::new() };
    let text = plain_lines(&String::from_utf8_lossy(&bytes));
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(plain).collect();
    lines[lines.len().saturating_sub(most)..].to_vec()
}

/// The last bytes of a file.
pub(super) fn tail(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a text stands in the end of an output, at word borders.
pub fn got(blob: &Path, text: &str) -> bool {
    let bytes = tail(blob, GOT_BYTES).unwrap_or_default();
    contains_at_word_borders(&String::from_utf8_lossy(&bytes), text)
}

/// The author does not want the output kept: the digest stays, the bytes go.
fn forget(blob: &Path, mut facts: Facts) -> Facts {
    let streams = [&mut facts.stdout, &mut facts.stderr, &mut facts.cast];
    for stream in streams.into_iter().flatten() {
        let _ = std::fs::File::options().write(true).truncate(true).open(blob.with_file_name(&stream.blob));
        stream.kept = 0;
        stream.cut = true;
    }
    facts.found.clear();
    facts
}

fn verdict(exit: &Exit, matched: &[Matched], expect: &ExpectLine) -> Judged {
    let not_run = exit.code.is_some_and(|code| NOT_RUN.contains(&code)) && expect.exit.is_none();
    match exit.result {
        Ending::TimedOut | Ending::NotStarted => Judged::Unknown,
        Ending::Exited if not_run => Judged::Unknown,
        Ending::Exited | Ending::Signaled if matched.iter().all(|one| one.held) => Judged::Passed,
        Ending::Exited | Ending::Signaled => Judged::Failed,
    }
}

fn expectation(expect: &ExpectLine) -> Expectation {
    Expectation {
        exit: expect.exit,
        contains: expect.contains.clone(),
        not_contains: expect.not_contains.clone(),
        equals: expect.equals.clone(),
        matches: expect.matches.clone(),
        not_matches: expect.not_matches.clone(),
        empty: expect.empty,
    }
}

/// Takes the values of a step from its output; in words, which could not be taken and why.
fn captured(exit: &Exit, blob: &Path, captures: &[CaptureLine]) -> Result<BTreeMap<String, Value>, String> {
    let take = |line: &CaptureLine| {
        let spec = capture_of(line);
        let value = match capture(exit, blob, &spec)? {
            Captured::Text(text) => Value::String(text),
            Captured::List(items) => Value::Array(items.into_iter().map(Value::String).collect()),
        };
        Ok((line.name.clone(), value))
    };
    captures.iter().filter(|line| !line.secret).map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(result: Ending, code: Option<i32>) -> Exit {
        Exit { result, code, ..Exit::default() }
    }

    /// What is judged of an end, with this output.
    fn judged(exit: &Exit, output: &str, expect: &ExpectLine, captures: &[CaptureLine]) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("1-4-ab.out");
        std::fs::write(&blob, output).unwrap();
        let facts = StreamFacts {
            bytes: output.len() as u64,
            kept: output.len() as u64,
            cut: false,
            sha256: String::new(),
            drained: true,
        };
        let exit = Exit { stdout: Some(facts), ..exit.clone() };
        facts_of(&exit, &blob, &Wanted { expect, captures, keep: true })
    }

    fn nothing() -> ExpectLine {
        Wanted::NOTHING.expect.clone()
    }

    fn capture_line(name: &str) -> CaptureLine {
        CaptureLine {
            name: name.to_owned(),
            r#match: None,
            json: None,
            lines: false,
            pattern: Some("[a-z]+".to_owned()),
            secret: false,
        }
    }

    #[test]
    fn zero_passes_and_another_code_fails() {
        assert_eq!(judged(&exit(Ending::Exited, Some(0)), "", &nothing(), &[]).judged, Judged::Passed);
        let failed = judged(&exit(Ending::Exited, Some(1)), "a\n\nb\nc\nd\n", &nothing(), &[]);
        assert_eq!(failed.judged, Judged::Failed);
        assert_eq!(failed.found[failed.found.len() - 3..], ["b", "c", "d"], "the last lines are told");
        assert_eq!(judged(&exit(Ending::Signaled, None), "", &nothing(), &[]).judged, Judged::Failed);
    }

    #[test]
    fn a_command_that_was_not_there_is_unknown_unless_its_code_was_expected() {
        for code in NOT_RUN {
            assert_eq!(judged(&exit(Ending::Exited, Some(code)), "", &nothing(), &[]).judged, Judged::Unknown);
            let expected = ExpectLine { exit: Some(code), ..nothing() };
            assert_eq!(judged(&exit(Ending::Exited, Some(code)), "", &expected, &[]).judged, Judged::Passed);
        }
    }

    #[test]
    fn what_took_too_long_or_never_began_is_unknown_whatever_it_said() {
        let expect = ExpectLine { contains: vec!["done".to_owned()], ..nothing() };
        for result in [Ending::TimedOut, Ending::NotStarted] {
            assert_eq!(judged(&exit(result, Some(0)), "done", &expect, &[]).judged, Judged::Unknown, "{result:?}");
        }
        let reason = Exit { reason: Some("no such program".to_owned()), ..exit(Ending::NotStarted, None) };
        assert!(judged(&reason, "", &nothing(), &[]).found.contains(&"no such program".to_owned()));
    }

    #[test]
    fn what_is_missing_from_an_output_is_told() {
        let expect = ExpectLine { contains: vec!["renewed".to_owned()], ..nothing() };
        let facts = judged(&exit(Ending::Exited, Some(0)), "nothing new\n", &expect, &[]);
        assert_eq!(facts.judged, Judged::Failed);
        assert!(facts.found[0].starts_with("not ") && facts.found[0].contains("renewed"), "{:?}", facts.found);
        assert_eq!(judged(&exit(Ending::Exited, Some(0)), "renewed\n", &expect, &[]).judged, Judged::Passed);
    }

    #[test]
    fn values_are_taken_only_from_what_passed_and_must_fit() {
        let taken = judged(&exit(Ending::Exited, Some(0)), "kyousuke\n", &nothing(), &[capture_line("node")]);
        assert_eq!(taken.captured["node"], "kyousuke");
        let unfit = judged(&exit(Ending::Exited, Some(0)), "Kyousuke 1\n", &nothing(), &[capture_line("node")]);
        assert_eq!((unfit.judged, unfit.captured.len()), (Judged::Failed, 0));
        let failed = judged(&exit(Ending::Exited, Some(1)), "kyousuke\n", &nothing(), &[capture_line("node")]);
        assert_eq!(failed.captured.len(), 0);
    }

    #[test]
    fn nothing_that_could_attack_a_terminal_is_in_the_facts() {
        let facts = judged(&exit(Ending::Exited, Some(1)), "\u{1b}]0;owned\u{7}\u{202e}red\r\n", &nothing(), &[]);
        let text = serde_json::to_string(&facts).unwrap();
        assert!(!text.contains("\\u001b") && !text.contains('\u{202e}') && !text.contains("\\r"), "{text}");
    }

    #[test]
    fn an_output_that_must_not_be_kept_leaves_only_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("1-4-ab.out");
        std::fs::write(&blob, "token").unwrap();
        let facts = StreamFacts { bytes: 5, kept: 5, cut: false, sha256: "abc".to_owned(), drained: true };
        let exit = Exit { stdout: Some(facts), ..exit(Ending::Exited, Some(1)) };
        let facts = facts_of(&exit, &blob, &Wanted { keep: false, ..Wanted::NOTHING });
        let stdout = facts.stdout.unwrap();
        assert_eq!((stdout.bytes, stdout.kept, stdout.cut, stdout.sha256.as_str()), (5, 0, true, "abc"));
        assert_eq!((std::fs::read(&blob).unwrap(), facts.found), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_end_of_an_output_is_searched_at_word_borders() {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("1-4-ab.out");
        std::fs::write(&blob, "certificate expired\n").unwrap();
        assert!(got(&blob, "expired"));
        assert!(!got(&blob, "expire"));
        assert!(!got(&folder.path().join("none"), "expired"));
    }
}
