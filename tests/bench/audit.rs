//! The audit of a run with much output, beside `sha256sum` over the same bytes.

use std::fs;

use crate::race::{Race, rate};
use crate::room::{Room, Scale, bytes_below, on_path, timed};

pub fn bench(scale: Scale) {
    let room = Room::new();
    let (steps, mib) = (scale.of(8, 2), scale.of(60, 2));
    record(&room, steps, mib);
    let run = room.run();
    let bytes = bytes_below(&run.join("blobs"));
    let id = run.file_name().unwrap().to_str().unwrap().to_owned();
    let blobs: Vec<String> =
        fs::read_dir(run.join("blobs")).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    let blobs: Vec<&str> = blobs.iter().map(String::as_str).collect();
    let Some(sha256sum) = on_path("sha256sum") else {
        println!("SKIPPED: sha256sum is not on PATH");
        return;
    };
    let times = Race::new(format!("{} MiB in {} outputs", bytes >> 20, blobs.len()))
        .lane("sha256sum", || timed(&mut room.silent(&sha256sum, &blobs)))
        .lane("locum audit", || timed(&mut room.locum(&["audit", &id])))
        .lane("locum --version, as a floor", || timed(&mut room.locum(&["--version"])))
        .run(scale.of(11, 1));
    for (name, time) in ["sha256sum", "locum audit"].iter().zip(&times) {
        println!("  {name}: {}", rate(bytes, time.median));
    }
}

/// A run whose steps say so much; whole outputs, since of those that were cut the digest cannot be checked.
fn record(room: &Room, steps: usize, mib: usize) {
    let step = |step: usize| {
        let command = format!("{{ yes 'step {step} says the same again and again' || true; }} | head -c {}", mib << 20);
        format!("  - id: s{step}\n    change: {command:?}\n    risk: low\n    no_undo: it changes nothing\n")
    };
    let text: String = (0..steps).map(step).collect();
    let answers: Vec<String> = (0..steps).map(|step| format!("s{step}: s{step}")).collect();
    room.write("runbooks/words.yaml", &format!("locum: 1\ntitle: Many words\nrepair:\n{text}"));
    room.write("answers.yaml", &format!("answers: {{ repair: enter, {} }}\n", answers.join(", ")));
    timed(&mut room.locum(&["run", "words", "--headless", "--answers", "answers.yaml"]));
}
