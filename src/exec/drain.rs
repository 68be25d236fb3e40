//! Keeps a pipe open that a process left behind still writes to.
//!
//! When a repair starts a daemon that keeps the step's output, the daemon would die of a broken pipe as soon as the
//! supervisor ends. So a process that does nothing else reads on, and throws away what it reads, until the daemon ends.

use std::io::{self, Read};
use std::process::ExitCode;

use os_pipe::PipeReader;

use super::program::this_binary;

/// The hidden first argument of such a process.
pub(super) const DRAIN: &str = "__drain";

/// Leaves a process behind for each pipe. If one cannot be started, the pipe breaks, as any pipe does.
pub(super) fn leave_drains(open: Vec<PipeReader>) {
    for pipe in open {
        let _ = duct::cmd(this_binary(), [DRAIN])
            .full_env(std::iter::empty::<(String, String)>())
            .dir("/")
            .stdin_file(pipe)
            .stdout_null()
            .stderr_null()
            .unchecked()
            .start();
    }
}

/// The hidden subcommand.
pub(super) fn drain_main() -> ExitCode {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_name(c"locum-drain");
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; 64 << 10];
    while input.read(&mut buffer).is_ok_and(|count| count > 0) {}
    ExitCode::SUCCESS
}
