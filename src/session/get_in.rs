//! Getting in, before anything else: every place that the run uses is asked whether it can be reached, as whom, whether
//! the programs are there and whether it is the place that is meant. Nothing is changed by it.
//!
//! Each place is tried first as the run itself will do it, without a terminal. Only where that fails and a person is
//! there, OpenSSH asks what it asks on the person's own terminal, and the password that sudo wants on this machine is asked
//! for here and held for the session; then it is tried again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::ask::{Asker, Wanted};
use super::stop::Stop;
use super::versions::{ASK, versions};
use super::{Session, Trouble, run_on_terminal};
use crate::engine::command::Command;
use crate::engine::record::{Access, Judged};
use crate::engine::resolve::{CommandLine, PlaceLine, SecretTexts, Sudo, TargetLine, TestLine, Via, places};
use crate::exec;
use crate::text::plain;
use crate::text::shell::join;

/// How long a place may take to say that it is there.
const WITHIN: std::time::Duration = std::time::Duration::from_secs(20);

/// Names every word that is no program.
const MISSING: &str = "for c in \"$@\"; do command -v -- \"$c\" >/dev/null 2>&1 || printf '%s\\n' \"$c\"; done";

/// Who can be asked for a passphrase, a code, or about a host key.
#[derive(Clone, Copy)]
pub enum Asking<'a> {
    /// The person at this terminal; by the function for a line that is not shown, if they type one.
    Terminal(&'a dyn Fn(&str) -> Option<String>),
    Nobody,
}

/// How often a password may be wrong.
const PASSWORDS: usize = 3;

impl Session {
    /// Tries every place of the run, and puts on record what it gave; `tell` hears each before the next is tried.
    pub fn get_in(&mut self, asking: Asking<'_>, tell: &mut dyn FnMut(&Access)) -> Result<Vec<Access>, Trouble> {
        let used = places(&self.plan, &self.run);
        let mut all = Vec::new();
        for (number, line) in used.known.into_iter().enumerate() {
            let asker = self.asker(&self.next_attempt());
            let program = self.program.clone();
            let blob = self.folder.blobs().join(format!("access-{}-{number}.out", self.run.next_seq));
            let mut door = Door { asker, line, asking, program, blob, access: Access::default() };
            door.try_it();
            all.push(self.got_in(door.access, tell)?);
        }
        for (target, why) in used.not_known {
            let access = Access {
                place: plain(&target),
                judged: Judged::Unknown,
                found: vec![plain(&why)],
                ..Access::default()
            };
            all.push(self.got_in(access, tell)?);
        }
        Ok(all)
    }

    fn got_in(&mut self, access: Access, tell: &mut dyn FnMut(&Access)) -> Result<Access, Trouble> {
        tell(&access);
        self.commit(Command::GetIn(access.clone()))?;
        Ok(access)
    }
}

/// One place while it is tried.
struct Door<'a> {
    asker: Asker,
    line: PlaceLine,
    asking: Asking<'a>,
    program: PathBuf,
    blob: PathBuf,
    access: Access,
}

impl Door<'_> {
    /// As far as it goes: behind the first thing that fails nothing else can be told.
    fn try_it(&mut self) {
        self.access.judged = Judged::Passed;
        self.access.place = self.name();
        let _ = self.way().and_then(|()| self.user()).and_then(|()| self.programs()).and_then(|()| self.prove());
        if self.access.judged != Judged::Failed {
            self.versions();
        }
        let _ = std::fs::remove_file(&self.blob);
    }

    fn at(&self) -> &TargetLine {
        &self.line.at
    }

    /// What it is called: the machine, as whom, and by which words.
    fn name(&self) -> String {
        let at = self.at();
        let host = if at.host.is_empty() { &self.asker.place.host } else { &at.host };
        let user = at.user.as_ref().map_or_else(String::new, |user| format!(" as {user}"));
        let by = match &at.via {
            Via::Prefix(words) => format!(" by {}", words.first().map_or("", String::as_str)),
            Via::Here | Via::Ssh => String::new(),
        };
        plain(&format!("{host}{user}{by}"))
    }

    fn way(&mut self) -> Result<(), ()> {
        let bare = TargetLine { user: None, ..self.at().clone() };
        match bare.via.clone() {
            Via::Here => Ok(()),
            Via::Ssh => {
                let mut found = self.reach(&bare);
                if found.is_err() && matches!(self.asking, Asking::Terminal(_)) {
                    let _ = run_on_terminal(&exec::ssh_on_terminal(&bare.line, &bare.host, &self.asker.place.sockets));
                    found = self.reach(&bare);
                }
                let remedy = |said: &str| ssh_remedy(&bare.host, said);
                self.take("ssh", found, remedy)
            }
            Via::Prefix(words) => {
                let remedy = |_: &str| format!("this must work by hand first: {} true", join(&words));
                let found = self.reach(&bare);
                self.take(words.first().map_or("", String::as_str), found, remedy)
            }
        }
    }

    fn user(&mut self) -> Result<(), ()> {
        let at = self.at().clone();
        let Some(user) = at.user.clone() else { return Ok(()) };
        if at.is_here() && self.asker.place.is_operator(&user) {
            return Ok(());
        }
        let mut found = self.reach(&at);
        if let (Err(_), true, Asking::Terminal(typed)) = (&found, at.is_here(), self.asking) {
            found = self.with_password(&at, &user, typed);
        }
        let place = self.access.place.clone();
        let remedy = move |_: &str| {
            format!(
                "locum runs `sudo -n -u {user}` without a terminal, so on {place} sudo must not ask there: \
                 `NOPASSWD:` for what the runbook runs; on this machine a password can also be typed, into a run on a terminal"
            )
        };
        self.take("sudo", found, remedy)
    }

    /// Asks for the password that sudo wants, tries it as the run will use it, and holds it for this session.
    fn with_password(
        &mut self,
        at: &TargetLine,
        user: &str,
        typed: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Vec<String>> {
        let at = TargetLine { sudo: Sudo::AsksSession, ..at.clone() };
        let secrets = self.asker.place.secrets.clone();
        let who = self.asker.place.environment.get("LOGNAME").map_or("you", String::as_str);
        let question = format!("sudo wants the password of {} for {}, nothing is shown> ", plain(who), plain(user));
        let mut found = Err(vec!["no password was given".to_owned()]);
        // What opened another account may open this one.
        let is_held = secrets.askpass().is_some();
        if is_held {
            found = self.reach(&at);
        }
        let mut before = None;
        for tried in 0..PASSWORDS {
            if found.is_ok() {
                break;
            }
            let again = if tried > 0 { "that is not it; " } else { "" };
            let Some(password) = typed(&format!("{again}{question}")).filter(|password| !password.is_empty()) else {
                break;
            };
            let held = secrets.hold_password(&self.program, &password);
            let held = held.map_err(|error| vec![plain(&error.to_string())])?;
            before = before.or(held.filter(|_| is_held));
            found = self.reach(&at);
        }
        match &found {
            Ok(()) => self.access.password_for = Some(user.to_owned()),
            Err(_) => drop(secrets.exchange_password(before)),
        }
        found
    }

    /// Whether a command runs there, as the run would run it; if not, what was said.
    fn reach(&self, at: &TargetLine) -> Result<(), Vec<String>> {
        let asker = Asker { place: self.asker.place.at(at), ..self.asker.clone() };
        let facts = asker.test(
            &TestLine::Command(line(vec!["true".to_owned()])),
            &Wanted::NOTHING,
            &self.blob,
            &Stop::default(),
        );
        if facts.judged == Judged::Passed {
            return Ok(());
        }
        // What the client itself said is the reason; the rest is how it looks from here.
        let said = std::fs::read_to_string(&self.blob).unwrap_or_default();
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(last.map_or(facts.found, |last| vec![plain(last)]))
    }

    fn take(
        &mut self,
        what: &str,
        found: Result<(), Vec<String>>,
        remedy: impl FnOnce(&str) -> String,
    ) -> Result<(), ()> {
        match found {
            Ok(()) => {
                self.access.held.push(plain(what));
                Ok(())
            }
            Err(said) => {
                let all = said.join("; ");
                // The client says its own name first, too.
                let all = all.strip_prefix(what).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&all).to_owned();
                self.access.judged = Judged::Failed;
                self.access.found.push(format!(
                    "{}: {}",
                    plain(what),
                    if all.is_empty() { "it ended without a word" } else { &all }
                ));
                self.access.remedy = Some(plain(&remedy(&all)));
                Err(())
            }
        }
    }

    fn programs(&mut self) -> Result<(), ()> {
        let declared = self.line.declared.clone();
        let missing = self.missing(&declared);
        match missing {
            Ok(missing) if missing.is_empty() => self.access.held.extend(declared.iter().map(|word| plain(word))),
            Ok(missing) => {
                let words = missing.join(", ");
                let remedy =
                    format!("install it on {}, or look whether PATH is the right one there", self.access.place);
                self.take("missing", Err(vec![words]), |_| remedy)?;
            }
            Err(why) => self.take("programs", Err(vec![why]), |_| "look whether `sh` runs there".to_owned())?,
        }
        let guessed: BTreeSet<_> =
            self.line.first_words.iter().filter(|word| !self.is_in_path(word)).cloned().collect();
        let missing = self.missing(&guessed).unwrap_or_default();
        if !missing.is_empty() {
            self.access.judged = Judged::Unknown;
            self.access.found.push(format!("not there now: {}", missing.join(", ")));
            self.access.remedy = Some("install it, unless a step before brings it".to_owned());
        }
        Ok(())
    }

    /// Whether a program is on this machine, told without starting anything.
    fn is_in_path(&self, word: &str) -> bool {
        let path = self.asker.place.environment.get("PATH").map_or("", String::as_str);
        let mut folders = path.split(':').map(|folder| PathBuf::from(folder).join(word));
        self.at().is_here() && self.at().user.is_none() && folders.any(|program| program.is_file())
    }

    fn missing(&self, words: &BTreeSet<String>) -> Result<Vec<String>, String> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        // What bash has built in is not missing where bash is.
        let script = format!(
            "command -v bash >/dev/null && exec bash -c {} sh \"$@\"\n{MISSING}",
            crate::text::shell::single_quote(MISSING)
        );
        let argv = ["sh", "-c", &script, "sh"].into_iter().chain(words.iter().map(String::as_str));
        let asker = Asker { place: self.asker.place.at(self.at()), ..self.asker.clone() };
        let exit = asker.run_look(&line(argv.map(str::to_owned).collect()), &self.blob, &Stop::default());
        let (exit, _) = exit.map_err(|error| plain(&super::ask::chain(&error)))?;
        if exit.code != Some(0) {
            return Err("they could not be looked for".to_owned());
        }
        let said = std::fs::read_to_string(&self.blob).map_err(|error| error.to_string())?;
        Ok(said.lines().map(str::trim).filter(|word| words.contains(*word)).map(plain).collect())
    }

    /// What the programs there say of their version; that one says none is no fault.
    fn versions(&mut self) {
        let words = self.line.declared.iter().chain(&self.line.first_words).cloned();
        let asked: BTreeSet<_> = words.chain(["bash".to_owned()]).collect();
        self.access.versions = self.say_versions(self.at(), &asked);
        if self.at().via == Via::Ssh {
            let ssh = BTreeSet::from(["ssh".to_owned()]);
            let here = self.say_versions(&TargetLine::default(), &ssh);
            self.access.versions.extend(here.into_iter().map(|version| format!("{version} here")));
        }
    }

    fn say_versions(&self, at: &TargetLine, asked: &BTreeSet<String>) -> Vec<String> {
        let argv = ["sh", "-c", ASK, "sh"].into_iter().chain(asked.iter().map(String::as_str));
        let asker = Asker { place: self.asker.place.at(at), ..self.asker.clone() };
        match asker.run_look(&line(argv.map(str::to_owned).collect()), &self.blob, &Stop::default()) {
            Ok((exit, _)) if exit.code == Some(0) => {
                let said = std::fs::read(&self.blob).unwrap_or_default();
                versions(&String::from_utf8_lossy(&said), asked)
            }
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    fn prove(&mut self) -> Result<(), ()> {
        let Some(prove) = self.at().prove.clone() else { return Ok(()) };
        let asker = Asker { place: self.asker.place.at(self.at()), ..self.asker.clone() };
        let proof = asker.prove(&prove, &self.blob, &Stop::default());
        let _ = std::fs::remove_file(self.blob.with_extension("prove.out"));
        if self.at().is_proved(&proof).is_ok() {
            self.access.held.push(format!("says {}", plain(&proof.got)));
            return Ok(());
        }
        let said = format!("it says {}, expected {}", plain(&proof.got), plain(&prove.prints));
        let remedy = format!(
            "`{}` there must print {}: is this the place that is meant?",
            plain(&prove.command.shown),
            plain(&prove.prints)
        );
        self.take("prove", Err(vec![said]), |_| remedy)
    }
}

fn line(argv: Vec<String>) -> CommandLine {
    CommandLine {
        shown: join(&argv),
        argv,
        env: std::collections::BTreeMap::new(),
        cwd: None,
        stdin: None,
        timeout: Some(WITHIN),
        warn_after: None,
        split: false,
        keep: true,
        secrets: SecretTexts::default(),
    }
}

/// What would help, by what OpenSSH said.
fn ssh_remedy(host: &str, said: &str) -> String {
    let host = plain(host);
    if said.contains("Host key verification failed") {
        return format!(
            "type `ssh {host}`, compare the fingerprint with the one your team gave you, and answer its question"
        );
    }
    if said.contains("Permission denied") {
        return format!("`ssh-add` your key, or type `ssh {host}` and see what it asks; then try again");
    }
    if said.contains("Could not resolve") {
        return format!("`{host}` is a name of your ~/.ssh/config or of the network; is it written there?");
    }
    format!("`ssh {host} true` must work by hand first")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_in_which_ssh_fails_has_its_own_remedy() {
        for (said, wanted) in [
            ("No ED25519 host key is known for kengo; Host key verification failed.", "compare the fingerprint"),
            ("pepe@kengo: Permission denied (publickey).", "ssh-add"),
            ("ssh: Could not resolve hostname kengo", "~/.ssh/config"),
            ("Connection timed out", "`ssh kengo true` must work by hand first"),
        ] {
            assert!(ssh_remedy("kengo", said).contains(wanted), "{said}");
        }
    }
}
