//! What must be true: the expectations of a step, its tests, its branches, in words.

use crate::engine::resolve::{ExpectLine, Resolved, Resolver, TestLine, Work};
use crate::engine::{Key, Plan, Run};
use crate::model::branch::To;
use crate::model::{Phase, StepKind};
use crate::text::human;
use crate::view::words;

/// What a good end is.
pub(super) fn good(resolved: &Resolved) -> Vec<String> {
    let mut lines = match &resolved.work {
        Work::Command(_) | Work::Test(TestLine::Command(_)) | Work::Wait { test: TestLine::Command(_), .. } => {
            vec![output(&resolved.expect)]
        }
        Work::Test(TestLine::Probe(_)) | Work::Wait { test: TestLine::Probe(_), .. } => vec!["it holds".to_owned()],
        Work::Restore => vec!["every entry is as before, measured".to_owned()],
        Work::ByHand(_) => vec!["you did it, and saw that it worked".to_owned()],
        Work::Terminal(_) => vec!["you did in it what is asked, and say so when it has ended".to_owned()],
        Work::Edit { .. } => vec!["the file is replaced, mode and owner as before".to_owned()],
        Work::Announce { .. } => vec!["they know it".to_owned()],
        Work::Question { .. } => Vec::new(),
    };
    if let Work::Wait { every, at_most, hold, .. } = &resolved.work {
        let held = if hold.is_zero() { String::new() } else { format!(", and holds for {}", human(*hold)) };
        lines.push(format!("asked every {}, at most {}{held}", human(*every), human(*at_most)));
    }
    lines.extend(resolved.done_when.iter().map(|test| format!("then holds: {}", test.shown())));
    lines
}

fn output(expect: &ExpectLine) -> String {
    let mut parts = vec![format!("exit {}", expect.exit.unwrap_or(0))];
    parts.extend(expect.contains.iter().map(|text| format!("\"{text}\"")));
    parts.extend(expect.not_contains.iter().map(|text| format!("no \"{text}\"")));
    parts.extend(expect.equals.iter().map(|text| format!("exactly \"{text}\"")));
    parts.extend(expect.matches.iter().map(|text| format!("a match of /{text}/")));
    parts.extend(expect.not_matches.iter().map(|text| format!("no match of /{text}/")));
    parts.extend(expect.empty.map(|empty| if empty { "no output" } else { "some output" }.to_owned()));
    match parts.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        _ => parts.concat(),
    }
}

/// What follows where it is not good.
pub(super) fn if_not(plan: &Plan, run: &Run, key: &Key) -> Vec<String> {
    let Some(item) = plan.item(&key.id) else { return Vec::new() };
    let resolver = Resolver::new(plan, run, Some(key));
    let branches = &item.step.fields.if_not.0;
    let mut lines: Vec<_> = branches
        .iter()
        .map(|branch| {
            let got = branch.got.as_ref().map(|got| format!("\"{}\": ", resolver.prose(got)));
            let means = branch.means.as_ref().map(|means| format!("{} ", resolver.prose(means)));
            let to = branch.then.as_ref().map_or(&To::Next, |then| &then.to);
            let see = branch.see.as_ref().map(|see| format!(" See {}.", resolver.prose(see)));
            let parts = [got, means, Some(format!("Then {}.", destination(to))), see];
            parts.into_iter().flatten().collect::<String>()
        })
        .collect();
    let question = matches!(item.step.kind, StepKind::Question(_) | StepKind::Include { .. } | StepKind::Steps(_));
    if !question && branches.iter().all(|branch| branch.got.is_some()) {
        lines.push(by_phase(item.phase).to_owned());
    }
    lines
}

/// What the branches of a step mean, for a run that was stopped by one of them.
pub(super) fn meanings(plan: &Plan, run: &Run, key: &Key) -> Vec<String> {
    let Some(item) = plan.item(&key.id) else { return Vec::new() };
    let resolver = Resolver::new(plan, run, Some(key));
    let branches = item.step.fields.if_not.0.iter().filter(|branch| branch.means.is_some() || branch.see.is_some());
    let line = |branch: &crate::model::Branch| {
        let got = branch.got.as_ref().map(|got| format!("\"{}\":", resolver.prose(got)));
        let means = branch.means.as_ref().map(|means| resolver.prose(means));
        let see = branch.see.as_ref().map(|see| format!("See {}.", resolver.prose(see)));
        [got, means, see].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    branches.map(line).collect()
}

const fn by_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Diagnose => "It is a finding, and the run goes on.",
        Phase::Verify => "The run goes on, and stays open at its end: not repaired.",
        Phase::Repair | Phase::FollowUp => "The run stops, and you decide.",
    }
}

/// Where the run goes on, after "then".
pub(super) fn destination(to: &To) -> String {
    match to {
        To::Next => "it goes on with the next step".to_owned(),
        To::Done => "there is nothing to repair".to_owned(),
        To::Stop => "the run stops".to_owned(),
        To::Undo => "the newest way back is offered".to_owned(),
        To::Phase(phase) => format!("it goes on with: {}", words::phase(*phase)),
        To::Step(id) => format!("it goes on with step `{id}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn good_is_said_with_exit_text_and_what_holds_then() {
        let sample = sample::at_the_change();
        assert_eq!(
            good(&sample.resolved("renew")),
            [
                "exit 0 and \"certificate for serving the Kubernetes API renewed\"",
                "then holds: certificate /etc/kubernetes/pki/apiserver.crt valid_for 300 d",
            ]
        );
        assert_eq!(good(&sample.resolved("leaf")), ["it holds"]);
        assert_eq!(good(&sample.resolved("served")), ["exit 0"]);
    }

    #[test]
    fn a_wait_says_how_long() {
        let text = "locum: 1\ntitle: T\nverify:\n  - { id: up, wait: { tcp: 'a:1' }, at_most: 2m, hold: 10s }\n";
        let sample = sample::open(text);
        assert_eq!(good(&sample.resolved("up")), ["it holds", "asked every 5 s, at most 2 min, and holds for 10 s"]);
    }

    #[test]
    fn a_branch_says_what_it_means_and_where_it_leads() {
        let sample = sample::certificate();
        let said = |id: &str| if_not(&sample.plan, &sample.run, &Key::new(id));
        assert_eq!(
            said("same-ca"),
            ["Two CAs are in play. Renew nothing. Then the run stops. See kubernetes-ca-rotation."]
        );
        let meant = meanings(&sample.plan, &sample.run, &Key::new("same-ca"));
        assert_eq!(meant, ["Two CAs are in play. Renew nothing. See kubernetes-ca-rotation."]);
        assert_eq!(said("leaf"), ["It is a finding, and the run goes on."]);
        assert_eq!(said("renew"), ["The run stops, and you decide."]);
        assert_eq!(said("served"), ["The run goes on, and stays open at its end: not repaired."]);
    }
}
