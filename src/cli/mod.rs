//! Arguments, output, exit codes: one file a subcommand.

pub mod as_root;
pub mod audit;
pub mod book;
pub mod confirm;
pub mod drill;
pub mod dry_run;
pub mod explain;
pub mod get_in;
pub mod kept;
pub mod lint;
pub mod log;
pub mod outcome;
pub mod preflight;
pub mod replay;
pub mod report;
pub mod resume;
pub mod reviewed;
pub mod run;
pub mod runs;
pub mod screen;
pub mod secrets;
pub mod show;
pub mod surroundings;
pub mod undo;
pub mod unseen;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::engine::Exit;
use outcome::CliError;

/// What the program is told.
#[derive(Debug, Parser)]
#[command(name = "locum", version, about, long_about = None, disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true, help_template = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The five that a night needs come first.
const HELP: &str = "\
locum {version}: runbooks as code, so that the second-in-command can repair a system when the only expert is ill

Usage: locum COMMAND

In the night
  run        step by step, guarded and recorded (--plain, --headless, --dry-run, --look)
  resume     go on with a run after a crash, a lost line or a pause
  undo       go the newest way back of a run, with its own card
  confirm    from a new login: keep a change that would go back by itself
  show       read a runbook in the terminal
  runs       the runs on this machine: open ones, closed ones
  report     what was done, by whom, with what result

To be ready
  drill      the same runbook in its lab; nothing real is touched
  preflight  can you get in, and what do the looks find: on the real system, as you

The record
  log        every record of a run, in words
  replay     a run shown once more, with its outputs; nothing runs
  audit      check a run's journal: chain, outputs

To write runbooks
  lint       every problem of every runbook, with its place and its remedy
  explain    what a code of `lint` means
  book       the runbooks as a site

{options}

The book has a chapter on each: `locum book build`. Exit codes: `locum run --help`.
";

#[derive(Debug, Subcommand)]
enum Command {
    /// Step by step, guarded and recorded
    Run(run::RunArgs),
    /// Go on with a run after a crash, a lost line or a pause
    Resume(resume::ResumeArgs),
    /// Go the newest way back of a run, with its own card
    Undo(undo::UndoArgs),
    /// From a new login: keep a change that would go back by itself
    Confirm(confirm::ConfirmArgs),
    /// The same runbook in its lab; nothing real is touched
    Drill(drill::DrillArgs),
    /// Whether you can get in, and what the looks find: on the real system, as you
    Preflight(preflight::PreflightArgs),
    /// Check a run's journal: chain, outputs
    Audit(audit::AuditArgs),
    /// Read a runbook in the terminal
    Show(show::ShowArgs),
    /// The runs on this machine: open ones, closed ones
    Runs(runs::RunsArgs),
    /// What was done, by whom, with what result
    Report(report::ReportArgs),
    /// Every record of a run, in words
    Log(log::LogArgs),
    /// A run shown once more from its record, with its outputs; nothing runs
    Replay(replay::ReplayArgs),
    /// The runbooks as a site
    Book(book::BookArgs),
    /// Every problem of every runbook, with its place and its remedy
    Lint(lint::LintArgs),
    /// What a code of `lint` means, with an example
    Explain(explain::ExplainArgs),
}

/// Parses, runs, tells.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if usage { Exit::Usage.code() } else { Exit::Done.code() });
        }
    };
    let result = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Resume(args) => resume::resume(&args),
        Command::Undo(args) => undo::undo(&args),
        Command::Confirm(args) => confirm::confirm(&args),
        Command::Drill(args) => drill::drill(&args),
        Command::Preflight(args) => preflight::preflight(&args),
        Command::Audit(args) => audit::audit(&args),
        Command::Show(args) => show::show(&args),
        Command::Runs(args) => runs::runs(&args),
        Command::Report(args) => report::report(&args),
        Command::Log(args) => log::log(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Book(args) => book::book(args),
        Command::Lint(args) => lint::lint(&args),
        Command::Explain(args) => explain::explain(&args),
    };
    ExitCode::from(outcome::tell(result).code())
}

/// What a subcommand gives.
type Outcome = Result<Exit, CliError>;
