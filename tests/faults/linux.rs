//! The command line of the sweep, its workers, and the figures at the end.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::power::{Syncs, cut, possible};
use crate::scene::Act;
use crate::sweep::{Fault, Trial, calls, trials, try_one};

/// Each traces in a process of its own, since a tracer hears of all children of its process.
const WORKERS: usize = 2;

/// How many trials are made between two lines about how far it is.
const NEWS: usize = 200;

/// Numbers that look random and are the same every time: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (limit.max(1) as u64)).unwrap_or(0)
    }
}

pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["all", rest @ ..] => sweep(None, rest),
        ["sample", rest @ ..] => sweep(Some(Duration::from_secs(number(rest, "--seconds", 300))), rest),
        ["one", act, index, fault] => one(trial(act, index, fault)),
        ["power", rest @ ..] => power_cuts(rest),
        ["worker"] => worker(),
        // `cargo test` runs every test program, with words that are meant for others.
        _ => {
            println!(
                "the fault sweep: cargo test --test faults -- all | sample [--seconds N] [--seed N] | power [--every N]"
            );
            ExitCode::SUCCESS
        }
    }
}

fn number(words: &[&str], name: &str, default: u64) -> u64 {
    let at = words.iter().position(|word| *word == name);
    at.and_then(|at| words.get(at + 1)?.parse().ok()).unwrap_or(default)
}

/// A trial as it is written on the command line and between processes.
fn trial(act: &str, index: &str, fault: &str) -> Trial {
    let act = match act {
        "run" => Act::Run,
        "resume" => Act::Resume,
        other => panic!("`{other}` is no act, expected `run` or `resume`"),
    };
    let fault = match fault.split_once(':') {
        Some(("once", errno)) => Fault::Once(errno_of(errno)),
        Some(("from", errno)) => Fault::FromHereOn(errno_of(errno)),
        _ if fault == "kill" => Fault::Kill,
        _ if fault == "kill-all" => Fault::KillAll,
        _ => panic!("`{fault}` is no fault, expected `once:EIO`, `from:ENOSPC`, `kill` or `kill-all`"),
    };
    Trial { act, index: index.parse().expect("the number of a call"), fault }
}

fn errno_of(name: &str) -> Errno {
    let known = [Errno::EIO, Errno::ENOSPC, Errno::EROFS, Errno::ENOLCK, Errno::ENOMEM, Errno::EAGAIN].into_iter();
    known.clone().find(|errno| format!("{errno:?}") == name).unwrap_or_else(|| panic!("`{name}` is no error here"))
}

fn words_of(trial: &Trial) -> String {
    let act = match trial.act {
        Act::Run => "run",
        Act::Resume => "resume",
    };
    let fault = match trial.fault {
        Fault::Once(errno) => format!("once:{errno:?}"),
        Fault::FromHereOn(errno) => format!("from:{errno:?}"),
        Fault::Kill => "kill".to_owned(),
        Fault::KillAll => "kill-all".to_owned(),
    };
    format!("{act} {} {fault}", trial.index)
}

fn one(trial: Trial) -> ExitCode {
    let shown = try_one(trial);
    println!("{} fell on {}", words_of(&trial), shown.fell.as_deref().unwrap_or("nothing"));
    match shown.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{}", violation.0);
            ExitCode::FAILURE
        }
    }
}

/// Reads trials, a line each, and says what each showed.
fn worker() -> ExitCode {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let [act, index, fault] = words[..] else { continue };
        let shown = try_one(trial(act, index, fault));
        let violation = shown.violation.map(|violation| violation.0);
        println!("{}", serde_json::json!({ "trial": line, "fell": shown.fell, "violation": violation }));
    }
    ExitCode::SUCCESS
}

fn sweep(limit: Option<Duration>, words: &[&str]) -> ExitCode {
    let seed = number(words, "--seed", 7);
    let begun = Instant::now();
    let mut wanted = Vec::new();
    for act in [Act::Run, Act::Resume] {
        let calls = calls(act);
        let all = trials(act, &calls);
        println!("{act:?}: {} calls, {} faults", calls.len(), all.len());
        wanted.extend(all);
    }
    // Shuffled even when all are tried: a sweep that somebody stops was a sample.
    let mut dice = Dice(seed);
    for at in (1..wanted.len()).rev() {
        wanted.swap(at, dice.below(at + 1));
    }
    let all = wanted.len();
    let queue = std::sync::Mutex::new(wanted.into_iter());
    let next = || limit.is_none_or(|limit| begun.elapsed() < limit).then(|| queue.lock().unwrap().next()).flatten();
    let count = std::sync::Mutex::new(Count::default());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| work(&next, &count));
        }
    });
    let count = count.into_inner().unwrap();
    count.tell(all, seed, begun.elapsed())
}

/// Cuts the power of an honest run everywhere, and that of one whose journal is never synced: the first must lose
/// nothing, and the second must be found out, or the cuts prove nothing.
fn power_cuts(words: &[&str]) -> ExitCode {
    if !possible() {
        println!("the power cuts need root, and files that can be mounted");
        return ExitCode::FAILURE;
    }
    let every = usize::try_from(number(words, "--every", 1)).unwrap_or(1);
    let begun = Instant::now();
    let mut well = true;
    for (act, syncs) in [(Act::Run, Syncs::Made), (Act::Resume, Syncs::Made), (Act::Run, Syncs::OfTheJournalPretended)]
    {
        let cuts = match cut(act, syncs, every) {
            Ok(cuts) => cuts,
            Err(why) => {
                println!("{why}");
                return ExitCode::FAILURE;
            }
        };
        let (instants, tried, found) = (cuts.instants, cuts.tried, cuts.violations.len());
        println!("{act:?}, syncs {syncs:?}: {instants} instants, {tried} cuts, {found} violations");
        if syncs == Syncs::Made {
            cuts.violations.iter().for_each(|why| println!("VIOLATION {why}\n"));
        }
        well &= (syncs == Syncs::Made) == (found == 0);
    }
    println!("{} s", begun.elapsed().as_secs());
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Feeds one worker, trial by trial.
fn work(next: &dyn Fn() -> Option<Trial>, count: &std::sync::Mutex<Count>) {
    let mut worker = Command::new(std::env::current_exe().unwrap());
    let mut worker = worker.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut orders = worker.stdin.take().unwrap();
    let mut answers = BufReader::new(worker.stdout.take().unwrap()).lines();
    while let Some(trial) = next() {
        std::io::Write::write_all(&mut orders, format!("{}\n", words_of(&trial)).as_bytes()).unwrap();
        let line = answers.next().expect("a worker answers").unwrap();
        let shown: serde_json::Value = serde_json::from_str(&line).expect("a worker answers in JSON");
        count.lock().unwrap().take(&trial, &shown);
    }
    drop(orders);
    worker.wait().unwrap();
}

#[derive(Default)]
struct Count {
    trials: usize,
    by_place: BTreeMap<String, usize>,
    violations: Vec<String>,
}

impl Count {
    fn take(&mut self, trial: &Trial, shown: &serde_json::Value) {
        self.trials += 1;
        if self.trials.is_multiple_of(NEWS) {
            println!("{} trials, {} violations", self.trials, self.violations.len());
        }
        if let Some(place) = shown["fell"].as_str() {
            *self.by_place.entry(place.to_owned()).or_default() += 1;
        }
        if let Some(why) = shown["violation"].as_str() {
            let place = shown["fell"].as_str().unwrap_or("nothing");
            println!("VIOLATION {} ({place})\n{why}\n", words_of(trial));
            self.violations.push(words_of(trial));
        }
    }

    fn tell(&self, all: usize, seed: u64, took: Duration) -> ExitCode {
        println!("places that failed:");
        for (place, times) in &self.by_place {
            println!("  {times:>4}  {place}");
        }
        println!(
            "{} of {all} trials (seed {seed}), {} faults fell, {} violations, {} s",
            self.trials,
            self.by_place.values().sum::<usize>(),
            self.violations.len(),
            took.as_secs()
        );
        if self.violations.is_empty() && self.trials > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
