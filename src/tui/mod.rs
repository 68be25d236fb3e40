//! The run screen.
