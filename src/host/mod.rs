//! This machine: clock, actor, randomness. Everything that varies is asked for here, at the edge.

pub mod actor;
pub mod clock;
pub mod cores;
pub mod random;

pub use clock::Clock;
