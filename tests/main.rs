//! One integration binary; one module a feature.

mod exec;
