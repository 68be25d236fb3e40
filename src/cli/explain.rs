//! `locum explain CODE`: what a code of `lint` means, with an example.

use std::fmt::Write as _;

use clap::Args;

use super::Outcome;
use super::outcome::CliError;
use crate::diagnostic::Code;
use crate::diagnostic::Severity;
use crate::diagnostic::render::{Colour, Format, render};
use crate::engine::Exit;
use crate::load::load;
use crate::text::{plain_lines, suggest};
use crate::yaml::read_text;

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// The code, such as `unknown-key`; without one, all are listed
    pub code: Option<String>,
}

/// Prints an explanation.
pub fn explain(args: &ExplainArgs) -> Outcome {
    let Some(name) = &args.code else {
        print!("{}", listed());
        return Ok(Exit::Done);
    };
    let Some(code) = Code::from_name(name) else {
        let near = suggest(name, Code::ALL.iter().map(|code| code.name()));
        let near =
            near.map_or_else(|| "; `locum explain` lists them".to_owned(), |near| format!("; did you mean `{near}`?"));
        return Err(CliError::new(Exit::Usage, format!("there is no code `{name}`{near}")));
    };
    print!("{}", explained(code));
    Ok(Exit::Done)
}

/// Every code, with the first sentence of its explanation.
fn listed() -> String {
    let width = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or_default();
    let first = |code: &Code| code.explanation().split_inclusive(". ").next().unwrap_or_default().trim_end();
    Code::ALL.iter().fold(String::new(), |mut text, code| {
        let _ = writeln!(text, "{:width$}  {}", code.name(), first(code));
        text
    })
}

/// The explanation, a runbook that has the problem, and what `lint` says of it.
fn explained(code: Code) -> String {
    let (file, unreadable) = read_text("example.yaml", code.example().to_vec());
    let source = plain_lines(&file.text().replace('\t', "<TAB>"));
    let problems = unreadable.map_or_else(|| crate::lint::lint(&load("example", file)), |problem| vec![problem]);
    let kind = match code.severity() {
        Severity::Error => "an error: the runbook does not run",
        Severity::Warning => "a warning: the runbook runs",
        Severity::Note => "advice",
    };
    let indented: Vec<_> = source.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "{} ({kind})\n\n{}\n\nFor example:\n\n{}\n{}",
        code.name(),
        code.explanation(),
        indented.concat(),
        render(&problems, Format::Full, Colour::Off),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_with_an_example_that_shows_it() {
        for code in Code::ALL {
            let text = explained(*code);
            assert!(text.contains(code.explanation()), "{}", code.name());
            assert!(text.contains(&format!("[{}]", code.name())), "{text}");
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_code_has_a_suggestion() {
        let error = explain(&ExplainArgs { code: Some("unknwon-key".to_owned()) }).expect_err("there is none");
        assert_eq!(error.exit, Exit::Usage);
        assert_eq!(error.error.to_string(), "there is no code `unknwon-key`; did you mean `unknown-key`?");
    }

    #[test]
    fn the_list_names_every_code_once() {
        let text = listed();
        assert_eq!(text.lines().count(), Code::ALL.len());
        assert!(text.lines().all(|line| line.ends_with(['.', ':'])), "{text}");
    }
}
