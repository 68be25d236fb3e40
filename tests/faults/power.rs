//! The power is cut: what has reached the disk at every instant of a run must be enough to go on from.
//!
//! The state folder lies on a file system of its own, in a file. After every call on it that file is what a cut would
//! leave: what was written and not synced is still in memory. Each such disk is repaired, mounted, judged by what people
//! and the world had seen by then, and gone on from in what takes itself for another boot. What a disk loses that was
//! told to flush and did not is not tried.

use std::fs;

use crate::call::{Call, Kind, Point};
use crate::disk::Delta;
use crate::scene::{Act, Scene, Seen, Violation};
use crate::sweep::tracer;
use crate::tracer::Deed;

/// The disk at one instant.
struct Instant {
    since_before: Delta,
    seen: Seen,
    /// The last call before the disk changed again.
    place: String,
}

/// What the cuts of one run showed.
#[derive(Default)]
pub struct Cuts {
    /// Instants at which the disk was another than before.
    pub instants: usize,
    pub tried: usize,
    pub violations: Vec<String>,
}

/// What becomes of the run's syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    Made,
    /// Those of the journal are said to have been made, and are not.
    OfTheJournalPretended,
}

/// Cuts the power at every so manieth instant of an act.
pub fn cut(act: Act, syncs: Syncs, every: usize) -> Result<Cuts, String> {
    let mut scene = Scene::on_a_disk(act)?;
    let mut bytes = scene.disk_bytes();
    let instants = watched(&scene, &bytes, syncs)?;
    let mut cuts = Cuts { instants: instants.len(), ..Cuts::default() };
    for (number, instant) in instants.into_iter().enumerate() {
        instant.since_before.apply(&mut bytes);
        if number % every.max(1) != 0 {
            continue;
        }
        cuts.tried += 1;
        let held = scene
            .after_the_cut(&bytes, &instant.seen)
            .map_err(Violation)
            .and_then(|()| scene.check())
            .and_then(|()| scene.finish());
        if let Err(Violation(why)) = held {
            cuts.violations.push(format!("cut {number} of {act:?}, after {}:\n{why}", instant.place));
        }
    }
    Ok(cuts)
}

/// One run under eyes, and every disk that it ever was.
fn watched(scene: &Scene, start: &[u8], syncs: Syncs) -> Result<Vec<Instant>, String> {
    let mut before = start.to_vec();
    let mut instants: Vec<Instant> = Vec::new();
    let traced = tracer(scene).run(&scene.command(), &scene.said_to(), &mut |call, point| {
        if point == Point::Before {
            let pretended = syncs == Syncs::OfTheJournalPretended && is_sync_of_the_journal(call);
            return if pretended { Deed::Pretend } else { Deed::Pass };
        }
        let now = scene.disk_bytes();
        let since_before = Delta::between(&before, &now);
        let (seen, place) = (scene.seen(), call.place());
        match instants.last_mut().filter(|_| since_before.is_empty()) {
            // The same disk, and more that must be on it.
            Some(last) => (last.seen, last.place) = (seen, place),
            None => instants.push(Instant { since_before, seen, place }),
        }
        before = now;
        Deed::Pass
    });
    if traced.code == Some(0) && !traced.hung {
        return Ok(instants);
    }
    Err(format!("it does not even end well by itself: {traced:?}\n{}", scene.said()))
}

fn is_sync_of_the_journal(call: &Call) -> bool {
    call.kind == Kind::Sync && call.path.rsplit('/').next().is_some_and(|name| name.starts_with("seg-"))
}

/// Whether this machine can do it: it takes root, and a file that is mounted.
pub fn possible() -> bool {
    rustix::process::geteuid().is_root() && fs::exists("/dev/loop-control").unwrap_or(false)
}
