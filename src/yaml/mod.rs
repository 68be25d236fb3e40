//! Text to tree: YAML 1.2 as a strict subset, in which every key and value has a place.

mod node;

pub use node::{Entry, Key, Kind, Node, Places, Scalar, Style};
