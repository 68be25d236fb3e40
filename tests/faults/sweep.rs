//! Every call of the five steps, each failing in its turn, and what became of the run.

use nix::errno::Errno;

use crate::call::{Call, Point};
use crate::scene::{Act, Scene, Violation};
use crate::stage::EXE;
use crate::tracer::{Deed, Tracer};

/// What is done at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails once.
    Once(Errno),
    /// It fails, and so does every call after it that can fail so: a disk that is full, or gone.
    FromHereOn(Errno),
    /// The process that makes it is killed.
    Kill,
    /// Everything is killed after it.
    KillAll,
}

/// One fault at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    pub act: Act,
    /// Counted from 0 over all processes.
    pub index: usize,
    pub fault: Fault,
}

/// What a trial showed.
#[derive(Debug)]
pub struct Shown {
    /// Where the fault fell.
    pub fell: Option<String>,
    pub violation: Option<Violation>,
}

/// The calls of an act that nothing disturbs.
pub fn calls(act: Act) -> Vec<Call> {
    let scene = Scene::new(act);
    let mut calls = Vec::new();
    let traced = tracer(&scene).run(&scene.command(), &scene.said_to(), &mut |call, point| {
        if point == Point::Before {
            calls.push(call.clone());
        }
        Deed::Pass
    });
    let undisturbed = traced.code == Some(0) && !traced.hung && scene.check().is_ok();
    assert!(undisturbed, "it does not even end well by itself: {traced:?}\n{}", scene.said());
    calls
}

/// Everything that can be tried at each of these calls.
pub fn trials(act: Act, calls: &[Call]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let errors = call.errors().iter().map(|errno| Fault::Once(*errno));
        let lasting = [Errno::EIO, Errno::ENOSPC].into_iter().filter(|errno| call.errors().contains(errno));
        let faults = errors.chain(lasting.map(Fault::FromHereOn)).chain([Fault::Kill, Fault::KillAll]);
        trials.extend(faults.map(|fault| Trial { act, index, fault }));
    }
    trials
}

pub fn tracer(scene: &Scene) -> Tracer {
    Tracer::new(scene.stage.state(), std::path::Path::new(EXE))
}

/// How often a trial is begun anew, at an earlier call, when its fault fell on nothing: what two processes do beside each
/// other differs from run to run, and so does the number of their calls.
const TRIES: usize = 5;

/// Tries one fault on a run of its own.
pub fn try_one(trial: Trial) -> Shown {
    let mut shown = try_once(trial);
    for fewer in 1..TRIES {
        if shown.fell.is_some() {
            break;
        }
        shown = try_once(Trial { index: trial.index * (TRIES - fewer) / TRIES, ..trial });
    }
    if shown.fell.is_none() {
        shown.violation = Some(Violation("its fault fell on nothing".to_owned()));
    }
    shown
}

fn try_once(trial: Trial) -> Shown {
    let scene = Scene::new(trial.act);
    let mut fell = None;
    let mut seen = 0;
    let traced = tracer(&scene).run(&scene.command(), &scene.said_to(), &mut |call, point| {
        if point == Point::After {
            return Deed::Pass;
        }
        let at = seen;
        seen += 1;
        if at == trial.index {
            fell = Some(call.place());
        }
        match trial.fault {
            Fault::Once(errno) if at == trial.index => Deed::Fail(errno),
            Fault::FromHereOn(errno) if at >= trial.index && call.errors().contains(&errno) => Deed::Fail(errno),
            Fault::Kill if at == trial.index => Deed::Kill,
            Fault::KillAll if at == trial.index => Deed::KillAll,
            Fault::Once(_) | Fault::FromHereOn(_) | Fault::Kill | Fault::KillAll => Deed::Pass,
        }
    });
    let note = format!("(traced: {:?})\n", traced.code);
    std::io::Write::write_all(&mut scene.said_to(), note.as_bytes()).unwrap();
    let held = if traced.hung {
        Err(Violation(format!("it hangs:\n{}", scene.said())))
    } else {
        scene.check().and_then(|()| scene.finish())
    };
    Shown { fell, violation: held.err() }
}
