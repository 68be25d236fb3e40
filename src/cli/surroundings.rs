//! What every command that acts needs: configuration, state, runbooks, who acts, the place of commands.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::outcome::CliError;
use crate::config::{Config, Places};
use crate::diagnostic::render::{Colour, Format, render, summary};
use crate::engine::Exit;
use crate::engine::record::Who;
use crate::engine::resolve::TargetLine;
use crate::exec;
use crate::host::{self, actor::Claims};
use crate::load::Loaded;
use crate::model::Runbook;
use crate::session::place::Place;
use crate::session::secrets::Secrets;
use crate::workspace::Workspace;

/// Where things are, said on the command line.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    /// The folder with the runbooks
    #[arg(long, env = "LOCUM_RUNBOOKS", value_name = "DIR")]
    pub runbooks: Option<PathBuf>,
    /// The folder where runs are kept
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// Everything around a command.
pub struct Surroundings {
    pub places: Places,
    pub config: Config,
    pub here: PathBuf,
}

impl Surroundings {
    pub fn find() -> Result<Self, CliError> {
        let places = Places::new(&variable);
        Ok(Self { config: places.config()?, places, here: std::env::current_dir()? })
    }

    pub fn workspace(&self, at: &Where) -> Result<Workspace, CliError> {
        Ok(Workspace::find(at.runbooks.as_deref(), &self.here)?)
    }

    pub fn state(&self, at: &Where) -> Result<PathBuf, CliError> {
        Ok(self.places.state(at.state.as_deref())?)
    }

    pub fn who(&self, given: Option<String>) -> Who {
        host::actor::who(&Claims { given, configured: self.config.name.clone() })
    }

    pub fn zone(&self) -> String {
        self.config.zone.clone().unwrap_or_else(host::actor::zone)
    }

    /// The place of commands on the real system.
    pub fn place(&self, root: &Path) -> Place {
        Place {
            environment: exec::base_environment(&variable),
            cwd: root.to_owned(),
            home: self.places.home.clone().unwrap_or_else(|| PathBuf::from("/")),
            host: host::actor::host(),
            at: TargetLine::default(),
            sockets: exec::Sockets { runtime: variable("XDG_RUNTIME_DIR") },
            lab: None,
            channels: self.config.channels(),
            secrets: Secrets::default(),
            editor: editor(),
        }
    }
}

/// A variable of the environment that is text.
#[expect(clippy::disallowed_methods, reason = "here the environment is read, and given on as values")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The editor of the user.
pub fn editor() -> String {
    let set = |name: &str| variable(name).filter(|editor| !editor.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned())
}

/// This program, to start supervisors from.
pub fn program() -> Result<PathBuf, CliError> {
    Ok(std::env::current_exe()?)
}

/// The runbook, or everything that keeps it from being run.
pub fn valid(loaded: Loaded) -> Result<Arc<Runbook>, CliError> {
    let errors: Vec<_> = loaded.diagnostics.into_iter().filter(crate::diagnostic::Diagnostic::is_error).collect();
    match loaded.runbook {
        Some(runbook) if errors.is_empty() => Ok(Arc::new(runbook)),
        Some(_) | None => {
            let colour = if std::io::stderr().is_terminal() { Colour::On } else { Colour::Off };
            eprint!("{}", render(&errors, Format::Full, colour));
            Err(CliError::new(Exit::InvalidRunbook, format!("the runbook is invalid: {}", summary(&errors))))
        }
    }
}
