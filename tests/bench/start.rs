//! How long somebody waits before anything is there: the program, one file, the first frame, the answer to a key.
//!
//! Wants `just` and `gitui` on `PATH` to stand beside.

use std::time::Duration;

use crate::generate;
use crate::pty::Pty;
use crate::race::{Race, human, judged};
use crate::room::{Room, Scale, on_path, timed};

pub fn bench(scale: Scale) {
    let room = Room::new();
    room.write("runbooks/one.yaml", &generate::runbook(0)).write("runbooks/flood.yaml", FLOOD);
    starts(&room, scale);
    frames(&room, scale);
    keys(&room, scale);
}

fn starts(room: &Room, scale: Scale) {
    let just = on_path("just");
    let just = just.as_ref().map(|just| move || timed(&mut room.silent(just, &["--version"])));
    Race::new("start to end")
        .maybe("just --version", just)
        .lane("/bin/true", || timed(&mut room.silent("/bin/true", &[])))
        .lane("locum --version", || timed(&mut room.locum(&["--version"])))
        .at_most(2.0)
        .lane("locum lint, one file", || timed(&mut room.locum(&["lint", "runbooks/one.yaml"])))
        .at_most(2.0)
        .run(scale.of(201, 1));
}

fn frames(room: &Room, scale: Scale) {
    let gitui = on_path("gitui");
    let git = |words: &[&str]| timed(&mut room.silent("git", &[&["-C", "repository"], words].concat()));
    if gitui.is_some() {
        room.write("repository/a", "a\n");
        git(&["init"]);
        git(&["add", "a"]);
        git(&["-c", "user.name=komari", "-c", "user.email=komari@example.org", "commit", "-m", "a"]);
    }
    let gitui =
        gitui.as_ref().map(|gitui| move || Pty::start(&mut room.silent(gitui, &["-d", "repository"])).first_frame());
    let less = on_path("less");
    let less =
        less.as_ref().map(|less| move || Pty::start(&mut room.silent(less, &["runbooks/one.yaml"])).first_frame());
    Race::new("exec to first full frame")
        .maybe("gitui", gitui)
        .lane("locum run", || {
            room.forget();
            let mut pty = Pty::start(&mut room.locum(&["run", "one"]));
            let time = pty.first_frame();
            assert!(pty.text().contains("Step 1 of"), "this is no run screen:\n{}", pty.text());
            time
        })
        .at_most(1.0)
        .within(Duration::from_millis(15))
        .maybe("less", less)
        .run(scale.of(41, 1));
}

/// A look that says more than anybody can read, then one more step.
const FLOOD: &str = "locum: 1
title: A flood
diagnose:
  - id: flood
    check: yes 'a line of this flood says nothing and there is no end to it'
    timeout: 10m
  - id: dry
    check: \"true\"
repair:
  - id: none
    by_hand: Nothing.
    risk: low
    no_undo: nothing
";

fn keys(room: &Room, scale: Scale) {
    let presses = scale.of(300, 4);
    let apart = Duration::from_millis(30);
    room.forget();
    let mut pty = Pty::start(&mut room.locum(&["run", "flood"]));
    pty.first_frame();
    let mut idle = Vec::new();
    for press in 0..presses {
        pty.listen(apart);
        idle.push(pty.first_byte(if press % 2 == 0 { "j" } else { "k" }));
    }
    quantiles("key to first byte, idle", idle, (50, 1.0));

    let help = |text: &str| text.contains("What is this?");
    pty.until("\r", |text| text.contains("no end to it"));
    let mut flooded = Vec::new();
    for _ in 0..presses / 2 {
        pty.listen(apart);
        flooded.push(pty.until("?", help));
        pty.listen(apart);
        flooded.push(pty.until("\x1b", |text| !help(text)));
    }
    quantiles("key to frame, under a flood of output", flooded, (99, 16.0));
}

/// `wanted` is a quantile and the most milliseconds that it may take.
fn quantiles(name: &str, mut times: Vec<Duration>, wanted: (usize, f64)) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("\n  {name}: min {}, median {}, p99 {} of {}", human(at(0)), human(at(50)), human(at(99)), times.len());
    let (percent, most) = wanted;
    judged(&format!("{name}, p{percent}"), at(percent).as_secs_f64() * 1e3, most, " ms");
}
