//! The audit of a run with much output, beside `sha256sum` over the same bytes.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::race::{Race, rate};
use crate::room::{Room, Scale, bytes_below, on_path, timed};

pub fn bench(scale: Scale) {
    let room = Room::new();
    let (steps, mib) = (scale.of(8, 2), scale.of(32, 2));
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
    every_byte_counts(&room, &id, Path::new(blobs[0]));
    let openssl = on_path("openssl");
    let words = [&["dgst", "-sha256"], blobs.as_slice()].concat();
    let openssl = openssl.as_ref().map(|openssl| {
        let (room, words) = (&room, &words);
        move || timed(&mut room.silent(openssl, words))
    });
    let times = Race::new(format!("{} MiB in {} outputs", bytes >> 20, blobs.len()))
        .lane("sha256sum", || timed(&mut room.silent(&sha256sum, &blobs)))
        .lane("locum audit", || timed(&mut room.locum(&["audit", &id])))
        .at_most(2.0)
        .maybe("openssl dgst -sha256", openssl)
        .run(scale.of(7, 1));
    for (name, time) in ["sha256sum", "locum audit", "openssl dgst -sha256"].iter().zip(&times) {
        println!("  {name}: {}", rate(bytes, time.median));
    }
}

/// That the audit is fast means nothing unless it reads: one bit in the middle of an output, and it must not hold.
fn every_byte_counts(room: &Room, id: &str, blob: &Path) {
    let file = fs::File::options().read(true).write(true).open(blob).unwrap();
    let (middle, mut byte) = (file.metadata().unwrap().len() / 2, [0]);
    file.read_exact_at(&mut byte, middle).unwrap();
    let audit = || room.locum(&["audit", id]).status().unwrap().code();
    file.write_all_at(&[byte[0] ^ 1], middle).unwrap();
    assert_eq!(audit(), Some(14), "an output is not what was recorded");
    file.write_all_at(&byte, middle).unwrap();
    assert_eq!(audit(), Some(0));
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
