//! One GiB from one step, through redaction, digest and line index to the disk, beside `cat > file && sync file`.
//!
//! locum keeps the first and the last 64 MiB of a stream and the digest of all of it; `cat` keeps all. The memory of
//! its processes is read from `/proc` in a run of its own, so that looking does not slow what is timed.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::race::{Race, judged, rate};
use crate::room::{Room, Scale, exe, timed};

const RUN: [&str; 5] = ["run", "flood", "--headless", "--answers", "answers.yaml"];

/// Lines as a log has them, and the shortest there are.
const STREAMS: [(&str, &str); 2] = [
    ("lines of 80 bytes", "2026-11-25 03:14:15 masato forum[4242]: worker 7 waits for a lock since 61 sec."),
    ("lines of 2 bytes", "y"),
];

pub fn bench(scale: Scale) {
    let mib = scale.of(1024, 8) as u64;
    for (name, line) in STREAMS {
        stream(name, &format!("{{ yes '{line}' || true; }} | head -c {}", mib << 20), mib, scale);
    }
}

fn stream(name: &str, command: &str, mib: u64, scale: Scale) {
    let room = Room::new();
    let runbook = format!(
        "locum: 1\ntitle: Much output\nrepair:\n  - id: flood\n    change: {}\n    risk: low\n    no_undo: it changes nothing\n",
        serde_json::Value::from(command)
    );
    room.write("runbooks/flood.yaml", &runbook);
    room.write("answers.yaml", "answers: { repair: enter, flood: flood }\n");
    let cat = format!("{command} | cat > kept && sync kept");
    let title = format!("{mib} MiB of {name}");
    let times = Race::new(title.clone())
        .lane("| cat > file && sync file", || {
            let time = timed(&mut room.silent("/bin/sh", &["-c", &cat]));
            fs::remove_file(room.path("kept")).unwrap();
            time
        })
        .lane("locum run --headless", || {
            room.forget();
            timed(&mut room.locum(&RUN))
        })
        .at_most(1.5)
        .lane("| cat > /dev/null, as a floor", || {
            timed(&mut room.silent("/bin/sh", &["-c", &format!("{command} | cat")]))
        })
        .run(scale.of(4, 1));
    println!("  cat {}, locum {}", rate(mib << 20, times[0].median), rate(mib << 20, times[1].median));
    room.forget();
    for (name, kib) in peaks(&mut room.locum(&RUN)) {
        let mib = u32::try_from(kib.div_ceil(1024)).unwrap_or(u32::MAX);
        judged(&format!("peak memory of `{name}`, {title}"), mib.into(), 64.0, " MiB");
    }
}

/// The most memory that each process of locum held, by its name, in KiB.
fn peaks(command: &mut Command) -> BTreeMap<String, u64> {
    let mut peaks = BTreeMap::new();
    if !fs::exists("/proc/self/status").unwrap_or(false) {
        println!("SKIPPED: peak memory: there is no /proc");
        return peaks;
    }
    let mut child = command.spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        look(&mut peaks);
        std::thread::sleep(Duration::from_millis(10));
    }
    peaks
}

fn look(peaks: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let at = |name: &str| entry.path().join(name);
        if fs::read_link(at("exe")).is_ok_and(|path| path == exe())
            && let Ok(status) = fs::read_to_string(at("status"))
            && let (Some(name), Some(peak)) = (field(&status, "Name:"), field(&status, "VmHWM:"))
        {
            let kib = peak.trim_end_matches(" kB").parse().unwrap_or(0);
            let most = peaks.entry(name.to_owned()).or_default();
            *most = kib.max(*most);
        }
    }
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}
