//! The secrets of one operator in one session: in memory, handed to the commands that ask for them, and replaced in
//! everything that is written or shown.
//!
//! They are drawn elsewhere (`cli`), never frozen with a run and never part of a record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use serde_json::Value;

use super::place::Place;
use crate::engine::record::Record;
use crate::engine::resolve::{CaptureLine, CommandLine, Resolved, Sudo, TargetLine, Via, Work};
use crate::exec::{self, Askpass, Capture, Filters, LONGEST_PIPED, Redaction, Secret, Taken};
use crate::template::Part;
use crate::text::Redactor;

/// The name under which the password of sudo is replaced; no input can be called so.
const PASSWORD: &str = "sudo password";

/// All secrets that are held. Clones are the same ones: what a step gives is known to the steps after it.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Held>>);

#[derive(Default)]
struct Held {
    values: BTreeMap<String, String>,
    /// Optional ones that nobody gave: they are empty.
    left_out: BTreeSet<String>,
    redactor: Option<Redactor>,
    /// What sudo asks for this person's password.
    askpass: Option<Askpass>,
    /// Texts that the run is made of, with what each is; a secret that stands in one of them is none.
    open: Vec<(String, String)>,
}

/// Why a step cannot be given its secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    #[error("{0}")]
    Unfit(String),
    #[error("the secret `{name}` stands in {place}, where everybody can read it; change it, and take it out there")]
    Open { name: String, place: String },
    #[error("the secret `{name}` is not held in this session: secrets are kept by nobody; `locum resume` asks for it")]
    Missing { name: String },
    #[error(
        "sudo wants your password for {user}, which this session does not hold: leave, and `locum resume` asks for it"
    )]
    NoPassword { user: String },
    #[error(
        "the armed way back must go when nobody is here, and sudo would ask for your password; have `NOPASSWD:` for {user}"
    )]
    ArmedAsks { user: String },
    #[error("the secret `{name}` would be a word of another command on its way to {place}; hand it over with `stdin:`")]
    InWords { name: String, place: String },
    #[error(
        "the standard input with the secret `{name}` has {length} bytes, expected at most {LONGEST_PIPED} over ssh"
    )]
    TooLong { name: String, length: usize },
}

/// Whether the environment of a command is words of another one on its way to a place.
pub(super) type GoesInWords<'a> = &'a dyn Fn(&TargetLine) -> bool;

/// Fields of a record that are names within the run and never anybody's text.
const STRUCTURE: [&str; 12] =
    ["kind", "run", "t", "boot", "attempt", "step", "does", "rerun", "undoes", "retry_of", "cmd_sha256", "advance"];

impl Secrets {
    /// Holds a value under its full name.
    ///
    /// # Errors
    /// It is too short to be looked for, or no process could be given it.
    pub fn hold(&self, name: &str, value: &str) -> Result<(), SecretFault> {
        if value.contains('\0') {
            return Err(SecretFault::Unfit(format!("secret `{name}` holds a NUL, which no program can be given")));
        }
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut values = held.values.clone();
        values.insert(name.to_owned(), value.to_owned());
        stands_open(&held.open, name, value)?;
        let pairs = values.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        held.redactor = Some(Redactor::new(pairs).map_err(|short| SecretFault::Unfit(short.to_string()))?);
        held.values = values;
        drop(held);
        exec::hide_memory();
        Ok(())
    }

    /// Holds the password that sudo asks this person for. It is given to nothing else. Gives what was held before.
    ///
    /// # Errors
    /// Nothing can be made that sudo could ask.
    pub(super) fn hold_password(&self, program: &Path, password: &str) -> std::io::Result<Option<Askpass>> {
        exec::hide_memory();
        // One that is too short to be looked for, or is a word of the runbook, cannot be replaced; it is shown by nothing.
        if self.hold(PASSWORD, password).is_ok() {
            self.guard_last_words();
        }
        let askpass = Askpass::open(program, password.to_owned())?;
        Ok(self.exchange_password(Some(askpass)))
    }

    /// Holds this one, or none, in place of the one before.
    pub(super) fn exchange_password(&self, askpass: Option<Askpass>) -> Option<Askpass> {
        std::mem::replace(&mut self.0.write().unwrap_or_else(PoisonError::into_inner).askpass, askpass)
    }

    /// The program that sudo asks.
    pub(super) fn askpass(&self) -> Option<PathBuf> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).askpass.as_ref().map(Askpass::program)
    }

    /// An optional one has no value.
    pub fn leave_out(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).left_out.insert(name.to_owned());
    }

    /// Names texts that the run is made of: its runbook, where and by whom it runs. To replace a word of them would
    /// make another run of it, and a secret that stands in them is known already.
    ///
    /// # Errors
    /// Which secret stands in which of them.
    pub fn open_texts(&self, texts: Vec<(String, String)>) -> Result<(), SecretFault> {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.open = texts;
        held.values.iter().try_for_each(|(name, value)| stands_open(&held.open, name, value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values.is_empty()
    }

    /// Whether one of this name is held.
    pub fn holds(&self, name: &str) -> bool {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.values.contains_key(name) || held.left_out.contains(name)
    }

    /// A text in which every secret is replaced.
    pub fn redact(&self, text: &str) -> String {
        match &self.0.read().unwrap_or_else(PoisonError::into_inner).redactor {
            Some(redactor) => redactor.whole(text),
            None => text.to_owned(),
        }
    }

    /// The same for every text of a record: nothing goes past it into the journal.
    pub(super) fn redact_record(&self, record: &Record) -> Record {
        if self.is_empty() {
            return record.clone();
        }
        let Ok(Value::Object(mut fields)) = serde_json::to_value(record) else { return record.clone() };
        for (name, value) in &mut fields {
            if !STRUCTURE.contains(&name.as_str()) {
                self.redact_value(value);
            }
        }
        serde_json::from_value(Value::Object(fields)).expect("texts replace texts")
    }

    fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) if WORDS.contains(&text.as_str()) => {}
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.redact_value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What must not come out of a command that gives these values.
    pub(super) fn redaction(&self, captures: &[CaptureLine]) -> Redaction {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let secret =
            |(name, value): (&String, &String)| Secret { name: name.clone(), value: value.clone().into_bytes() };
        let captures = captures.iter().filter(|line| line.secret).map(capture_of);
        Redaction { secrets: held.values.iter().map(secret).collect(), captures: captures.collect() }
    }

    /// The filters of such a command.
    pub(super) fn filters(&self, captures: &[CaptureLine]) -> Filters {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).redactor.as_ref().map(Redactor::fresh);
        Filters::with(known, &self.redaction(captures))
    }

    /// Holds what a command gave; what is recorded of it.
    ///
    /// # Errors
    /// In words, why it cannot be held.
    pub(super) fn take(&self, taken: Taken) -> Result<BTreeMap<String, Value>, String> {
        let mut captured = BTreeMap::new();
        for secret in taken? {
            let value = String::from_utf8(secret.value).map_err(|_| "the output is not UTF-8".to_owned())?;
            self.hold(&secret.name, &value).map_err(|fault| fault.to_string())?;
            captured.insert(secret.name.clone(), Value::String(stand_in(&secret.name)));
        }
        Ok(captured)
    }

    /// Whether a step can be given everything that it asks for.
    pub(super) fn reach(&self, resolved: &Resolved, goes_in_words: GoesInWords) -> Result<(), SecretFault> {
        if let (Some(user), Sudo::AsksSession) = (&resolved.at.user, resolved.at.sudo) {
            let user = user.clone();
            if self.askpass().is_none() {
                return Err(SecretFault::NoPassword { user });
            }
            if resolved.armed.is_some() {
                return Err(SecretFault::ArmedAsks { user });
            }
        }
        let places = std::iter::once(resolved).chain(&resolved.on);
        places.flat_map(|one| one.commands().into_iter().map(move |line| (one, line))).try_for_each(|(one, line)| {
            if let Some(name) = line.secrets.names().find(|name| !self.holds(name)) {
                return Err(SecretFault::Missing { name: name.to_owned() });
            }
            let far = one.at.via == Via::Ssh && matches!(one.work, Work::Terminal(_));
            let in_words = far || goes_in_words(&one.at);
            let first = line.secrets.env.values().flatten().find_map(name_of);
            if let (true, Some(name)) = (in_words, first) {
                return Err(SecretFault::InWords { name: name.to_owned(), place: one.at.words("you") });
            }
            let input = self.filled(line.secrets.stdin.as_deref().unwrap_or_default());
            match line.secrets.stdin.iter().flatten().find_map(name_of) {
                Some(name) if one.at.via == Via::Ssh && input.len() > LONGEST_PIPED => {
                    Err(SecretFault::TooLong { name: name.to_owned(), length: input.len() })
                }
                Some(_) | None => Ok(()),
            }
        })
    }

    /// The variables of a command with their secrets in them.
    pub(super) fn environment(&self, line: &CommandLine) -> BTreeMap<String, String> {
        line.secrets.env.iter().map(|(name, parts)| (name.clone(), self.filled(parts))).collect()
    }

    /// What a command reads, where secrets are in it.
    pub(super) fn input(&self, line: &CommandLine) -> Option<String> {
        line.secrets.stdin.as_ref().map(|parts| self.filled(parts))
    }

    fn filled(&self, parts: &[Part]) -> String {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Secret(name) => held.values.get(name).cloned().unwrap_or_default(),
        };
        parts.iter().map(part).collect()
    }

    /// From now on a panic and the last words of the program say nothing of these secrets.
    pub fn guard_last_words(&self) {
        LAST.write().unwrap_or_else(PoisonError::into_inner).clone_from(self);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let text = panic.to_string();
            let said = last_words(&text);
            if said == text {
                before(panic);
            } else {
                eprintln!("{}", crate::text::plain_lines(&said));
            }
        }));
    }
}

impl Place {
    /// Whether the environment of a command is words of another one (`docker exec`, `sudo`) on its way to a place.
    pub(super) fn goes_in_words(&self, at: &TargetLine) -> bool {
        let other = |user: &String| !at.is_here() || !self.is_operator(user);
        matches!(at.via, Via::Prefix(_)) || at.user.as_ref().is_some_and(other)
    }
}

/// The secrets of the program's only session.
static LAST: LazyLock<RwLock<Secrets>> = LazyLock::new(RwLock::default);

/// A text that leaves the program past every session: an error, a panic.
pub fn last_words(text: &str) -> String {
    LAST.read().unwrap_or_else(PoisonError::into_inner).redact(text)
}

/// What stands for a secret in a record.
pub fn stand_in(name: &str) -> String {
    format!("[redacted:{name}]")
}

/// Refuses a value that is known to everybody who reads the run.
fn stands_open(open: &[(String, String)], name: &str, value: &str) -> Result<(), SecretFault> {
    match open.iter().find(|(_, text)| text.contains(value.trim_end_matches(['\n', '\r']))) {
        Some((place, _)) => Err(SecretFault::Open { name: name.to_owned(), place: place.clone() }),
        None => Ok(()),
    }
}

/// Words of the journal itself. A text that is such a word says nothing of a secret that is the same word.
const WORDS: [&str; 8] = [
    "signaled",
    "timed_out",
    "not_started",
    "measured",
    "after_check",
    "destructive",
    "nothing_to_repair",
    "not_repaired",
];

fn name_of(part: &Part) -> Option<&str> {
    match part {
        Part::Secret(name) => Some(name),
        Part::Text(_) => None,
    }
}

/// How a value is taken, as `exec` knows it.
pub(super) fn capture_of(line: &CaptureLine) -> Capture {
    use exec::Take;
    let take = match (&line.r#match, &line.json, line.lines) {
        (Some(regex), _, _) => Take::Match(regex.clone()),
        (None, Some(path), _) => Take::Json(path.clone()),
        (None, None, true) => Take::Lines,
        (None, None, false) => Take::Whole,
    };
    Capture { name: line.name.clone(), take, pattern: line.pattern.clone() }
}

impl std::fmt::Debug for Secrets {
    /// Names only.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        formatter.debug_tuple("Secrets").field(&held.values.keys().collect::<Vec<_>>()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::{Close, Event, Moment, Who};

    const TOKEN: &str = "hunter2-hunter2";

    fn held() -> Secrets {
        let secrets = Secrets::default();
        secrets.hold("token", TOKEN).unwrap();
        secrets
    }

    fn record(event: Event) -> Record {
        Record { v: 1, run: "7f3a-k2".to_owned(), epoch: 1, seq: 4, at: Moment::default(), event }
    }

    fn line(at: crate::engine::resolve::TargetLine, secrets: crate::engine::resolve::SecretTexts) -> Resolved {
        let runbook = "locum: 1\ntitle: t\ndiagnose: [{ check: 'true', id: a }]\n";
        let loaded = crate::load::load("a", crate::source::SourceFile::new("a.yaml", runbook));
        let plan = crate::engine::Plan::new(Arc::new(loaded.runbook.unwrap()));
        let run = crate::engine::Run::new("7f3a-k2");
        let key = crate::engine::Key::new("a".to_owned());
        let mut resolved = crate::engine::resolve::Resolver::new(&plan, &run, Some(&key)).step(&key).unwrap();
        resolved.at = at;
        let crate::engine::resolve::Work::Test(crate::engine::resolve::TestLine::Command(command)) = &mut resolved.work
        else {
            unreachable!("a check of a command")
        };
        command.secrets = secrets;
        resolved
    }

    fn in_words(at: &TargetLine) -> bool {
        at.user.is_some() || matches!(at.via, Via::Prefix(_))
    }

    fn part(name: &str) -> Vec<Part> {
        vec![Part::Text("Bearer ".to_owned()), Part::Secret(name.to_owned())]
    }

    fn in_env(name: &str) -> crate::engine::resolve::SecretTexts {
        crate::engine::resolve::SecretTexts { env: [("T".to_owned(), part(name))].into(), stdin: None }
    }

    #[test]
    fn every_text_of_a_record_is_redacted_and_its_structure_is_not() {
        let secrets = held();
        let said = format!("it is {TOKEN}, in hex 68756e746572322d68756e74657232");
        let noted = secrets.redact_record(&record(Event::Noted { text: said }));
        assert_eq!(noted, record(Event::Noted { text: "it is [redacted:token], in hex [redacted:token]".to_owned() }));
        let who = Who { claimed: "pepe".to_owned(), ..Who::default() };
        let plain = record(Event::Noted { text: format!("{who:?}") });
        assert_eq!(secrets.redact_record(&plain), plain);
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_journal_breaks_no_record() {
        for word in WORDS {
            let secrets = Secrets::default();
            secrets.hold("token", word).unwrap();
            let closed = record(Event::RunClosed { outcome: Close::NotRepaired, reason: format!("it was {word}") });
            let redacted = secrets.redact_record(&closed);
            let reason = "it was [redacted:token]".to_owned();
            assert_eq!(redacted, record(Event::RunClosed { outcome: Close::NotRepaired, reason }));
        }
    }

    #[test]
    fn the_words_of_the_journal_are_all_that_are_long_enough() {
        use crate::engine::record::{Does, EndResult, Judged, Mode, Rerun};
        let mut words = Vec::new();
        let mut add = |value: Value| words.extend(value.as_str().map(str::to_owned));
        for word in
            [EndResult::Exited, EndResult::Signaled, EndResult::TimedOut, EndResult::NotStarted, EndResult::Measured]
        {
            add(serde_json::to_value(word).unwrap());
        }
        for word in [Judged::Passed, Judged::Failed, Judged::Unknown] {
            add(serde_json::to_value(word).unwrap());
        }
        for word in [Rerun::Look, Rerun::Safe, Rerun::AfterCheck, Rerun::Never] {
            add(serde_json::to_value(word).unwrap());
        }
        for word in [Close::Done, Close::NothingToRepair, Close::NotRepaired] {
            add(serde_json::to_value(word).unwrap());
        }
        for word in [Mode::Live, Mode::Drill, Mode::Look] {
            add(serde_json::to_value(word).unwrap());
        }
        for word in [Does::Look, Does::Change, Does::Undo] {
            add(serde_json::to_value(word).unwrap());
        }
        words.extend(crate::model::Risk::WORDS.iter().map(|word| (*word).to_owned()));
        words.retain(|word| word.len() >= 8);
        words.sort_unstable();
        let mut known = WORDS.map(str::to_owned).to_vec();
        known.sort_unstable();
        assert_eq!(words, known);
    }

    #[test]
    fn a_step_gets_what_is_held_and_is_refused_without_it() {
        let here = crate::engine::resolve::TargetLine::default();
        let resolved = line(here.clone(), in_env("token"));
        assert_eq!(held().reach(&resolved, &in_words), Ok(()));
        assert_eq!(held().environment(resolved.commands()[0])["T"], "Bearer hunter2-hunter2");
        let missing = Secrets::default().reach(&resolved, &in_words).unwrap_err();
        assert!(missing.to_string().starts_with("the secret `token` is not held in this session"), "{missing}");
        let optional = Secrets::default();
        optional.leave_out("token");
        assert_eq!(optional.reach(&resolved, &in_words), Ok(()));
        assert_eq!(optional.environment(resolved.commands()[0])["T"], "Bearer ");
    }

    #[test]
    fn a_secret_never_travels_as_a_word() {
        let prefix = Via::Prefix(vec!["docker".to_owned(), "exec".to_owned()]);
        let at = crate::engine::resolve::TargetLine { via: prefix, host: "kyousuke".to_owned(), ..Default::default() };
        assert!(matches!(
            held().reach(&line(at.clone(), in_env("token")), &in_words),
            Err(SecretFault::InWords { .. })
        ));
        let user = crate::engine::resolve::TargetLine { user: Some("postgres".to_owned()), ..Default::default() };
        assert!(matches!(held().reach(&line(user, in_env("token")), &in_words), Err(SecretFault::InWords { .. })));
        let far = crate::engine::resolve::TargetLine { via: Via::Ssh, ..Default::default() };
        let mut terminal = line(far.clone(), in_env("token"));
        assert_eq!(held().reach(&terminal, &in_words), Ok(()));
        terminal.work = Work::Terminal(terminal.commands()[0].clone());
        assert!(
            matches!(held().reach(&terminal, &in_words), Err(SecretFault::InWords { .. })),
            "ssh is told the program in words"
        );
        let stdin = crate::engine::resolve::SecretTexts { env: BTreeMap::new(), stdin: Some(part("token")) };
        assert_eq!(held().reach(&line(at, stdin), &in_words), Ok(()));
    }

    fn place() -> Place {
        Place {
            environment: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
            cwd: std::path::PathBuf::from("/srv"),
            home: std::path::PathBuf::from("/home/pepe"),
            host: "kyousuke".to_owned(),
            at: TargetLine::default(),
            sockets: crate::exec::Sockets::default(),
            lab: None,
            channels: BTreeMap::new(),
            secrets: Secrets::default(),
            editor: "vi".to_owned(),
        }
    }

    #[test]
    fn only_another_account_or_a_prefix_makes_words_of_an_environment() {
        let of = |via: Via, user: &str| {
            place().goes_in_words(&TargetLine { via, user: Some(user.to_owned()), ..TargetLine::default() })
        };
        let me = if rustix::process::geteuid().is_root() { "root" } else { "pepe" };
        let mut place = place();
        place.environment.insert("LOGNAME".to_owned(), me.to_owned());
        let myself = TargetLine { user: Some(me.to_owned()), ..TargetLine::default() };
        assert!(!place.goes_in_words(&myself) && !place.goes_in_words(&TargetLine::default()));
        assert!(of(Via::Here, "postgres") && of(Via::Ssh, me) && of(Via::Prefix(vec!["x".to_owned()]), me));
    }

    #[test]
    fn what_everybody_can_read_is_no_secret() {
        let secrets = held();
        let told = secrets.open_texts(vec![("`runbook.yaml`".to_owned(), format!("password={TOKEN}"))]).unwrap_err();
        assert!(told.to_string().starts_with("the secret `token` stands in `runbook.yaml`"), "{told}");
        let later = Secrets::default();
        later.open_texts(vec![("the name of the machine".to_owned(), "kyousuke".to_owned())]).unwrap();
        assert!(later.hold("token", "kyousuke").unwrap_err().to_string().contains("the name of the machine"));
        assert!(!later.holds("token"));
    }

    #[test]
    fn a_value_that_cannot_be_one_is_refused_and_the_others_stay() {
        let secrets = held();
        let short = secrets.hold("pin", "1234").unwrap_err().to_string();
        assert_eq!(short, "secret `pin` has 4 bytes, expected at least 8; choose a longer one");
        assert!(secrets.hold("nul", "abcdefgh\0").is_err());
        assert_eq!(secrets.redact("1234 hunter2-hunter2"), "1234 [redacted:token]");
        assert!(secrets.holds("token") && !secrets.holds("pin"));
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[test]
    fn what_a_step_gave_is_held_and_recorded_by_its_name() {
        let secrets = held();
        let taken = vec![Secret { name: "key".to_owned(), value: b"correct horse".to_vec() }];
        let captured = secrets.take(Ok(taken)).unwrap();
        assert_eq!(captured["key"], "[redacted:key]");
        assert_eq!(secrets.redact("correct horse hunter2-hunter2"), "[redacted:key] [redacted:token]");
        assert_eq!(secrets.take(Err("nothing".to_owned())).unwrap_err(), "nothing");
    }
}
