//! Inputs for the judge of the journal.

#![no_main]

#[path = "../judge/journal.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::judge(bytes));
