//! locum: runbooks as code, so that the second-in-command can repair a system when the only expert is ill.
//!
//! ```text
//! runbooks/*.yaml -> SourceFile -> yaml (spans) -> load -> Runbook -+-> book  -> mdBook site
//!                         '----------- Diagnostics -> lint          '-> engine::Plan
//! keys, child exit, timers, signals -> Msg -> Command(at, who) -> decide -> records + effects | Refusal
//! records -> journal (append, sync) -> apply -> Run -> tui | plain | headless | report   effects -> exec -> Msg ...
//! journal -> replay -> Run   (the same Run)
//! ```
//!
//! The folders are layers; a file uses what stands above its own row, or left of it in the row.
//! `tests/layers.rs` keeps the arrows true.
//!
//! | layer | folders |
//! |---|---|
//! | L0 | `text` `source` |
//! | L1 | `diagnostic` |
//! | L2 | `yaml` `template` |
//! | L3 | `model` `load` `schema` `lint` |
//! | L4 | `engine` `view` `report` `book` (pure: no clock, file, process, environment or terminal up to here) |
//! | L5 | `host` `config` `journal` `exec` `probe` `guard` `lab` `workspace` `trust` `site` |
//! | L6 | `session` |
//! | L7 | `tui` `plain` `headless` |
//! | L8 | `cli` |

// L0
pub mod source;
pub mod text;
// L1
pub mod diagnostic;
// L2
pub mod template;
pub mod yaml;
// L3
pub mod lint;
pub mod load;
pub mod model;
pub mod schema;
// L4
pub mod book;
pub mod engine;
pub mod report;
pub mod view;
// L5
pub mod config;
pub mod exec;
pub mod guard;
pub mod host;
pub mod journal;
pub mod lab;
pub mod probe;
pub mod site;
pub mod trust;
pub mod workspace;
// L6
pub mod session;
// L7
pub mod headless;
pub mod plain;
pub mod tui;
// L8
pub mod cli;
