//! Text itself: names, durations, widths, quoting, and the two gates (sanitizer, redactor) that captured bytes pass.
//!
//! Everything here is a function of its input: no clock, file, process or terminal.

pub mod amount;
pub mod base64;
pub mod duration;
pub mod expect_text;
pub mod hex;
pub mod invisible;
pub mod markdown;
pub mod pattern;
pub mod redactor;
pub mod sanitizer;
pub mod sgr;
pub mod shell;
pub mod shell_words;
pub mod slug;
pub mod suggestion;
pub mod utf8;
pub mod width;
pub mod zone;

pub use amount::{Amount, bytes_text};
pub use base64::base64;
pub use duration::{human, parse_duration};
pub use expect_text::contains_at_word_borders;
pub use hex::{hex, sha256};
pub use pattern::CommandPattern;
pub use redactor::Redactor;
pub use sanitizer::{Colours, Sanitizer, plain, plain_lines};
pub use slug::slug;
pub use suggestion::suggest;
pub use zone::Zone;
