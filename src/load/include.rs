//! Another runbook in a step: it is read, checked with what it is given, and its steps are put into the step.
//!
//! Its names stay its own: ids and captures get the id of the step before them, as in `kubelet.restart`. What it
//! guards and forbids holds for the whole run, since a measure is taken of the whole, and a rule that protects a thing
//! protects it from everybody.

use std::cell::Cell;

use regex::Regex;

use super::{Loaded, load_within};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::branch::{Choices, To};
use crate::model::decode::Cx;
use crate::model::runbook::{Frame, Input};
use crate::model::step::Kind;
use crate::model::target::HERE;
use crate::model::{Command, Name, Phase, Runbook, Step, Text};
use crate::source::{SourceFile, Span};
use crate::text::suggestion::suggest;

/// Gives the file of another runbook by its id.
pub type Others<'a> = dyn Fn(&str) -> Option<SourceFile> + 'a;

/// How many runbooks one may hold, those within those counted: more is no runbook that a person reads.
const MOST: u32 = 64;

/// What is known while runbooks are read within runbooks.
pub(super) struct Within<'a> {
    pub others: &'a Others<'a>,
    /// The runbooks around, the outermost first, this one last.
    pub chain: Vec<String>,
    /// How many were read for the outermost.
    pub read: &'a Cell<u32>,
}

/// A step that includes.
struct Wish {
    step: String,
    phase: Phase,
    runbook: Name,
    given: indexmap::IndexMap<String, Text>,
    /// The target where it stands; none: this machine.
    place: Option<String>,
}

/// The runbook with every included one in it; problems are pushed. `None` where it includes nothing.
pub(super) fn expand(runbook: &Runbook, within: &Within, cx: &mut Cx) -> Option<Runbook> {
    let wishes: Vec<_> = runbook.steps().into_iter().filter_map(|(phase, step)| wish(runbook, phase, step)).collect();
    if wishes.is_empty() {
        return None;
    }
    let mut whole = runbook.clone();
    for wish in wishes {
        if let Some((child, text)) = read(&wish, runbook, within, cx) {
            super::secrets::check_given(runbook, &wish.given, &child, cx);
            graft(&mut whole, &wish, child, text);
        }
    }
    Some(whole)
}

fn wish(around: &Runbook, phase: Phase, step: &Step) -> Option<Wish> {
    let Kind::Include { runbook, .. } = &step.kind else { return None };
    let given = step.fields.inputs.clone();
    let whole = around.head.r#where.as_ref().map_or(HERE, |name| name.value.as_str());
    let found = around.phase(phase).iter().find_map(|first| place_of(first, &step.id.value, whole));
    let place = found.filter(|name| *name != HERE).map(str::to_owned);
    Some(Wish { step: step.id.value.clone(), phase, runbook: runbook.clone(), given, place })
}

/// Where a step stands, if it is this one or below it.
fn place_of<'a>(step: &'a Step, id: &str, around: &'a str) -> Option<&'a str> {
    let place = step.fields.r#where.as_ref().map_or(around, |name| name.value.as_str());
    if step.id.value == id {
        return Some(place);
    }
    step.children().iter().find_map(|child| place_of(child, id, place))
}

/// Reads the runbook that is wished for, or says why it cannot stand there.
fn read(wish: &Wish, around: &Runbook, within: &Within, cx: &mut Cx) -> Option<(Runbook, String)> {
    let (id, span) = (wish.runbook.value.as_str(), wish.runbook.span);
    let refuse = |cx: &mut Cx, message: String, help: &str| {
        let problem = cx.problem(Code::Include, span, message);
        cx.push(problem.help(help));
    };
    if let Some(first) = within.chain.iter().position(|around| around == id) {
        let round: Vec<_> = within.chain[first..].iter().map(String::as_str).chain([id]).collect();
        refuse(
            cx,
            format!("runbooks that include each other: {}", round.join(" -> ")),
            "take one of these includes out; what both need can be a runbook of its own",
        );
        return None;
    }
    within.read.set(within.read.get() + 1);
    if within.read.get() > MOST {
        refuse(cx, format!("more than {MOST} runbooks in this one"), "run some of them by themselves");
        return None;
    }
    let Some(file) = (within.others)(id) else {
        refuse(
            cx,
            format!("there is no runbook `{id}` beside this one"),
            "an include names a runbook of the same folder by its file's name without `.yaml`",
        );
        return None;
    };
    let text = file.text().to_owned();
    let chain = within.chain.iter().cloned().chain([id.to_owned()]).collect();
    let loaded = load_within(id, file, &Within { others: within.others, chain, read: within.read });
    let child = sound(id, span, loaded, cx)?;
    may_stand_here(wish, &child, cx);
    can_be_reached(wish, around, &child, cx);
    same_user(wish, around, &child, cx);
    check_given(wish, &child, cx);
    Some((child, text))
}

/// The runbook, where nothing in it is wrong.
fn sound(id: &str, span: Span, loaded: Loaded, cx: &mut Cx) -> Option<Runbook> {
    if loaded.runbook.is_some() {
        return loaded.runbook;
    }
    let first = loaded.diagnostics.iter().find(|problem| problem.is_error());
    let problem = match first {
        // A circle is said once, and wherever it is entered.
        Some(first) if first.code == Code::Include => cx.problem(Code::Include, span, first.message.clone()),
        Some(first) => cx.problem(Code::Include, span, format!("the runbook `{id}` has a problem: {}", first.message)),
        None => cx.problem(Code::Include, span, format!("the runbook `{id}` cannot be read")),
    };
    cx.push(problem.help(format!("`locum lint` of `{id}.yaml` shows the place")));
    None
}

/// In diagnose and verify nothing changes; and an included runbook is left only by its end or by a word.
fn may_stand_here(wish: &Wish, child: &Runbook, cx: &mut Cx) {
    let (id, span) = (&wish.runbook.value, wish.runbook.span);
    let looks = matches!(wish.phase, Phase::Diagnose | Phase::Verify);
    for (phase, step) in child.steps() {
        let by_hand = matches!(step.kind, Kind::ByHand(_)) && matches!(phase, Phase::Repair | Phase::FollowUp);
        if looks && (step.changes() || by_hand) {
            let message = format!("`{id}` changes something in step `{}`", step.id.value);
            let problem = cx.problem(Code::KindInPhase, span, format!("{message}, and {} does not", wish.phase.word()));
            cx.push(problem.help("include it in `repair`"));
            break;
        }
    }
    for (_, step) in child.steps() {
        let leaves = super::destinations::destinations(step).find(|to| matches!(to.to, To::Phase(_) | To::Done));
        if let Some(to) = leaves {
            let message =
                format!("`{id}` leads to `{}` in step `{}`, out of where it is included", to.to.word(), step.id.value);
            let problem = cx.problem(Code::DestinationNotHere, span, message);
            cx.push(problem.help("an included runbook leads to its own steps, or to `next`, `stop` or `undo`"));
        }
    }
    if !child.head.targets.is_empty() || child.head.r#where.is_some() {
        let message = format!("`{id}` has places of its own, which this locum cannot include yet");
        let problem = cx.problem(Code::NotBuiltYet, span, message);
        cx.push(problem.help("declare the targets here, and say `where` at the step that includes it"));
    }
    if let Some(text) = guarded(child).find(|text| text.contains("{{") || text.contains("{%")) {
        let message = format!("`{id}` guards `{}`, a name that is not known when the guards are measured", text.trim());
        let problem = cx.problem(Code::Include, span, message);
        cx.push(problem.help("what an included runbook guards is written out, without `{{ }}`"));
    }
}

/// An included runbook runs where the step stands: what it looks at and edits must be reached there, and what it works
/// within is measured there.
fn can_be_reached(wish: &Wish, around: &Runbook, child: &Runbook, cx: &mut Cx) {
    let (id, span) = (&wish.runbook.value, wish.runbook.span);
    let whole = around.head.r#where.as_ref().map(|name| name.value.as_str()).filter(|name| *name != HERE);
    if child.head.scope.is_some() && wish.place.as_deref() != whole {
        let message = format!("what `{id}` works within would be measured in another place than where it runs");
        let problem = cx.problem(Code::Include, span, message);
        let place = wish.place.as_deref().unwrap_or(HERE);
        cx.push(problem.help(format!("say `where: {place}` at the top, or include it where that leads")));
    }
    let Some(target) = wish.place.as_ref().and_then(|place| around.head.targets.get(place)) else { return };
    let before = cx.diagnostics.len();
    for (_, step) in child.steps() {
        super::targets::reached(step, target, cx);
    }
    // The place is in the other file; here the step that includes it is meant.
    for problem in &mut cx.diagnostics[before..] {
        problem.message = format!("in `{id}`: {}", problem.message);
        problem.primary.span = span;
    }
}

/// As whom an included runbook runs is said where it is included: nobody becomes root by an include.
fn same_user(wish: &Wish, around: &Runbook, child: &Runbook, cx: &mut Cx) {
    let (id, Some(user)) = (&wish.runbook.value, &child.head.user) else { return };
    if around.head.user.as_ref().is_none_or(|same| same.value != user.value) {
        let message = format!("`{id}` runs as `{}`, and this runbook does not", user.value);
        let problem = cx.problem(Code::Include, wish.runbook.span, message);
        cx.push(problem.help(format!("say `user: {}` here, or at the steps of `{id}` that need it", user.value)));
    }
}

/// Every text of what a runbook guards.
fn guarded(runbook: &Runbook) -> impl Iterator<Item = &Text> {
    let head = &runbook.head;
    let scope = head.scope.iter().flat_map(|scope| {
        let broken = scope.if_broken.iter().flat_map(|words| [&words.means, &words.worse_with_time, &words.do_not]);
        scope.files.iter().chain(broken.flatten())
    });
    let others = head.must_not_change.iter().flat_map(|guard| {
        let words: &[Text] = match &guard.output_of {
            Some(Command::Script(text)) => std::slice::from_ref(text),
            Some(Command::Argv(words, _)) => words,
            None => &[],
        };
        std::iter::once(&guard.what).chain(guard.files.iter().flatten()).chain(words)
    });
    scope.chain(others)
}

/// What is given is asked for, what is asked for is given, and it fits.
fn check_given(wish: &Wish, child: &Runbook, cx: &mut Cx) {
    let (id, span) = (&wish.runbook.value, wish.runbook.span);
    let asked = &child.head.inputs;
    for (name, text) in &wish.given {
        let Some(input) = asked.get(name) else {
            let problem = cx.problem(Code::Include, text.span, format!("`{name}` is no input of `{id}`"));
            cx.push(match suggest(name, asked.keys().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if asked.is_empty() => problem.help(format!("`{id}` has no inputs: leave it out")),
                None => problem.help(format!(
                    "its inputs are {}",
                    asked.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
                )),
            });
            continue;
        };
        if let Some(problem) = unfit(name, input, text, cx) {
            cx.push(problem);
        }
    }
    for (name, input) in asked {
        if !wish.given.contains_key(name) && input.default.is_none() && !input.optional {
            let problem = cx.problem(Code::Include, span, format!("`{id}` asks for `{name}`, which is not given"));
            cx.push(problem.help(format!("add `inputs: {{ {name}: ... }}` to the step")));
        }
    }
}

/// Why a value does not fit; one with a template is looked at when it is known.
fn unfit(name: &str, input: &Input, text: &Text, cx: &Cx) -> Option<Diagnostic> {
    if input.list {
        let problem = cx.problem(Code::NotBuiltYet, text.span, format!("`{name}` is a list, and takes no text"));
        return Some(problem.help("this locum can only give texts; leave it out where it has a default"));
    }
    if text.contains("{{") || text.contains("{%") {
        return None;
    }
    let pattern = input.whole_pattern().and_then(|pattern| Regex::new(&pattern).ok());
    let choice = input.choices.is_empty() || input.choices.iter().any(|choice| **choice == **text);
    if choice && pattern.is_none_or(|pattern| pattern.is_match(text)) {
        return None;
    }
    let problem = cx.problem(Code::Include, text.span, format!("`{}` is not what `{name}` allows", &**text));
    let choices: Vec<_> = input.choices.iter().map(|choice| format!("`{}`", &**choice)).collect();
    Some(match &input.pattern {
        Some(pattern) => problem.help(format!("expected a text that matches `{}`", &**pattern)),
        None => problem.help(format!("expected one of {}", choices.join(", "))),
    })
}

/// Puts the steps of the child into the step, and its rules into the whole.
fn graft(whole: &mut Runbook, wish: &Wish, mut child: Runbook, text: String) {
    let frame = Frame {
        runbook: child.id.clone(),
        given: wish.given.clone(),
        inputs: child.head.inputs.clone(),
        values: child.head.values.clone(),
    };
    let inner = std::mem::take(&mut child.frames);
    whole.frames.extend(inner.into_iter().map(|(step, frame)| (format!("{}.{step}", wish.step), frame)));
    whole.frames.insert(wish.step.clone(), frame);
    whole.included.extend(std::mem::take(&mut child.included));
    whole.included.insert(child.id.clone(), text);
    join_rules(whole, &child, wish.place.as_ref());
    let mut steps = Vec::new();
    for phase in Runbook::PHASES {
        steps.append(child.phase_mut(phase));
    }
    for step in &mut steps {
        rename(step, &wish.step);
    }
    for phase in Runbook::PHASES {
        for step in whole.phase_mut(phase) {
            put(step, wish, &child.head.title, &mut steps);
        }
    }
}

fn join_rules(whole: &mut Runbook, child: &Runbook, place: Option<&String>) {
    match (&mut whole.head.scope, &child.head.scope) {
        (Some(scope), Some(more)) => {
            let new = more.files.iter().filter(|file| scope.files.iter().all(|known| known.source != file.source));
            let new: Vec<_> = new.cloned().collect();
            scope.files.extend(new);
        }
        (scope @ None, Some(more)) => *scope = Some(more.clone()),
        (_, None) => {}
    }
    let guards = child.head.must_not_change.iter().cloned().map(|mut guard| {
        // It is measured where the included runbook runs.
        let place = place.map_or(HERE, String::as_str).to_owned();
        guard.r#where.get_or_insert(Name { value: place, span: guard.what.span });
        guard
    });
    whole.head.must_not_change.extend(guards);
    whole.head.forbidden.extend(child.head.forbidden.iter().cloned());
    let files = child.head.files.iter().filter(|file| whole.head.files.iter().all(|known| known.value != file.value));
    let files: Vec<_> = files.cloned().collect();
    whole.head.files.extend(files);
}

fn put(step: &mut Step, wish: &Wish, title: &Text, within: &mut Vec<Step>) {
    let here = step.id.value == wish.step;
    if here && step.fields.title.is_none() && !title.contains("{{") {
        step.title = Text::literal(title);
    }
    if let (true, Kind::Include { steps, .. }) = (here, &mut step.kind) {
        *steps = std::mem::take(within);
        return;
    }
    for child in step.children_mut() {
        put(child, wish, title, within);
    }
}

/// Everything in a step that names a step, and what it captures, gets the id of the including step before it.
fn rename(step: &mut Step, around: &str) {
    let long = |name: &str| format!("{around}.{name}");
    step.id.value = long(&step.id.value);
    let fields = &mut step.fields;
    for name in fields.id.iter_mut().chain(fields.unsafe_until.iter_mut()) {
        name.value = long(&name.value);
    }
    for capture in &mut fields.capture.0 {
        capture.name.value = long(&capture.name.value);
    }
    let answers = match &mut fields.choices {
        Some(Choices::Listed(choices)) => choices.as_mut_slice(),
        Some(Choices::Captured(_)) | None => &mut [],
    };
    let branches = fields.if_not.0.iter_mut().filter_map(|branch| branch.then.as_mut());
    let answers = answers.iter_mut().filter_map(|choice| choice.then.as_mut());
    for to in fields.then.iter_mut().chain(branches).chain(answers) {
        if let To::Step(id) = &mut to.to {
            *id = long(id);
        }
    }
    for child in step.children_mut() {
        rename(child, around);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Loaded, load_with};
    use crate::model::Runbook;
    use crate::source::SourceFile;

    const KUBELET: &str = "part: true\ninputs: { node: { pattern: '[a-z]+' }, unit: { default: kubelet } }\nscope: { files: [/var/lib/kubelet] }\nforbidden: [{ match: kubeadm reset }]\nfiles: [scripts/a.sh]\nrepair:\n  - { change: 'restart -- {{ unit }} {{ node }}', id: restart, capture: pid, if_not: { then: look } }\n  - { check: 'see {{ node }}', id: look }\n";

    fn loaded(files: &[(&str, &str)]) -> Loaded {
        let files: BTreeMap<_, _> =
            files.iter().map(|(id, rest)| (*id, format!("locum: 1\ntitle: About {id}\n{rest}"))).collect();
        let file = |id: &str| files.get(id).map(|text| SourceFile::new(format!("{id}.yaml"), text.as_str()));
        load_with("a", file("a").unwrap(), &file)
    }

    fn runbook(files: &[(&str, &str)]) -> Runbook {
        let loaded = loaded(files);
        loaded.runbook.unwrap_or_else(|| panic!("{}", loaded.diagnostics[0].message))
    }

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let loaded = loaded(files);
        assert!(loaded.diagnostics.iter().all(|problem| !problem.help.is_empty()));
        loaded.diagnostics.iter().map(|problem| format!("{}: {}", problem.code.name(), problem.message)).collect()
    }

    #[test]
    fn the_steps_of_an_included_runbook_stand_in_the_step_under_its_name() {
        let a = "repair:\n  - { include: kubelet, inputs: { node: masato } }\n  - { include: kubelet, id: again, inputs: { node: kengo } }\n";
        let runbook = runbook(&[("a", a), ("kubelet", KUBELET)]);
        let ids: Vec<_> = runbook.steps().into_iter().map(|(_, step)| step.id.value.clone()).collect();
        assert_eq!(ids, ["kubelet", "kubelet.restart", "kubelet.look", "again", "again.restart", "again.look"]);
        assert_eq!(runbook.step("again").unwrap().title.source, "About kubelet");
        let restart = &runbook.step("again.restart").unwrap().fields;
        assert_eq!(restart.capture.0[0].name.value, "again.pid");
        assert_eq!(restart.if_not.0[0].then.as_ref().unwrap().to.word(), "again.look");
        assert_eq!(runbook.frames["again"].given["node"].source, "kengo");
        assert_eq!(runbook.included.keys().collect::<Vec<_>>(), ["kubelet"]);
    }

    #[test]
    fn what_it_guards_and_forbids_holds_for_the_whole_run() {
        let a = "scope: { files: [/etc/kubernetes] }\nrepair: [{ include: kubelet, inputs: { node: masato } }]\n";
        let head = runbook(&[("a", a), ("kubelet", KUBELET)]).head;
        let scope: Vec<_> = head.scope.as_ref().unwrap().files.iter().map(|file| file.source.as_str()).collect();
        assert_eq!(scope, ["/etc/kubernetes", "/var/lib/kubelet"]);
        assert_eq!((head.forbidden.len(), head.files[0].value.as_str()), (1, "scripts/a.sh"));
    }

    #[test]
    fn it_runs_where_the_step_stands_and_is_guarded_there() {
        let head = "targets: { node: { host: masato, via: ssh } }\n";
        let step = "repair: [{ include: kubelet, where: node, inputs: { node: masato } }]\n";
        let said = problems(&[("a", &format!("{head}{step}")), ("kubelet", KUBELET)]);
        assert_eq!(
            said,
            ["include: what `kubelet` works within would be measured in another place than where it runs"]
        );
        let whole = format!("{head}where: node\nscope: {{ files: [/etc/kubernetes] }}\n{step}");
        assert_eq!(runbook(&[("a", &whole), ("kubelet", KUBELET)]).head.scope.unwrap().files.len(), 2);
        let looks = "part: true\nmust_not_change: [{ what: names, files: [/etc/hosts] }]\nrepair: [{ check: { tcp: 'kengo:1' } }]\n";
        let include = |id: &str| format!("{head}repair: [{{ include: {id}, where: node }}]\n");
        let said = problems(&[("a", &include("looks")), ("looks", looks)]);
        assert_eq!(said, ["contradiction: in `looks`: `tcp` asks from this machine, and not from another place"]);
        let guards = looks.replace("check: { tcp: 'kengo:1' }", "check: 'true'");
        let guarded = runbook(&[("a", &include("guards")), ("guards", &guards)]).head.must_not_change;
        assert_eq!(guarded[0].r#where.as_ref().unwrap().value, "node");
    }

    #[test]
    fn runbooks_that_include_each_other_are_named_in_their_order() {
        let files = [
            ("a", "repair: [{ include: b }]\n"),
            ("b", "repair: [{ include: c }]\n"),
            ("c", "repair: [{ include: b }]\n"),
        ];
        assert_eq!(problems(&files), ["include: runbooks that include each other: b -> c -> b"]);
        let own = [("a", "repair: [{ include: a }]\n")];
        assert_eq!(problems(&own), ["include: runbooks that include each other: a -> a"]);
    }

    #[test]
    fn a_runbook_that_doubles_at_each_level_ends() {
        let twice = |next: &str| format!("repair: [{{ include: {next}, id: x }}, {{ include: {next}, id: y }}]\n");
        let texts: Vec<_> = (0..20).map(|n| (format!("r{n}"), twice(&format!("r{}", n + 1)))).collect();
        let first = twice("r0");
        let levels = texts.iter().map(|(id, text)| (id.as_str(), text.as_str()));
        let problems = problems(&std::iter::once(("a", first.as_str())).chain(levels).collect::<Vec<_>>());
        assert!(problems.iter().all(|line| line.starts_with("include: ")) && !problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn what_is_given_is_asked_for_and_fits() {
        let a = "repair:\n  - { include: kubelet, inputs: { nod: x } }\n  - { include: kubelet, id: b, inputs: { node: '--all' } }\n  - { include: none }\n";
        assert_eq!(
            problems(&[("a", a), ("kubelet", KUBELET)]),
            [
                "include: `kubelet` asks for `node`, which is not given",
                "include: `nod` is no input of `kubelet`",
                "include: `--all` is not what `node` allows",
                "include: there is no runbook `none` beside this one",
            ]
        );
    }

    #[test]
    fn nothing_that_changes_is_included_where_nothing_changes() {
        let a = "diagnose: [{ include: kubelet, inputs: { node: masato } }]\nrepair: [x]\n";
        assert_eq!(
            problems(&[("a", a), ("kubelet", KUBELET)]),
            ["kind-in-phase: `kubelet` changes something in step `restart`, and diagnose does not"]
        );
        assert!(problems(&[("a", "diagnose: [{ include: b }]\nrepair: [x]\n"), ("b", "diagnose: [x]\n")]).is_empty());
    }

    #[test]
    fn an_included_runbook_is_left_by_its_end_or_a_word() {
        let b = "diagnose: [{ check: x, then: done }]\nrepair: [x]\n";
        assert_eq!(
            problems(&[("a", "repair: [{ include: b }]\n"), ("b", b)]),
            ["destination-not-here: `b` leads to `done` in step `x`, out of where it is included"]
        );
    }

    #[test]
    fn a_problem_in_it_is_said_at_the_include() {
        assert_eq!(
            problems(&[("a", "repair: [{ include: b }]\n"), ("b", "repair: [{ chnage: x }]\n")]),
            ["include: the runbook `b` has a problem: unknown key `chnage` in `step`"]
        );
    }

    #[test]
    fn a_guard_that_is_not_known_yet_is_refused() {
        let b = "inputs: { node: x }\nscope: { files: ['/srv/{{ node }}'] }\nrepair: [{ change: x }]\n";
        assert_eq!(
            problems(&[("a", "repair: [{ include: b, inputs: { node: y } }]\n"), ("b", b)]),
            ["include: `b` guards `/srv/{{ node }}`, a name that is not known when the guards are measured"]
        );
    }
}
