//! The wish of an operator that what runs should end.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::exec;

/// A wish that clones share.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<(Mutex<bool>, Condvar)>,
    /// The same wish for a look that runs.
    pub look: exec::Cancel,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("asked", &self.is_asked()).finish_non_exhaustive()
    }
}

impl Stop {
    /// Asks for the end; returns at once.
    pub fn ask(&self) {
        *self.asked.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.asked.1.notify_all();
        self.look.cancel();
    }

    pub fn is_asked(&self) -> bool {
        *self.asked.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps, but not longer than until the end is asked for.
    pub fn sleep(&self, time: Duration) {
        let asked = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.asked.1.wait_timeout_while(asked, time, |asked| !*asked);
    }
}
