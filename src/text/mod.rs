//! Text itself: widths, names, sanitizer, redactor.

pub mod duration;
pub mod suggestion;
