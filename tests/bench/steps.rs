//! A hundred looks and a hundred changes without a person, each with a durable intent and a durable outcome.
//!
//! The baseline starts the same commands (`bash -euo pipefail -c` is what locum makes of a line, where there is a
//! bash), each with its output in a file, and makes as many lines durable as locum does. How many that is, is counted
//! with `strace`; without it the baseline makes none durable, and says so.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::race::Race;
use crate::room::{Room, Scale, UNREVIEWED, exe, on_path, timed};

const RUN: [&str; 5] = ["run", "steps", "--headless", "--answers", "answers.yaml"];

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Started directly.
    Look,
    /// Started by a supervisor: one process more.
    Change,
}

pub fn bench(scale: Scale) {
    for kind in [Kind::Look, Kind::Change] {
        measure(kind, scale);
    }
}

fn measure(kind: Kind, scale: Scale) {
    let count = scale.of(100, 3);
    let room = room(kind, count);
    let syncs = syncs(&room, &RUN);
    println!("{count} x {kind:?}: {syncs} syncs, {} a step and the rest once", syncs as usize / count);
    let (word, extra, most) = match kind {
        Kind::Look => ("looks", "", 1.5),
        Kind::Change => ("changes", ", one exec more", 3.0),
    };
    let line: &[&str] =
        if on_path("bash").is_some() { &["bash", "-euo", "pipefail", "-c"] } else { &["sh", "-eu", "-c"] };
    Race::new(format!("{count} {word}"))
        .lane(format!("the same commands and syncs{extra}"), || plain(&room, kind, line, (count, syncs)))
        .lane("locum run --headless", || {
            room.forget();
            timed(&mut room.locum(&RUN))
        })
        .at_most(most)
        .lane(format!("`sh -c true` and the same syncs{extra}"), || plain(&room, kind, &["sh", "-c"], (count, syncs)))
        .lane("sh loop, each to a log file, nothing durable", || sh_loop(&room, count))
        .lane("locum --version, as a floor", || timed(&mut room.locum(&["--version"])))
        .run(scale.of(11, 1));
}

fn room(kind: Kind, count: usize) -> Room {
    let room = Room::new();
    let mut steps = String::new();
    let mut answers = "answers:\n  repair: enter\n".to_owned();
    for step in 0..count {
        let _ = match kind {
            Kind::Look => writeln!(steps, "  - id: s{step}\n    check: \"true\""),
            Kind::Change => {
                writeln!(steps, "  - id: s{step}\n    change: \"true\"\n    risk: low\n    no_undo: it changes nothing")
            }
        };
        if kind == Kind::Change {
            let _ = writeln!(answers, "  s{step}: s{step}");
        }
    }
    let phases = match kind {
        Kind::Look => format!(
            "diagnose:\n{steps}repair:\n  - id: none\n    by_hand: Nothing.\n    risk: low\n    no_undo: nothing\n"
        ),
        Kind::Change => format!("repair:\n{steps}"),
    };
    // Where every look held, there is nothing to repair.
    let phases = phases.replace(
        &format!("  - id: s{}\n    check: \"true\"\n", count - 1),
        &format!("  - id: s{}\n    check: \"true\"\n    then: done\n", count - 1),
    );
    room.write("runbooks/steps.yaml", &format!("locum: 1\ntitle: Many steps\n{phases}"));
    room.write("answers.yaml", if kind == Kind::Look { "{}\n" } else { &answers });
    room
}

/// How often locum makes something durable in a run, counted from outside.
fn syncs(room: &Room, words: &[&str]) -> u32 {
    let Some(strace) = on_path("strace") else {
        println!("SKIPPED: counting syncs: strace is not on PATH, so the baseline makes nothing durable");
        return 0;
    };
    room.forget();
    let mut command = room.silent(strace, &["-f", "-e", "trace=fsync,fdatasync", "-o", "syncs"]);
    timed(command.arg(exe()).args(words).arg(UNREVIEWED));
    let lines = fs::read_to_string(room.path("syncs")).unwrap();
    let calls = lines.lines().filter(|line| line.contains("fsync(") || line.contains("fdatasync("));
    u32::try_from(calls.count()).unwrap()
}

/// The same commands, one after another, and as many durable lines, spread evenly.
fn plain(room: &Room, kind: Kind, line: &[&str], (count, syncs): (usize, u32)) -> Duration {
    let folder = room.path("plain");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let begun = Instant::now();
    let mut journal = File::options().create(true).append(true).open(folder.join("journal")).unwrap();
    let mut done = 0;
    for step in 1..=count {
        // Half of them before the command, as an intent is.
        let due = syncs as usize * step / count;
        let before = done + (due - done) / 2;
        keep(&mut journal, before - done);
        if kind == Kind::Change {
            start("true", &[], Stdio::null());
        }
        let log = File::create(folder.join(format!("{step}.out"))).unwrap();
        start(line[0], &[&line[1..], &["true"]].concat(), log.into());
        keep(&mut journal, due - before);
        done = due;
    }
    begun.elapsed()
}

fn keep(journal: &mut File, lines: usize) {
    let line = [b'x'; 400];
    for _ in 0..lines {
        journal.write_all(&line).unwrap();
        journal.sync_data().unwrap();
    }
}

fn start(program: &str, words: &[&str], output: Stdio) {
    let status = Command::new(program).args(words).stdin(Stdio::null()).stdout(output).status().unwrap();
    assert!(status.success());
}

/// What people have today.
fn sh_loop(room: &Room, count: usize) -> Duration {
    let folder = room.path("loop");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let script =
        format!("i=0; while [ $i -lt {count} ]; do sh -c true > {}/$i.log 2>&1; i=$((i+1)); done", folder.display());
    timed(&mut room.silent(Path::new("/bin/sh"), &["-c", &script]))
}
