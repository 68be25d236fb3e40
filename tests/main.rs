//! One integration binary; one module a feature.

mod exec;
mod kill;
mod order;
mod resume;
mod safety;
mod stage;
