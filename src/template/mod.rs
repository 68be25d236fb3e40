//! Templates: `{{ name }}` in prose, commands and conditions, and what keeps a value from becoming syntax.
//!
//! Responsible for the template language itself (minijinja with strict undefined and a short list of tags,
//! filters and tests) and for quoting each value by its lexical place in a shell command. Not responsible for
//! where a template stands in a file: a [`Problem`] is placed by bytes of the template, the caller maps them.
//!
//! A command is rendered in two passes. The first renders the text with the real control flow, but with a blank
//! for each hole, and lexes it as a shell would ([`lexer`]): values never take part in it, so no value can move a
//! quote. The second writes each value into its hole, quoted for the place the lexer found; a place where that is
//! not possible is a problem with a remedy ([`place`]), and so is a word that a program evaluates again ([`audit`]).
//!
//! [`check_command`] does the same without values, over every combination of branches, for `lint`.
//! [`render_command`] never trusts that and looks again, at the values themselves.

mod argv;
mod audit;
mod command;
mod engine;
mod expression;
mod forms;
mod lexer;
mod names;
mod place;
mod problem;
mod programs;
mod prose;
mod quote;
#[cfg(test)]
mod received;
mod secret;
mod syntax;
mod token;
mod values;

pub use argv::{check_argv, render_argv};
pub use command::{NameRule, Shell, check_command, render_command};
pub use expression::{StepResults, evaluate, expression_names, expression_steps};
pub use names::{Name, names};
pub use problem::{Problem, ProblemKind};
pub use programs::{starters, unwrapped};
pub use prose::render_text;
pub use secret::{Part, check_secrets, lone_name, render_parts, secrets_in};
pub use values::Values;

/// What a rendered command may weigh, in bytes.
pub const COMMAND_LIMIT: usize = 16 * 1024;

/// What a rendered text may weigh, in bytes.
pub const TEXT_LIMIT: usize = 256 * 1024;
