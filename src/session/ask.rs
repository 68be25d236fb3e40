//! Tests are made here: a command with its expectations, or a probe. What came out is turned into facts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::Utc;
use serde_json::Value;

use super::place::{Belongs, Place};
use super::stop::Stop;
use super::watch::{Sight, Watch};
use crate::engine::record::{EndResult, Facts, Judged, Matched, Stream};
use crate::engine::resolve::{CaptureLine, CommandLine, ExpectLine, TestLine};
use crate::exec::expect::{Capture, Captured, Expectation, How, Judgement, capture, judge};
use crate::exec::{self, Around, Ending, Exit, StreamFacts};
use crate::probe::{Verdict, probe};
use crate::text::plain;

/// How many lines of an output are told as what was found.
const TOLD_LINES: usize = 3;

/// The command was not there, or could not be run, as shells say it.
const NOT_RUN: [i32; 2] = [126, 127];

/// Everything that is needed to make tests.
#[derive(Clone, Debug)]
pub struct Asker {
    pub place: Place,
    pub belongs: Belongs,
    /// This program, of which a look is a child.
    pub program: PathBuf,
}

impl Asker {
    /// Makes one test; the output of a command goes to `blob`.
    pub fn test(&self, test: &TestLine, expect: &ExpectLine, blob: &Path, stop: &Stop) -> Facts {
        let begun = Instant::now();
        let mut facts = match test {
            TestLine::Probe(line) => {
                let probed = probe(&self.place.probe(line), Utc::now());
                let judged = match probed.verdict {
                    Verdict::Ok => Judged::Passed,
                    Verdict::Fault => Judged::Failed,
                    Verdict::CannotTell => Judged::Unknown,
                };
                Facts { found: probed.lines, ..measured(judged) }
            }
            TestLine::Command(line) => match self.run_look(line, blob, stop) {
                Ok(exit) => facts_of(&exit, blob, expect, line.keep),
                Err(error) => Facts { found: vec![plain(&chain(&error))], ..measured(Judged::Unknown) },
            },
        };
        facts.dur_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        facts
    }

    /// Runs a command that changes nothing, to its end.
    fn run_look(&self, line: &CommandLine, blob: &Path, stop: &Stop) -> Result<Exit, exec::ExecError> {
        let spec = self.place.look(line, &self.belongs);
        let around = Around { cancel: &stop.look, notices: &|_| {} };
        exec::run_look(&self.program, &spec, blob, &|| Box::new(exec::PassThrough), &around)
    }

    /// Makes several tests that must all hold.
    pub fn all(&self, tests: &[TestLine], blob: &Path, stop: &Stop) -> Vec<Matched> {
        let numbered = tests.iter().enumerate();
        let made = numbered.map(|(at, test)| {
            let path = blob.with_extension(format!("test-{}", at + 1));
            let facts = self.test(test, &ExpectLine::default(), &path, stop);
            let found = if facts.found.is_empty() { String::new() } else { format!(" ({})", facts.found.join("; ")) };
            Matched { what: format!("{}{found}", plain(&test.shown())), held: facts.judged == Judged::Passed, line: None }
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
        let blob = blob.with_extension("guard");
        let ask = |line: &CommandLine| {
            let exit = self.run_look(line, &blob, stop).map_err(|error| chain(&error))?;
            match exit.code {
                Some(0) => std::fs::read(&blob).map_err(|error| error.to_string()),
                Some(code) => Err(format!("exit {code}")),
                None => Err("ended by a signal or a time-out".to_owned()),
            }
        };
        watch.look(&ask).map(Some)
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

/// Facts of something that is no process.
pub fn measured(judged: Judged) -> Facts {
    Facts {
        result: EndResult::Measured,
        code: None,
        signal: None,
        dur_ms: 0,
        leftover: Vec::new(),
        stdout: None,
        stderr: None,
        judged,
        matched: Vec::new(),
        captured: BTreeMap::new(),
        found: Vec::new(),
        redacted: BTreeMap::new(),
        evidence: None,
    }
}

/// What a process gave, judged by what was expected of it.
pub fn facts_of(exit: &Exit, blob: &Path, expect: &ExpectLine, keep: bool) -> Facts {
    let result = match exit.result {
        Ending::Exited => EndResult::Exited,
        Ending::Signaled => EndResult::Signaled,
        Ending::TimedOut => EndResult::TimedOut,
        Ending::NotStarted => EndResult::NotStarted,
    };
    let expectation = expectation(expect);
    let judgement: Vec<Judgement> = judge(exit, blob, &expectation);
    let matched: Vec<Matched> = judgement
        .into_iter()
        .map(|one| Matched { what: plain(&one.what), held: one.held, line: one.line })
        .collect();
    let judged = verdict(exit, &matched, expect);
    let mut found: Vec<String> = matched.iter().filter(|one| !one.held).map(|one| format!("not {}", one.what)).collect();
    found.extend(exit.reason.as_deref().map(plain));
    found.extend(exec::expect::last_lines(blob, TOLD_LINES).into_iter().map(|line| plain(&line)));
    let stream = |facts: &StreamFacts, extension: &str| Stream {
        blob: blob.with_extension(extension).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256: facts.sha256.clone(),
        bytes: facts.bytes,
        kept: facts.kept,
        cut: facts.cut,
    };
    let facts = Facts {
        result,
        code: exit.code,
        signal: exit.signal,
        dur_ms: exit.dur_ms,
        leftover: exit.leftover.iter().map(|left| format!("{} {}", left.pid, plain(&left.command))).collect(),
        stdout: exit.stdout.as_ref().map(|facts| stream(facts, "out")),
        stderr: exit.stderr.as_ref().map(|facts| stream(facts, "err")),
        judged,
        matched,
        captured: BTreeMap::new(),
        found,
        redacted: exit.redacted.clone(),
        evidence: None,
    };
    if !keep { forget(blob, facts) } else { facts }
}

/// The author does not want the output kept: the digest stays, the bytes go.
fn forget(blob: &Path, mut facts: Facts) -> Facts {
    for stream in facts.stdout.iter_mut().chain(facts.stderr.iter_mut()) {
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
        exit: Some(expect.exit.unwrap_or(0)),
        contains: expect.contains.clone(),
        not_contains: expect.not_contains.clone(),
        equals: expect.equals.clone(),
        matches: expect.matches.clone(),
        not_matches: expect.not_matches.clone(),
        empty: expect.empty,
    }
}

/// Takes the values of a step from its output.
///
/// # Errors
/// In words, which value could not be taken and why; the step did not pass then.
pub fn captured(blob: &Path, captures: &[CaptureLine]) -> Result<BTreeMap<String, Value>, String> {
    let take = |line: &CaptureLine| {
        let how = match (&line.r#match, &line.json, line.lines) {
            (Some(regex), _, _) => How::Match(regex.clone()),
            (None, Some(path), _) => How::Json(path.clone()),
            (None, None, true) => How::Lines,
            (None, None, false) => How::Whole,
        };
        let spec = Capture { name: line.name.clone(), how, pattern: line.pattern.clone() };
        let value = match capture(blob, &spec)? {
            Captured::Text(text) => Value::String(text),
            Captured::List(items) => Value::Array(items.into_iter().map(Value::String).collect()),
        };
        Ok((line.name.clone(), value))
    };
    captures.iter().map(take).collect()
}
