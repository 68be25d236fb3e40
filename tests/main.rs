//! One integration binary; one module a feature.

mod chapters;
mod documents;
mod drill;
mod exec;
mod kill;
mod layers;
mod order;
mod resume;
mod run;
mod safety;
mod stage;
mod support;
