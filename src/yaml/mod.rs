//! Text to tree: YAML 1.2 as a strict subset, in which every key and value has a place.

mod bites;
mod characters;
mod limits;
mod node;
mod parse;
mod places;

pub use characters::{LookAlike, look_alike};
pub use limits::{MAX_DEPTH, MAX_FILE, MAX_NODES, file_too_large, read_text};
pub use node::{Entry, Key, Kind, Node, Places, Scalar, Style};
pub use parse::parse;
