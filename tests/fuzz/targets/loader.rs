//! Inputs for the judge of the loader.

#![no_main]

#[path = "../judge/loader.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::judge(bytes));
