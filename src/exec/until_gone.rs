//! A pipe that is read until its end, or until the one who should write into it is gone and it is empty: a connection
//! that is shared keeps the pipes of a client open that ended.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How often it is looked whether the writer is gone.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The reading end.
pub(super) struct UntilGone {
    pipe: os_pipe::PipeReader,
    gone: Arc<AtomicBool>,
}

impl UntilGone {
    pub fn new(pipe: os_pipe::PipeReader, gone: &Arc<AtomicBool>) -> Self {
        Self { pipe, gone: Arc::clone(gone) }
    }
}

impl Read for UntilGone {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked before the look, so that what was written before it went is read.
            let gone = self.gone.load(Ordering::SeqCst);
            let mut fds = [PollFd::new(&self.pipe, PollFlags::IN)];
            match poll(&mut fds, Some(&LOOK_EVERY)) {
                Ok(0) if gone => return Ok(0),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.pipe.read(to),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_was_written_is_read_and_an_open_end_that_nobody_writes_into_is_an_end() {
        let (pipe, mut end) = os_pipe::pipe().unwrap();
        let gone = Arc::new(AtomicBool::new(false));
        let mut reader = UntilGone::new(pipe, &gone);
        end.write_all(b"last words").unwrap();
        gone.store(true, Ordering::SeqCst);
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, "last words");
        drop(end);
    }
}
