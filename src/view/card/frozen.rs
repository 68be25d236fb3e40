//! The card of a broken guard: what changed, what it means, what not to do, and the ways on. There is no key to go on.

use super::place::{question, who_to_ask};
use super::{Card, Tone, about};
use crate::engine::record::{Changed, Mode};
use crate::engine::resolve::Resolver;
use crate::engine::{AttemptId, Plan, Run};
use crate::model::Text;
use crate::model::runbook::IfBroken;
use crate::view::key_hint::{Act, KeyHint};
use crate::view::row::{Label, Rows};
use crate::view::words;

/// The card of a broken guard.
pub(super) fn frozen(plan: &Plan, run: &Run, attempt: Option<&AttemptId>) -> Card {
    let mut rows = Rows::default();
    let broken = run.broken.as_ref();
    let changed: &[Changed] = broken.map_or(&[], |broken| &broken.changed);
    let step = attempt.and_then(|attempt| run.attempts.get(attempt)).map(|attempt| attempt.intent.step.clone());
    rows.one(
        Label::What,
        match &step {
            Some(step) => format!("`{step}` ({}) changed what must not change.", words::title(plan, run, step)),
            None if attempt.is_some_and(|id| run.shell(id).is_some()) => {
                "What must not change did, while the side shell was open.".to_owned()
            }
            None => "What must not change did, and no command of this run did it: a deed by hand, or somebody else."
                .to_owned(),
        },
    );
    rows.add(Label::Changed, changed.iter().map(line));
    said(plan, run, changed, &mut rows);
    rows.add(Label::WaysOn, ways_on(run));
    let first =
        changed.first().map_or_else(String::new, |changed| format!("{} ({}), ", short(&changed.path), changed.what));
    let by = step.as_ref().map_or_else(String::new, |step| format!("{step} broke a guard: "));
    rows.one(
        Label::Ask,
        question(plan, run, &format!("{by}{first}{} in all. Stopped. Go the way back?", changed.len())),
    );
    rows.add(Label::HandOver, who_to_ask(plan));
    let back = run.newest_way_back().is_some();
    let keys = vec![
        KeyHint::new("u", "way back", Act::ShowWayBack).only(back && run.running().is_none()),
        KeyHint::new("m", "write a note", Act::Note),
        KeyHint::new("o", "output", Act::Output).only(!run.attempts.is_empty()),
        KeyHint::new("?", "I am not sure", Act::Help),
        KeyHint::leave(run),
    ];
    let headline = format!("STOPPED: {} of what must not change did.", changed.len().max(1));
    let mut card = about(Tone::Frozen, headline, rows.0, keys);
    card.key = step;
    card
}

fn line(changed: &Changed) -> String {
    let (before, after) = (brief(&changed.before), brief(&changed.after));
    let values = match (before.as_str(), after.as_str()) {
        ("", "") => String::new(),
        (before, "") => format!(": was {before}"),
        ("", after) => format!(": is {after}"),
        (before, after) => format!(": from {before} to {after}"),
    };
    format!("{}  {}{values}", words::line(&changed.path), words::line(&changed.what))
}

/// A value for the eye: of a digest the beginning; the whole of it is on record.
fn brief(value: &str) -> String {
    let word = |word: &str| {
        let digest = word.len() >= 32 && word.chars().all(|letter| letter.is_ascii_hexdigit());
        if digest { format!("{}…", &word[..12]) } else { word.to_owned() }
    };
    words::line(value).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The end of a path, for a message that must be short.
fn short(path: &str) -> String {
    words::line(path.rsplit('/').next().unwrap_or(path))
}

/// What the runbook says for this case: of each guard that is broken, the scope first.
fn said(plan: &Plan, run: &Run, changed: &[Changed], rows: &mut Rows) {
    let resolver = Resolver::new(plan, run, None);
    let head = &plan.runbook.head;
    let hit = |files: &[Text]| {
        files.iter().any(|file| {
            let root = resolver.prose(file);
            changed.iter().any(|changed| {
                changed
                    .path
                    .strip_prefix(root.trim_end_matches('/'))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        })
    };
    let of_scope = head.scope.iter().filter(|scope| hit(&scope.files)).filter_map(|scope| scope.if_broken.as_ref());
    let of_others = head.must_not_change.iter().filter(|guard| {
        hit(guard.files.as_deref().unwrap_or_default())
            || changed.iter().any(|changed| changed.path == resolver.prose(&guard.what))
    });
    let all: Vec<&IfBroken> = of_scope.chain(of_others.filter_map(|guard| guard.if_broken.as_ref())).collect();
    let texts = |of: fn(&IfBroken) -> Option<&Text>| {
        all.iter().filter_map(|said| of(said)).map(|text| resolver.prose(text)).collect::<Vec<_>>()
    };
    rows.add(Label::Means, texts(|said| said.means.as_ref()));
    rows.add(Label::Worse, texts(|said| said.worse_with_time.as_ref()));
    rows.add(Label::DoNot, texts(|said| said.do_not.as_ref()));
}

fn ways_on(run: &Run) -> Vec<String> {
    let back = match run.newest_way_back() {
        Some(attempt) => format!("u  way back: undoes `{}`, and is measured", attempt.intent.step),
        None => "   there is no way back".to_owned(),
    };
    let left = match run.mode() {
        Mode::Drill => "q  leave it so: the lab ends, and the record stays",
        Mode::Live | Mode::Look | Mode::Preflight => "q  leave it so: the run is kept, and stays stopped",
    };
    vec![
        back,
        "   ask first: the text below is ready".to_owned(),
        "   hand over: somebody else decides".to_owned(),
        left.to_owned(),
        "There is no key to go on.".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::Does;
    use crate::view::card::here;
    use crate::view::sample;

    fn row(card: &Card, label: Label) -> Vec<String> {
        card.rows.iter().filter(|row| row.label == label).flat_map(|row| row.lines.clone()).collect()
    }

    #[test]
    fn a_frozen_run_says_what_changed_from_what_to_what_and_what_not_to_do() {
        let sample = sample::frozen();
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.headline, "STOPPED: 2 of what must not change did.");
        assert_eq!(
            row(&card, Label::Changed)[0],
            "/etc/kubernetes/pki/ca.crt  contents: from sha256 1f0c to sha256 9ab2"
        );
        assert!(row(&card, Label::Means)[0].starts_with("A new CA with the old name was made"));
        assert!(row(&card, Label::Worse)[0].starts_with("slowly"));
        assert_eq!(row(&card, Label::DoNot), ["restart a pod, the kubelet or the machine"]);
        assert!(row(&card, Label::Ask)[0].chars().count() <= 160);
        assert_eq!(row(&card, Label::HandOver), ["call komari, or pepe"]);
    }

    #[test]
    fn a_digest_is_shortened_for_the_eye_and_nothing_else_is() {
        assert_eq!(brief(&format!("sha256 {}", "0123456789abcdef".repeat(4))), "sha256 0123456789ab…");
        assert_eq!(brief("mode 0644"), "mode 0644");
        assert_eq!(
            brief("/etc/kubernetes/pki/apiserver-etcd-client.crt"),
            "/etc/kubernetes/pki/apiserver-etcd-client.crt"
        );
    }

    #[test]
    fn a_frozen_run_has_no_key_that_acts() {
        let sample = sample::frozen();
        let card = here(&sample.plan, &sample.run);
        assert!(card.keys.iter().all(|hint| !hint.act.acts()), "{:?}", card.keys);
        assert_eq!(card.key_for("u").map(|hint| &hint.act), Some(&Act::ShowWayBack));
    }

    #[test]
    fn without_a_way_back_the_key_is_shown_and_off() {
        let mut sample = sample::frozen();
        for attempt in sample.run.attempts.values_mut().filter(|attempt| attempt.intent.does == Does::Change) {
            attempt.undone = true;
        }
        let card = here(&sample.plan, &sample.run);
        assert!(card.key_for("u").is_none());
        assert!(card.keys.iter().any(|hint| hint.key == "u"));
    }
}
