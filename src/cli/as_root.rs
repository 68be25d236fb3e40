//! Root is refused, unless the runbook says that it runs as root.

use crate::engine::record::Who;
use crate::engine::{Exit, Plan};
use crate::session::Trouble;
use crate::text::plain;

/// Refuses to run as root what does not say so. It is no question of what this machine allows, but of what was
/// reviewed; so it ends like bytes that nobody reviewed.
pub fn refuse(plan: &Plan, who: &Who) -> Result<(), Trouble> {
    if who.euid != 0 {
        return Ok(());
    }
    plan.as_root().map_err(|why| {
        let id = plan.runbook.id.as_str();
        Trouble::Failed {
            exit: Exit::NotTrusted,
            message: format!(
                "not as root: {}; nothing ran\n\
                 help: run it as yourself; a step that needs root says `user: root`, and has it by sudo for itself alone\n\
                 help: or let its author write `user: root` below its title, and have that reviewed\n\
                 help: to see every command, which runs nothing: locum run {id} --dry-run",
                plain(&why.to_string())
            ),
        }
    })
}
