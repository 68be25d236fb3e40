//! This machine: clock, actor, randomness.
