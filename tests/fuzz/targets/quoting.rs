//! Inputs for the judge of the quoting.

#![no_main]

#[path = "../judge/quoting.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::judge(bytes));
