//! One integration binary; one module a feature.

mod documents;
mod drill;
mod exec;
mod layers;
mod run;
mod support;
