//! A thousand runbooks, all rules, every problem with its place; beside a validator that only knows the schema.
//!
//! Wants `check-jsonschema` on `PATH`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::generate;
use crate::race::Race;
use crate::room::{Room, Scale, on_path, timed};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/runbook.v1.json");

pub fn bench(scale: Scale) {
    let room = Room::new();
    let count = scale.of(1000, 20);
    let files = written(&room, count);
    let lines: usize = files.iter().map(|file| std::fs::read_to_string(file).unwrap().lines().count()).sum();
    println!("{count} files, {} lines each", lines / count);

    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Race::new(format!("lint of {count} files"))
        .lane("read all bytes", || read_all(&files))
        .lane("locum lint", || timed(&mut room.locum(&["lint", "runbooks"])))
        .within(Duration::from_millis(250))
        .lane("locum lint --format json", || timed(&mut room.locum(&["lint", "--format", "json", "runbooks"])))
        .run(scale.of(15, 1));

    let checker = on_path("check-jsonschema");
    let check = checker.as_deref().map(|checker| {
        let words = [&["--schemafile", SCHEMA], names.as_slice()].concat();
        let room = &room;
        move || timed(&mut room.silent(checker, &words))
    });
    Race::new("the same, beside a validator")
        .maybe("check-jsonschema, schema only", check)
        .lane("locum lint", || timed(&mut room.locum(&["lint", "runbooks"])))
        .at_most(1.0)
        .run(1);
}

/// Writes this many runbooks.
pub fn written(room: &Room, count: usize) -> Vec<PathBuf> {
    let write = |number| {
        let name = format!("runbooks/{}.yaml", generate::id(number));
        room.write(&name, &generate::runbook(number));
        room.path(&name)
    };
    (0..count).map(write).collect()
}

fn read_all(files: &[impl AsRef<Path>]) -> Duration {
    let begun = Instant::now();
    for file in files {
        std::hint::black_box(std::fs::read(file).unwrap());
    }
    begun.elapsed()
}
