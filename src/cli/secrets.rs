//! Secrets are drawn before a run begins or goes on, for this operator and this session: from where the runbook says,
//! from where the operator says, or from the keyboard.

use std::collections::BTreeMap;
use std::io::Read;

use clap::Args;

use super::outcome::CliError;
use super::surroundings::variable;
use super::unseen::{Typed, ask};
use crate::engine::Exit;
use crate::exec::{self, CommandSpec, Shell, shell_argv};
use crate::model::runbook::Input;
use crate::model::secret::Origin;
use crate::model::{Command, Runbook};
use crate::session::place::Place;
use crate::text::{plain, suggest};

/// Where secrets come from, said on the command line.
#[derive(Clone, Debug, Default, Args)]
pub struct Given {
    /// Where a secret comes from: `env:VARIABLE`, `fd:3` or `prompt`; never the value itself
    #[arg(long = "secret", value_name = "NAME=FROM")]
    pub secrets: Vec<String>,
}

/// Whether somebody can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    There,
    Absent,
}

/// A place that a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Command(Vec<String>),
    Env(String),
    Fd(u32),
    Prompt,
}

/// A secret that is wanted.
struct Wanted<'a> {
    name: String,
    about: String,
    input: Option<&'a Input>,
}

/// What is taken over from the operator's environment besides what every command gets: what reaches the keeper of a
/// password and lets it ask.
const KEEPERS: [&str; 6] =
    ["GPG_TTY", "GNUPGHOME", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"];

impl Given {
    /// Draws every secret of a runbook into a place; `captured` are those that steps of the run gave before.
    pub fn draw(
        &self,
        runbook: &Runbook,
        captured: &[(String, String)],
        place: &Place,
        person: Person,
    ) -> Result<(), CliError> {
        let inputs = runbook.head.inputs.iter().filter(|(_, input)| input.secret);
        let wanted: Vec<_> = inputs
            .map(|(name, input)| {
                let about = input.about.as_ref().map(|about| about.source.clone()).unwrap_or_default();
                Wanted { name: name.clone(), about, input: Some(input) }
            })
            .chain(captured.iter().map(|(name, step)| {
                let about = format!("step {step} gave it; it is kept by nobody, Enter goes on without it");
                Wanted { name: name.clone(), about, input: None }
            }))
            .filter(|wanted| !place.secrets.holds(&wanted.name))
            .collect();
        let mut said = self.sources()?;
        if let Some(found) = said.keys().find(|name| wanted.iter().all(|wanted| wanted.name != **name)) {
            let near = suggest(found, wanted.iter().map(|wanted| wanted.name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(CliError::new(Exit::Usage, format!("`{found}` is no secret of this runbook{near}")));
        }
        for wanted in &wanted {
            let said = said.remove(&wanted.name);
            draw_one(wanted, said.as_ref(), place, person)?;
        }
        if !place.secrets.is_empty() {
            place.secrets.guard_last_words();
        }
        Ok(())
    }

    fn sources(&self) -> Result<BTreeMap<String, Source>, CliError> {
        let source = |text: &String| {
            let (name, from) = text.split_once('=')?;
            let source = match from.split_once(':') {
                Some(("env", name)) if !name.is_empty() => Source::Env(name.to_owned()),
                Some(("fd", number)) => Source::Fd(number.parse().ok()?),
                None if from == "prompt" => Source::Prompt,
                _ => return None,
            };
            Some((name.to_owned(), source))
        };
        // What was given could be the secret itself, so it is not said again.
        let wrong = || {
            let message = "`--secret` takes `NAME=env:VARIABLE`, `NAME=fd:3` or `NAME=prompt`, never the value itself";
            CliError::new(Exit::Usage, message)
        };
        self.secrets.iter().map(|text| source(text).ok_or_else(wrong)).collect()
    }
}

/// Draws one secret: from where it is said to come from, else from a person.
fn draw_one(wanted: &Wanted, said: Option<&Source>, place: &Place, person: Person) -> Result<(), CliError> {
    let name = &wanted.name;
    let origin = wanted.input.and_then(|input| input.from.as_ref()).map(source_of);
    let chosen = said.cloned().or(origin);
    let mut why = "nobody can be asked for it".to_owned();
    if let Some(source) = chosen.filter(|source| *source != Source::Prompt) {
        match drawn_from(&source, place).and_then(|value| fits(wanted, value)) {
            Ok(value) => return hold(name, &value, place),
            Err(reason) => why = reason,
        }
        if said.is_some() {
            return Err(CliError::new(Exit::Environment, format!("secret `{name}`: {why}; nothing ran")));
        }
        if person == Person::There {
            eprintln!("secret `{name}`: {}", plain(&why));
        }
    }
    let may_miss = wanted.input.is_none_or(|input| input.optional);
    if person == Person::There {
        return asked_for(wanted, may_miss, place);
    }
    if may_miss {
        left_out(wanted, place);
        return Ok(());
    }
    let help = format!("give it with `--secret {name}=env:VARIABLE` or `--secret {name}=fd:3`");
    Err(CliError::new(
        Exit::PersonNeeded,
        format!("secret `{name}` has no value: {}; {help}; nothing ran", plain(&why)),
    ))
}

fn asked_for(wanted: &Wanted, may_miss: bool, place: &Place) -> Result<(), CliError> {
    let name = &wanted.name;
    let about = if wanted.about.is_empty() { String::new() } else { format!(" ({})", plain(&wanted.about)) };
    loop {
        let typed = ask(&format!("{name}{about}, nothing is shown> "))?;
        match typed {
            Typed::Line(line) if line.is_empty() && may_miss => {
                left_out(wanted, place);
                return Ok(());
            }
            Typed::Line(line) if !line.is_empty() => {
                let held = fits(wanted, line).map_err(|why| CliError::new(Exit::Usage, why));
                match held.and_then(|value| hold(name, &value, place)) {
                    Ok(()) => return Ok(()),
                    Err(error) => eprintln!("{}", plain(&error.error.to_string())),
                }
            }
            Typed::Line(_) | Typed::Nothing => {
                let message = format!("no value for the secret `{name}`; nothing ran");
                return Err(CliError::new(Exit::PersonNeeded, message));
            }
        }
    }
}

/// An optional input without a value is empty; what a step gave and nobody knows is missing where it is needed.
fn left_out(wanted: &Wanted, place: &Place) {
    if wanted.input.is_some() {
        place.secrets.leave_out(&wanted.name);
    }
}

fn hold(name: &str, value: &str, place: &Place) -> Result<(), CliError> {
    place.secrets.hold(name, value).map_err(|fault| CliError::new(Exit::Usage, format!("{fault}; nothing ran")))
}

fn source_of(origin: &Origin) -> Source {
    match origin {
        Origin::Command(Command::Script(text)) => Source::Command(shell_argv(Shell::Bash, &text.source)),
        Origin::Command(Command::Argv(words, _)) => {
            Source::Command(words.iter().map(|word| word.source.clone()).collect())
        }
        Origin::Env(name) => Source::Env(name.value.clone()),
        Origin::Fd(number) => Source::Fd(*number),
    }
}

/// The value, without the line break at its end; in words, why there is none.
fn drawn_from(source: &Source, place: &Place) -> Result<String, String> {
    let bytes = match source {
        Source::Command(argv) => {
            let mut env = place.environment.clone();
            env.extend(KEEPERS.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))));
            exec::printed(&CommandSpec::new(argv.clone(), env, &place.cwd))?
        }
        Source::Env(name) => variable(name).ok_or_else(|| format!("the variable `{name}` is not set"))?.into_bytes(),
        Source::Fd(number) => {
            let failed = |error| format!("cannot read the descriptor {number}: {error}");
            let file = std::fs::File::open(format!("/dev/fd/{number}")).map_err(failed)?;
            let mut bytes = Vec::new();
            file.take(64 << 10).read_to_end(&mut bytes).map_err(failed)?;
            bytes
        }
        Source::Prompt => Vec::new(),
    };
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// What is said of a value that does not fit never shows it.
fn fits(wanted: &Wanted, value: String) -> Result<String, String> {
    let whole = wanted.input.and_then(Input::whole_pattern);
    match whole.map(|whole| regex::Regex::new(&whole).is_ok_and(|whole| whole.is_match(&value))) {
        Some(false) => Err(format!("the secret `{}` does not match its pattern", wanted.name)),
        Some(true) | None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(given: &[&str]) -> Result<BTreeMap<String, Source>, String> {
        let given = Given { secrets: given.iter().map(|text| (*text).to_owned()).collect() };
        given.sources().map_err(|error| error.error.to_string())
    }

    #[test]
    fn a_source_is_named_and_a_value_is_not_taken() {
        let found = sources(&["a=env:TOKEN", "b=fd:3", "c=prompt"]).unwrap();
        assert_eq!(found["a"], Source::Env("TOKEN".to_owned()));
        assert_eq!((&found["b"], &found["c"]), (&Source::Fd(3), &Source::Prompt));
        for wrong in ["a=hunter2-hunter2", "a=env:", "a=fd:x", "a", "hunter2-hunter2"] {
            let said = sources(&[wrong]).unwrap_err();
            assert!(said.contains("never the value itself") && !said.contains("hunter2"), "{said}");
        }
    }
}
