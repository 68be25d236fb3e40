//! An answer of the system that has no limit of its own, within one.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What `ask` gives; none if it takes longer, or if nobody can be made to wait for it. The thread that waits is left
/// behind then.
pub fn within<T: Send + 'static>(limit: Duration, ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = mpsc::channel();
    thread::Builder::new().spawn(move || answer.send(ask())).ok()?;
    answered.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_no_answer() {
        assert_eq!(within(Duration::from_secs(5), || 1), Some(1));
        assert_eq!(within(Duration::from_millis(10), || thread::sleep(Duration::from_secs(1))), None);
    }
}
