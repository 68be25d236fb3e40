//! One integration binary; one module a feature.

#![expect(clippy::disallowed_methods, reason = "tests are an edge too: they start programs and read the environment")]

mod documents;
mod drill;
mod exec;
mod kill;
mod layers;
mod run;
mod stage;
mod support;
