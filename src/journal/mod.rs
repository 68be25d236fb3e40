//! The record of who did what: lines, chain, files, damage.
