//! Getting in, told on the terminal: each place as it is tried, what is missing with its remedy, and what to do then.

use std::io::{self, IsTerminal, Write};

use super::outcome::CliError;
use super::unseen::{Typed, ask};
use crate::engine::record::{Access, Close, Judged, Mode};
use crate::session::get_in::Asking;
use crate::session::{Control, Session};
use crate::text::plain;

/// Who is there while it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// A person at a terminal, or a transcript from a pipe.
    Operator,
    /// Nobody; only what is missing is told.
    Nobody,
}

/// Whether the run can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    In,
    /// It cannot; nothing ran.
    Out,
}

/// Tries every place of the run. What fails is named before the first step.
pub fn get_in(session: &mut Session, who: Present) -> Result<Entry, CliError> {
    if session.run().mode() == Mode::Drill || session.busy().is_some() || session.run().closed.is_some() {
        return Ok(Entry::In);
    }
    let person = who == Present::Operator && io::stdin().is_terminal() && io::stdout().is_terminal();
    let asking = if person { Asking::Terminal(&typed) } else { Asking::Nobody };
    let mut out = io::stdout();
    if who == Present::Operator {
        writeln!(out, "Get in")?;
    }
    loop {
        let all = session.get_in(asking, &mut |access| {
            if who == Present::Operator || access.judged == Judged::Failed {
                let _ = write!(io::stdout(), "{}", lines(access));
            }
        });
        let failed: Vec<_> = all?.into_iter().filter(|access| access.judged == Judged::Failed).collect();
        if failed.is_empty() {
            return Ok(Entry::In);
        }
        let names: Vec<_> = failed.iter().map(|access| access.place.as_str()).collect();
        let names = names.join(", ");
        if !person {
            return leave(session, &names);
        }
        match question(&names)? {
            Answer::Again => {}
            Answer::GoOn(reason) => {
                session.note(&format!("went on without getting in at {names}: {reason}"))?;
                return Ok(Entry::In);
            }
            Answer::Leave => return leave(session, &names),
        }
    }
}

/// A line that is not shown; nothing where the person gives none.
pub fn typed(question: &str) -> Option<String> {
    match ask(question) {
        Ok(Typed::Line(line)) => Some(line),
        Ok(Typed::Nothing) | Err(_) => None,
    }
}

/// A run in which nothing was done is closed, so that it is in nobody's way; another one is kept as it stands.
fn leave(session: &mut Session, names: &str) -> Result<Entry, CliError> {
    let run = session.run();
    if run.attempts.is_empty() && run.answers.is_empty() {
        session.close(Close::NotRepaired, &format!("could not get in at {names}; nothing ran"))?;
    }
    let id = session.id();
    let (ended, then) = if session.run().closed.is_some() { ("closed", "report") } else { ("kept", "resume") };
    writeln!(io::stdout(), "run {id} is {ended}. locum {then} {id}")?;
    eprintln!("error: cannot get in at {names}; nothing ran");
    Ok(Entry::Out)
}

enum Answer {
    Again,
    GoOn(String),
    Leave,
}

fn question(names: &str) -> io::Result<Answer> {
    let mut out = io::stdout();
    loop {
        write!(
            out,
            "\nCannot get in at {names}. Nothing ran.\n  Enter  try again\n  g WHY  go on without it\n  q      leave\n> "
        )?;
        out.flush()?;
        let mut typed = String::new();
        if io::stdin().read_line(&mut typed)? == 0 {
            return Ok(Answer::Leave);
        }
        match typed.trim() {
            "" => return Ok(Answer::Again),
            "q" => return Ok(Answer::Leave),
            "g" => writeln!(out, "going on wants a reason, as in: g that node is the one that is down")?,
            other => match other.strip_prefix("g ").map(str::trim).filter(|reason| !reason.is_empty()) {
                Some(reason) => return Ok(Answer::GoOn(reason.to_owned())),
                None => writeln!(out, "`{}` is no answer here", plain(other))?,
            },
        }
    }
}

/// What was found, as narrow as a map has it.
pub const fn mark(judged: Judged) -> &'static str {
    match judged {
        Judged::Passed | Judged::Failed => judged.finding(),
        Judged::Unknown => "?",
    }
}

/// A place in lines of a terminal.
pub fn lines(access: &Access) -> String {
    use std::fmt::Write as _;
    let mut text = format!("  {:<5} {}\n", mark(access.judged), access.words());
    if !access.versions.is_empty() {
        let _ = writeln!(text, "        versions: {}", plain(&access.versions.join(", ")));
    }
    for found in &access.found {
        let _ = writeln!(text, "        {}", plain(found));
    }
    if let Some(remedy) = &access.remedy {
        let _ = writeln!(text, "        help: {}", plain(remedy));
    }
    text
}
