//! One integration binary; one module a feature.

mod documents;
mod drill;
mod exec;
mod kill;
mod layers;
mod run;
mod stage;
mod support;
