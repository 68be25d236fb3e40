//! Several ways to do the same, run in turns, so that what disturbs the machine disturbs all of them.

use std::sync::Mutex;
use std::time::Duration;

/// Lanes that are run in turns; the first is the baseline.
pub struct Race<'a> {
    title: String,
    lanes: Vec<Lane<'a>>,
    baseline: Baseline,
}

/// Whether the lane that the others are measured by is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Baseline {
    First,
    Missing,
}

/// What is wanted of a lane.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// At most so many times the baseline.
    Times(f64),
    /// At most so long.
    Within(Duration),
}

/// Every goal and how near it was, in the order in which they were measured.
static VERDICTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lane<'a> {
    name: String,
    run: Box<dyn FnMut() -> Duration + 'a>,
    times: Vec<Duration>,
    goals: Vec<Goal>,
}

/// What came of a lane, in the order of the lanes.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub min: Duration,
    pub median: Duration,
}

impl<'a> Race<'a> {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lanes: Vec::new(), baseline: Baseline::First }
    }

    /// One more lane. It says itself how long it took, so that preparing and tidying up do not count.
    pub fn lane(mut self, name: impl Into<String>, run: impl FnMut() -> Duration + 'a) -> Self {
        self.lanes.push(Lane { name: name.into(), run: Box::new(run), times: Vec::new(), goals: Vec::new() });
        self
    }

    /// A lane for a tool that the machine may lack; that it is missing is said aloud.
    pub fn maybe(mut self, name: &str, tool: Option<impl FnMut() -> Duration + 'a>) -> Self {
        if let Some(run) = tool {
            return self.lane(name, run);
        }
        if self.lanes.is_empty() {
            self.baseline = Baseline::Missing;
        }
        println!("SKIPPED: {name}: it is not on PATH");
        self
    }

    /// The last lane is wanted to take at most so many times the baseline.
    pub fn at_most(self, times: f64) -> Self {
        self.wanted(Goal::Times(times))
    }

    /// The last lane is wanted to take at most so long.
    pub fn within(self, time: Duration) -> Self {
        self.wanted(Goal::Within(time))
    }

    fn wanted(mut self, goal: Goal) -> Self {
        self.lanes.last_mut().expect("a lane before its goal").goals.push(goal);
        self
    }

    /// Runs each lane once to warm up (unless one round is all), then all in turns; prints the table.
    pub fn run(mut self, rounds: usize) -> Vec<Time> {
        for lane in self.lanes.iter_mut().filter(|_| rounds > 1) {
            (lane.run)();
        }
        for _ in 0..rounds {
            for lane in &mut self.lanes {
                let time = (lane.run)();
                lane.times.push(time);
            }
        }
        let times: Vec<Time> = self.lanes.iter_mut().map(Lane::time).collect();
        println!("\n{} ({rounds} rounds)", self.title);
        println!("  {:<44} {:>11} {:>11} {:>9} {:>9}", "", "min", "median", "x min", "x median");
        for (lane, time) in self.lanes.iter().zip(&times) {
            println!(
                "  {:<44} {:>11} {:>11} {:>9.2} {:>9.2}",
                lane.name,
                human(time.min),
                human(time.median),
                ratio(time.min, times[0].min),
                ratio(time.median, times[0].median)
            );
        }
        for (lane, time) in self.lanes.iter().zip(&times) {
            for goal in &lane.goals {
                self.judge(lane, *goal, *time, times[0]);
            }
        }
        times
    }

    fn judge(&self, lane: &Lane, goal: Goal, time: Time, baseline: Time) {
        let what = format!("{}: {}", self.title, lane.name);
        match goal {
            Goal::Within(most) => judged(&what, time.median.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3, " ms"),
            Goal::Times(_) if self.baseline == Baseline::Missing => {}
            // Where others use the disk, medians are theirs; where a round was lucky, minima are.
            Goal::Times(most) => {
                let worse = ratio(time.median, baseline.median).max(ratio(time.min, baseline.min));
                judged(&what, worse, most, " x");
            }
        }
    }
}

impl Lane<'_> {
    fn time(&mut self) -> Time {
        self.times.sort_unstable();
        Time { min: self.times[0], median: self.times[self.times.len() / 2] }
    }
}

/// Says whether a figure is as good as wanted, now and at the end.
pub fn judged(what: &str, value: f64, most: f64, unit: &str) {
    let verdict = if value <= most { "met" } else { "MISSED" };
    let line = format!("{verdict:<6}  {value:>8.2}{unit} of at most {most}{unit}  {what}");
    println!("  goal {line}");
    VERDICTS.lock().unwrap().push(line);
}

/// Every goal and how near it was.
pub fn verdicts() -> Vec<String> {
    VERDICTS.lock().unwrap().clone()
}

/// How many times longer one is than the other.
pub fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// A duration in the unit that suits it.
pub fn human(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 0.001 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{:.0} µs", seconds * 1e6),
    }
}

/// How fast so many bytes went by.
pub fn rate(bytes: u64, time: Duration) -> String {
    let per_second = u128::from(bytes) * 1000 / time.as_millis().max(1);
    format!("{} MB/s", per_second / 1_000_000)
}
