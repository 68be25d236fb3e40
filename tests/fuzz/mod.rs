//! What the fuzz targets found worth keeping, judged again by every `cargo test`; README.md says how it came about.

mod judge {
    pub mod journal;
    pub mod loader;
    pub mod quoting;
    pub mod redactor;
    pub mod sanitizer;
}

use std::fs;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use crate::support::{said, top};

/// Most bytes of all inputs together.
const MOST_BYTES: u64 = 300 * 1024;

/// Most inputs of one target.
const MOST_INPUTS: usize = 200;

/// How long one input may take; a hundred times what any needs.
const LONGEST: Duration = Duration::from_secs(20);

/// Puts every input of a target to its judge, and names each that is found guilty.
fn replay(target: &str, judge: fn(&[u8])) {
    let mut found = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(top().join("tests/fuzz/corpus").join(target)).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        let begin = Instant::now();
        if catch_unwind(|| judge(&input)).is_err() {
            found.push(said(&path));
        }
        assert!(begin.elapsed() < LONGEST, "{} takes {:?}", said(&path), begin.elapsed());
        count += 1;
    }
    assert!(found.is_empty(), "what was said is above: {found:#?}");
    assert!((10..=MOST_INPUTS).contains(&count), "{count} inputs of {target}");
}

#[test]
fn any_bytes_are_a_runbook_or_have_placed_problems() {
    replay("loader", judge::loader::judge);
}

#[test]
fn any_value_in_any_template_stays_data() {
    replay("quoting", judge::quoting::judge);
}

#[test]
fn any_bytes_become_text_that_is_harmless() {
    replay("sanitizer", judge::sanitizer::judge);
}

#[test]
fn a_secret_in_any_form_and_chunks_never_comes_out() {
    replay("redactor", judge::redactor::judge);
}

#[test]
fn any_bytes_as_a_journal_have_one_class() {
    replay("journal", judge::journal::judge);
}

#[test]
fn the_corpus_is_small() {
    let folders = fs::read_dir(top().join("tests/fuzz/corpus")).unwrap().map(|entry| entry.unwrap().path());
    let inputs =
        folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().metadata().unwrap());
    let bytes: u64 = inputs.map(|input| input.len()).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes, expected at most {MOST_BYTES}; minimise it as README.md says");
}
