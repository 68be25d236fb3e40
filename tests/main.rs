//! One integration binary; one module a feature.

mod documents;
mod exec;
