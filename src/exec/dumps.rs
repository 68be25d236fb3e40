//! Memory with secrets in it is not written to a disk when a process dies, and not read by another one.

use super::spec::CoreDumps;

/// No core dump of this process, and no debugger on it. What it starts is as ever.
#[cfg(target_os = "linux")]
pub fn hide_memory() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // The kernel forgets it at the next exec, so nothing that is started is touched.
    if set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
        no_core();
    }
}

/// No core dump of this process or of what it starts.
#[cfg(not(target_os = "linux"))]
pub fn hide_memory() {
    no_core();
}

/// What a command inherits: one that is given a secret leaves no core dump either.
pub(super) fn limit(dumps: CoreDumps) {
    if dumps == CoreDumps::Off {
        no_core();
    }
}

/// The limit that is inherited. The hard one stays, so that a daemon that wants dumps can say so itself.
fn no_core() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
}
