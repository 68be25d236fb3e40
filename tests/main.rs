//! One integration binary; one module a feature.

#![expect(clippy::disallowed_methods, reason = "tests are an edge too: they start programs and read the environment")]

mod announce;
mod attach;
mod chapters;
mod dead_man;
mod deeds;
mod documents;
mod drill;
mod edit;
mod elsewhere;
mod exec;
mod far;
mod fence;
mod fuzz;
mod get_in;
mod golden;
mod handing;
mod include;
mod kill;
mod layers;
mod line;
mod order;
mod places;
mod planes;
mod preflight;
mod probes;
mod replay;
mod resume;
mod root;
mod run;
mod safety;
mod secrets;
mod side_shell;
mod ssh;
mod stage;
mod sudo;
mod support;
mod terminal;
mod trust;
mod two;
mod way_back;
