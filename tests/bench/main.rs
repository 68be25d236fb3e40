//! What locum costs, each figure beside a baseline of the same run: `cargo bench`, or `cargo bench -- steps lint`.
//!
//! One program, so that it is linked once; one module a question. Nothing here fails because something is slow: a
//! machine that is busy would fail too. Without `--bench` (as under `cargo test --benches`) everything runs once and
//! small, to see that it still works.
#![expect(
    clippy::disallowed_methods,
    reason = "what is measured is the start of processes, in an environment of its own"
)]

mod audit;
mod book;
mod generate;
mod lint;
mod output;
mod pty;
mod race;
mod room;
mod start;
mod steps;

use std::time::Instant;

use room::Scale;

/// Answers one question on standard output.
type Bench = fn(Scale);

/// A question that can be asked, by name.
const ALL: [(&str, Bench); 6] = [
    ("start", start::bench),
    ("steps", steps::bench),
    ("output", output::bench),
    ("lint", lint::bench),
    ("audit", audit::bench),
    ("book", book::bench),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let scale = if words.iter().any(|word| word == "--bench") { Scale::Full } else { Scale::Small };
    let wanted: Vec<_> = words.iter().filter(|word| !word.starts_with('-')).collect();
    for name in &wanted {
        assert!(ALL.iter().any(|(known, _)| known == name), "there is no `{name}`; {:?}", ALL.map(|(known, _)| known));
    }
    println!("locum {}, {}, {}", env!("CARGO_PKG_VERSION"), room::machine(), room::exe().display());
    for (name, bench) in ALL {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            println!("\n## {name}");
            let begun = Instant::now();
            bench(scale);
            println!("\n({name} took {} s)", begun.elapsed().as_secs());
        }
    }
    println!("\n## goals (times by the median, ratios by the worse of median and minimum)");
    for verdict in race::verdicts() {
        println!("{verdict}");
    }
}
