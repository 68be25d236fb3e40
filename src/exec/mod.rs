//! Processes: looks as direct children, changes under a supervisor that outlives the screen.
//!
//! Commands come in complete ([`CommandSpec`]); facts come out ([`Exit`]). What a step means, what is recorded and
//! whether it passed is decided elsewhere. Output goes through a filter to the disk first; a view reads it from there.
//!
//! ```text
//! session -- run_look ---------> __look: setsid, the fence, becomes the command
//!         -- supervise, go ----> __supervise: setsid, subreaper, lock, .started -- the command (group of its own)
//!         -- to another machine: __over stands where the command would, and ssh is its child
//!         -- a side shell -----> its hooks start __gate, which asks the session before each command
//!         -- hand_over --------> the door of a supervisor that holds a terminal; __tty becomes the program on it
//!                                  '- pipe -> filter -> blob                         '- a daemon, listed, not ended
//! ```

mod afar;
mod armed;
mod askpass;
mod attend;
mod blob;
mod capture;
mod cast;
mod control;
mod door;
mod drain;
mod dumps;
mod ending;
mod environment;
mod error;
mod evidence;
mod expect;
mod facts;
mod fence;
mod filter;
mod gate;
mod hand;
mod login;
mod look;
mod modes;
mod over;
mod printed;
mod processes;
mod program;
mod pump;
mod remote;
mod replace;
mod scan;
mod side_shell;
mod sockets;
mod spec;
mod supervise;
mod supervisor;
mod survivors;
mod tail;
mod tty;
mod until_gone;
mod withhold;

use std::ffi::OsString;
use std::process::ExitCode;

pub use afar::Afar;
pub use armed::{Armed, Disarmed, Verdict, pronounce, read as read_verdict};
pub use askpass::{Askpass, SUDO_ASKPASS};
pub use attend::OutputNotice;
pub use blob::{HEAD, TAIL};
pub use capture::{Capture, Captured, LONGEST_VALUE, Take, capture};
pub use cast::{played, shown};
pub use control::SupervisorPlace;
pub use dumps::hide_memory;
pub use ending::end_orphans;
pub use environment::base_environment;
pub use error::ExecError;
pub use evidence::FileEvidence;
pub use expect::{Expectation, Judged, judge};
pub use facts::{Ending, Evidence, Exit, Leftover, Started, StreamFacts};
pub use fence::Fence;
pub use filter::{Filter, Filters, PassThrough, Redaction, Secret};
pub use gate::{Answered, Gate, LONGEST_TYPED, Question, gate_of};
pub use hand::{HandedBack, hand_over, knock_at};
pub use login::{Login, login_of, seconds};
pub use look::{Around, Cancel, run_look};
pub use over::{ArmedThere, Asking, Cut, Input, LONGEST_PIPED, Over, confirm_there, ssh_on_terminal, ssh_terminal};
pub use printed::printed;
pub use program::this_binary;
pub use replace::{REPLACE, Unfit, contents};
pub use side_shell::{Head, SideShell, shell_here};
pub use sockets::Sockets;
pub use spec::{
    CommandSpec, CoreDumps, GRACE, GRACE_AFAR, OnTimeout, Shell, Size, Streams, TerminalSpec, shell_argv, stderr_blob,
};
pub use supervise::{Supervised, cancel_running, supervise};
pub use supervisor::{Seams, supervisor_main};
pub use survivors::{machine_id, pid_namespace, process_start, survivors};
// What a supervisor left is read with the journal's own reader.
pub use crate::journal::read_evidence;
pub use tail::{Growth, LONGEST_LINE, Line, LineIndex};
pub use tty::cast_beside;
pub use withhold::Taken;

/// Runs one of the hidden subcommands that this binary is re-executed for; `None` if the arguments name none.
///
/// To be called first of all in `main`, with the arguments after the program's name.
pub fn hidden_main(mut words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    match words.next()?.to_str()? {
        supervise::SUPERVISE => Some(supervisor_main(&SEAMS)),
        askpass::ASKPASS => Some(askpass::askpass_main(words)),
        look::LOOK => Some(look::look_main(words)),
        over::OVER => Some(over::over_main()),
        drain::DRAIN => Some(drain::drain_main()),
        gate::GATE => Some(gate::gate_main(words)),
        tty::TTY => Some(tty::tty_main(words)),
        replace::REPLACE => Some(replace::replace_main(words)),
        _ => None,
    }
}

/// What a supervisor of this binary uses.
const SEAMS: Seams = Seams { evidence: |place| Ok(Box::new(FileEvidence::new(&place.started, &place.exit))) };
