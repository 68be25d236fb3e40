//! The one thread beside the screen, on which a run looks, prepares, carries and settles: one thing after the other.
//!
//! It is made before anything is recorded, so that a system that gives no more threads refuses the run and not a step
//! of it, of which an intent would be on record already.

use std::io;
use std::sync::mpsc::{Sender, channel};

type Job = Box<dyn FnOnce() + Send>;

/// A thread that waits for what there is to do.
pub(super) struct Beside(Sender<Job>);

impl Beside {
    /// Makes the thread; it ends when this is dropped and what it does has ended.
    pub fn start() -> io::Result<Self> {
        let (hand, handed) = channel::<Job>();
        std::thread::Builder::new().name("beside".into()).spawn(move || {
            for job in handed {
                job();
            }
        })?;
        Ok(Self(hand))
    }

    /// Does something beside the screen; returns at once.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).expect("nothing that is done beside the screen panics");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_done_after_the_other_on_one_thread() {
        let beside = Beside::start().unwrap();
        let (tell, told) = channel();
        for number in 0..3 {
            let tell = tell.clone();
            beside.run(move || tell.send((number, std::thread::current().id())).unwrap());
        }
        let seen: Vec<_> = told.iter().take(3).collect();
        assert_eq!(seen.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(seen.iter().all(|(_, thread)| *thread == seen[0].1 && *thread != std::thread::current().id()));
    }
}
