//! Tree to model: every problem of a file in one pass.
