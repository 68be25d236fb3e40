//! How far a measure is, for whoever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files that were measured so far; every clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// A measure begins.
    pub fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// One more file was measured.
    pub fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Files so far.
    pub fn files(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Roots, measure_seen};

    #[test]
    fn files_are_counted_as_people_count_them_and_anew_for_each_measure() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pki")).unwrap();
        for name in ["pki/ca.crt", "pki/ca.key"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let roots = Roots::new([folder.path().join("pki")]).unwrap();
        let progress = Progress::default();
        let seen = progress.clone();
        for _ in 0..2 {
            progress.begin();
            assert_eq!(seen.files(), 0);
            let measure = measure_seen(&roots, &progress).unwrap();
            assert_eq!(seen.files(), measure.len() as u64);
        }
    }
}
