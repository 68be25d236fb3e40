//! An owner without a deputy: a bus factor of one.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    let head = &ground.runbook.head;
    let Some(owner) = &head.owner else { return };
    if head.deputies.iter().any(|deputy| deputy.value != owner.value) {
        return;
    }
    let message = format!("`{}` owns this runbook alone", owner.value);
    problems.push(
        Diagnostic::new(Code::NoDeputy, ground.file, owner.span, message)
            .help("add `deputies:` with somebody who can do it when the owner is ill"),
    );
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn an_owner_has_a_deputy_who_is_somebody_else() {
        let alone = ["3:8 no-deputy: `komari` owns this runbook alone"];
        assert_eq!(warnings_in("owner: komari\nrepair: [x]\n"), alone);
        assert_eq!(warnings_in("owner: komari\ndeputies: [komari]\nrepair: [x]\n"), alone);
        assert!(warnings_in("owner: komari\ndeputies: [pepe]\nrepair: [x]\n").is_empty());
        assert!(warnings_in("repair: [x]\n").is_empty());
    }
}
