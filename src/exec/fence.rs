//! The fence around a look: it reads everything, and writes nowhere but into a folder of its own.
//!
//! Linux's Landlock keeps it, for the look and everything that it starts. It holds back making, writing, cutting,
//! moving and removing of files, and with [`Fence::FilesAndSignals`] signals to processes that the look did not start.
//! It does not hold back a change of mode or owner, nor what another program does for it: a socket stays open to a look.

use std::io;
use std::path::Path;

use landlock::{
    ABI, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, PathFdError, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope,
};
use serde::{Deserialize, Serialize};

/// How a command is kept from changing something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fence {
    /// Nothing keeps it.
    #[default]
    None,
    /// It writes only into its own folder.
    Files,
    /// And signals only what it started itself. Where nothing is to be ended, signals stay free: by signal 0 programs
    /// ask whether another one lives, and would take a refusal for a no.
    FilesAndSignals,
}

/// Where anything can be written without a change: what goes in is gone, or is the terminal.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts"];

impl Fence {
    /// The fence as far as this machine's kernel can keep one.
    #[must_use]
    pub fn where_kept(self) -> Self {
        let asked = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        match asked.handle_access(AccessFs::WriteFile).and_then(Ruleset::create) {
            Ok(_) => self,
            Err(_) => Self::None,
        }
    }

    /// Keeps this process, and everything that it becomes or starts, from writing outside of `own`.
    pub(super) fn close(self, own: Option<&Path>) -> io::Result<()> {
        let fails =
            |error: RulesetError| io::Error::other(format!("the fence around a look cannot be closed: {error}"));
        // Device commands stay free: a look at a disk asks with them. So the rights are those of the third version.
        let writes = AccessFs::from_write(ABI::V3);
        let rules = match self {
            Self::None => return Ok(()),
            Self::Files => Ruleset::default().handle_access(writes),
            Self::FilesAndSignals => {
                Ruleset::default().handle_access(writes).and_then(|rules| rules.scope(Scope::Signal))
            }
        };
        let mut rules = rules.and_then(Ruleset::create).map_err(fails)?;
        let into = AccessFs::WriteFile | AccessFs::Truncate;
        let open = DEVICES.iter().map(|device| (Path::new(device), into)).chain(own.map(|own| (own, writes)));
        for (path, access) in open {
            if let Some(rule) = beneath(path, access) {
                rules = rules.add_rule(rule).map_err(fails)?;
            }
        }
        rules.restrict_self().map_err(fails)?;
        Ok(())
    }
}

/// A rule for what exists; a device that is not there needs none.
fn beneath(path: &Path, access: BitFlags<AccessFs>) -> Option<PathBeneath<PathFd>> {
    let opened: Result<PathFd, PathFdError> = PathFd::new(path);
    opened.ok().map(|opened| PathBeneath::new(opened, access))
}
