//! Inputs for the judge of the redactor.

#![no_main]

#[path = "../judge/redactor.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::judge(bytes));
