//! What the fence around a look may have to do with how the look ended.

use std::path::Path;

use super::ask::tail;
use crate::engine::record::{EndResult, Facts, Held, Judged};
use crate::exec::stderr_blob;

/// How much of the end of an output is searched, in bytes.
const SEARCHED: u64 = 8 * 1024;

/// Notes what held a look. Whether a write was refused is known only from the words of the program: root is refused
/// nothing else here, so for root they are no fault of what was looked at.
pub fn note(facts: &mut Facts, held: Held, blob: &Path, is_root: bool) {
    if facts.result == EndResult::NotStarted {
        return;
    }
    facts.held = Some(held);
    if held == Held::Promised || facts.judged != Judged::Failed {
        return;
    }
    let said = [blob.to_owned(), stderr_blob(blob)].map(|blob| tail(&blob, SEARCHED).unwrap_or_default());
    let said = said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if said.contains("Permission denied") {
        facts.found.push(
            "a look is fenced: it may write into $TMPDIR and nowhere else; if that was it, make it a `change`"
                .to_owned(),
        );
        if is_root && !said.contains("publickey") {
            facts.judged = Judged::Unknown;
        }
    } else if said.contains("no new privileges") {
        facts.found.push(
            "a look is fenced: a script that it calls cannot use sudo; write sudo into the look itself".to_owned(),
        );
        facts.judged = Judged::Unknown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(held: Held, judged: Judged, said: &str, is_root: bool) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("1-4-ab.out");
        std::fs::write(stderr_blob(&blob), said).unwrap();
        let mut facts = Facts::new(EndResult::Exited, judged);
        note(&mut facts, held, &blob, is_root);
        facts
    }

    #[test]
    fn a_refused_write_is_no_fault_where_only_the_fence_refuses() {
        let said = "touch: cannot touch '/etc/x': Permission denied\n";
        let root = noted(Held::Fenced, Judged::Failed, said, true);
        assert_eq!((root.judged, root.held), (Judged::Unknown, Some(Held::Fenced)));
        assert!(root.found[0].contains("make it a `change`"));
        let user = noted(Held::Fenced, Judged::Failed, said, false);
        assert_eq!((user.judged, user.found.len()), (Judged::Failed, 1));
    }

    #[test]
    fn what_another_machine_refuses_stays_a_fault() {
        let facts = noted(Held::Fenced, Judged::Failed, "root@masato: Permission denied (publickey).\n", true);
        assert_eq!(facts.judged, Judged::Failed);
    }

    #[test]
    fn sudo_inside_a_script_cannot_be_told() {
        let said = "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.\n";
        assert_eq!(noted(Held::Fenced, Judged::Failed, said, false).judged, Judged::Unknown);
    }

    #[test]
    fn what_passed_or_was_only_promised_has_no_hint() {
        assert_eq!(noted(Held::Fenced, Judged::Passed, "Permission denied", true).found, Vec::<String>::new());
        let promised = noted(Held::Promised, Judged::Failed, "Permission denied", true);
        assert_eq!((promised.judged, promised.found.len()), (Judged::Failed, 0));
        assert_eq!(promised.held, Some(Held::Promised));
    }
}
