//! The book of a hundred and of a thousand runbooks, beside `mdbook build` of the same Markdown.
//!
//! Wants `mdbook` on `PATH`. It is given the very pages that locum makes, so that both draw the same.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use locum::book::{PageFacts, index, page};
use locum::load::load;
use locum::source::SourceFile;

use crate::generate;
use crate::lint::written;
use crate::race::{Race, judged, ratio};
use crate::room::{Room, Scale, bytes_below, on_path, timed};

pub fn bench(scale: Scale) {
    let (few, many) = (scale.of(100, 3), scale.of(1000, 6));
    let mdbook = on_path("mdbook");
    let growth: Vec<Duration> = [few, many].map(|count| side(count, mdbook.as_ref(), scale)).to_vec();
    judged(&format!("the book of {} x the runbooks", many / few), ratio(growth[1], growth[0]), 12.0, " x");
}

/// The median of locum.
fn side(count: usize, mdbook: Option<&PathBuf>, scale: Scale) -> Duration {
    let room = Room::new();
    let files = written(&room, count);
    markdown(&room, count);
    println!("{count} runbooks, {} KiB of Markdown", bytes_below(&room.path("md/src")) >> 10);
    let build = || timed(&mut room.locum(&["book", "build", "--out", "site"]));
    let fresh = || {
        let _ = std::fs::remove_dir_all(room.path("site"));
    };
    let theirs = mdbook.map(|mdbook| {
        let room = &room;
        move || {
            let _ = std::fs::remove_dir_all(room.path("md/book"));
            timed(&mut room.silent(mdbook, &["build", "md"]))
        }
    });
    let mut race = Race::new(format!("the book of {count} runbooks"));
    let ours = usize::from(theirs.is_some());
    race = race.maybe("mdbook build", theirs).lane("locum book build", || {
        fresh();
        build()
    });
    race = race.at_most(0.6);
    let mut version = 0;
    race = race.lane("locum book build, one runbook changed", || {
        if !room.path("site").exists() {
            build();
        }
        version += 1;
        let text = generate::runbook(0).replace("version: 1.0.0", &format!("version: 1.0.{version}"));
        std::fs::write(&files[0], text).unwrap();
        build()
    });
    race.within(Duration::from_millis(500)).run(if count > 100 { 1 } else { scale.of(5, 1) })[ours].median
}

/// The pages of these runbooks as the sources of mdBook.
fn markdown(room: &Room, count: usize) {
    let loaded = |number: usize| {
        let text = generate::runbook(number);
        let loaded = load(&generate::id(number), SourceFile::new(generate::id(number), text.as_str()));
        (loaded.runbook.expect("a runbook without mistakes"), text)
    };
    let runbooks: Vec<_> = (0..count).map(loaded).collect();
    let facts = PageFacts { ids: (0..count).map(generate::id).collect(), ..PageFacts::default() };
    let mut pages = index::pages(&runbooks.iter().map(|(runbook, _)| runbook).collect::<Vec<_>>());
    pages.extend(runbooks.iter().map(|(runbook, text)| page(runbook, text, &facts)));
    let mut summary = "# Summary\n\n".to_owned();
    for page in pages {
        let _ = writeln!(summary, "- [{}]({})", page.title, page.path);
        room.write(&format!("md/src/{}", page.path), &page.markdown);
    }
    room.write("md/src/SUMMARY.md", &summary);
    room.write("md/book.toml", "[book]\ntitle = \"Runbooks\"\n[output.html.playground]\ncopyable = true\n");
}
