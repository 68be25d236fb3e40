//! `locum lint`: every problem of every runbook, with its place and its remedy.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::Outcome;
use super::outcome::CliError;
use super::surroundings::variable;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::render::{Colour, Format, render, summary};
use crate::engine::Exit;
use crate::host::cores;
use crate::load::load_with;
use crate::source::SourceFile;
use crate::workspace::files::{self, Content, Found};
use crate::workspace::{Workspace, is_id};

/// Arguments of `lint`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Warnings alone end in 0, an error ends in 1. `locum explain CODE` says what a code means.")]
pub struct LintArgs {
    /// Runbooks, or folders with runbooks [default: the folder `runbooks`]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How problems are written
    #[arg(long, value_enum, default_value_t)]
    pub format: LintFormat,
    /// The folder with the runbooks
    #[arg(long, env = "LOCUM_RUNBOOKS", value_name = "DIR")]
    pub runbooks: Option<PathBuf>,
}

/// How problems are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// With the lines of the file and carets
    #[default]
    Full,
    /// One line each
    Concise,
    /// One array
    Json,
}

impl From<LintFormat> for Format {
    fn from(format: LintFormat) -> Self {
        match format {
            LintFormat::Full => Self::Full,
            LintFormat::Concise => Self::Concise,
            LintFormat::Json => Self::Json,
        }
    }
}

/// Lints and prints.
pub fn lint(args: &LintArgs) -> Outcome {
    let paths =
        if args.paths.is_empty() { vec![default_folder(args.runbooks.as_deref())?] } else { args.paths.clone() };
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(CliError::new(Exit::Usage, format!("there is no file or folder `{}`", missing.display())));
    }
    let checked = check(&paths)?;
    let colour = if io::stdout().is_terminal() && variable("NO_COLOR").is_none() { Colour::On } else { Colour::Off };
    let text = printed(&checked, args.format, colour);
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    Ok(if checked.problems.iter().any(Diagnostic::is_error) { Exit::Findings } else { Exit::Done })
}

/// The folder of the workspace, as seen from here, so that places are short.
fn default_folder(named: Option<&Path>) -> Result<PathBuf, CliError> {
    let here = std::env::current_dir()?;
    let runbooks = Workspace::find(named, &here)?.runbooks;
    Ok(runbooks.strip_prefix(&here).map(Path::to_owned).unwrap_or(runbooks))
}

/// What was found in how many runbooks.
struct Checked {
    runbooks: usize,
    problems: Vec<Diagnostic>,
}

fn check(paths: &[PathBuf]) -> Result<Checked, CliError> {
    let found = files::find(paths)?;
    // A pool of threads costs more than one file.
    let results: Vec<_> = if found.len() < 4 {
        found.iter().map(check_one).collect()
    } else {
        cores::share(found.iter().collect(), check_one)
    };
    let mut checked = Checked { runbooks: 0, problems: Vec::new() };
    for result in results {
        if let Some(mut problems) = result? {
            checked.runbooks += 1;
            checked.problems.append(&mut problems);
        }
    }
    Ok(checked)
}

/// The problems of a file; nothing where it is no runbook.
fn check_one(found: &Found) -> Result<Option<Vec<Diagnostic>>, CliError> {
    Ok(match files::read(found)? {
        Content::Other => None,
        Content::Unreadable(problem) => Some(vec![*problem]),
        Content::Runbook(file) => {
            let id = found.path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
            Some(crate::lint::lint(&load_with(&id, file, &|other| beside(&found.path, other))))
        }
    })
}

/// A runbook in the same folder, for `include`.
fn beside(path: &Path, id: &str) -> Option<SourceFile> {
    if !is_id(id) {
        return None;
    }
    let path = path.with_file_name(format!("{id}.yaml"));
    if !std::fs::symlink_metadata(&path).is_ok_and(|kind| kind.is_file()) {
        return None;
    }
    match files::read(&Found { path, named: true }) {
        Ok(Content::Runbook(file)) => Some(file),
        Ok(_) | Err(_) => None,
    }
}

fn printed(checked: &Checked, format: LintFormat, colour: Colour) -> String {
    let mut text = render(&checked.problems, format.into(), colour);
    if format == LintFormat::Full {
        let plural = if checked.runbooks == 1 { "" } else { "s" };
        let _ = writeln!(text, "{} runbook{plural}: {}", checked.runbooks, summary(&checked.problems));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    const GOOD: &str = "locum: 1\ntitle: The forum is slow\nrepair:\n  - Restart the queue worker.\n";

    #[test]
    fn problems_come_in_the_order_of_the_files() {
        let bad = "locum: 1\ntitle: t\nrepair: [{ change: x, then: y }]\n";
        let folder = folder(&[
            ("b.yaml", bad),
            ("a.yaml", bad),
            ("c.yaml", GOOD),
            ("d.yaml", bad),
            ("people.yaml", "komari: x\n"),
        ]);
        let checked = check(&[folder.path().to_owned()]).expect("readable");
        assert_eq!(checked.runbooks, 4);
        let errors = checked.problems.iter().filter(|problem| problem.is_error());
        let names: Vec<_> =
            errors.map(|problem| problem.file.name().rsplit('/').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(names, ["a.yaml", "b.yaml", "d.yaml"]);
    }

    #[test]
    fn a_full_report_ends_with_a_count_and_the_others_do_not() {
        let folder = folder(&[("a.yaml", GOOD)]);
        let checked = check(&[folder.path().to_owned()]).expect("readable");
        assert_eq!(printed(&checked, LintFormat::Full, Colour::Off), "1 runbook: no problems\n");
        assert_eq!(printed(&checked, LintFormat::Concise, Colour::Off), "");
        assert_eq!(printed(&checked, LintFormat::Json, Colour::Off).trim(), "[]");
    }

    #[test]
    fn a_path_that_is_not_there_is_a_slip_of_the_command_line() {
        let args = LintArgs { paths: vec![PathBuf::from("no/such/folder")], format: LintFormat::Full, runbooks: None };
        assert_eq!(lint(&args).expect_err("it is not there").exit, Exit::Usage);
    }
}
