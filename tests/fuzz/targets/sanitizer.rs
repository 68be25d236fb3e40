//! Inputs for the judge of the sanitizer.

#![no_main]

#[path = "../judge/sanitizer.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::judge(bytes));
