//! Targets and `where`: that each place exists, and that what is asked of it can be done there.

use super::words::{check_id, keys_under};
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::runbook::WrittenRunbook;
use crate::model::target::{HERE, WrittenVia};
use crate::model::{Name, Phase, Probe, Runbook, Step, StepKind, Target, Test};
use crate::text::suggestion::suggest;
use crate::yaml::Node;

/// Checks every target and every `where`.
pub(super) fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    let head = &runbook.head;
    for (name, span) in keys_under(tree, "targets") {
        check_id("the target", name, span, cx);
        if name == HERE {
            let problem = cx.problem(Code::NameTaken, span, "`here` is already this machine");
            cx.push(problem.help("choose another name"));
        }
    }
    for target in head.targets.values() {
        check_target(target, cx);
    }
    if let Some(user) = &head.user {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '{';
        if user.is_empty() || user.starts_with('-') || user.chars().any(bad) {
            let problem = cx.problem(Code::BadName, user.span, format!("`{}` is no name of a person", user.value));
            cx.push(problem.help("name an account, such as `user: root`"));
        }
    }
    if let Some(place) = &head.r#where {
        known(head, place, cx);
    }
    guards(head, cx);
    for phase in Runbook::PHASES {
        for step in runbook.phase(phase) {
            Place { head, phase, r#where: head.r#where.as_ref(), looped: false }.step(step, cx);
        }
    }
}

fn check_target(target: &Target, cx: &mut Cx) {
    if target.host.is_empty() {
        let problem = cx.problem(Code::OutOfRange, target.span, "a target without a machine");
        cx.push(problem.help("name at least one under `host`"));
    }
    let line = [("address", &target.address), ("jump", &target.jump), ("login", &target.login)];
    if !matches!(target.via, Some(WrittenVia::Ssh)) {
        for (key, text) in line.iter().filter_map(|(key, text)| Some((key, text.as_ref()?))) {
            let message = format!("`{key}` belongs to `via: ssh`; on this target it would do nothing");
            cx.push(cx.problem(Code::Contradiction, text.span, message).help("write `via: ssh`, or take it out"));
        }
    }
    let fixed = |address: &crate::model::Text| !address.contains("{{");
    if let (Some(address), true) = (target.address.as_ref().filter(|address| fixed(address)), target.host.len() > 1) {
        let problem = cx.problem(Code::Contradiction, address.span, "one `address` for several machines");
        cx.push(problem.help("put the addresses into your ssh configuration, or `{{ host }}` into the address"));
    }
    for name in &target.commands {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-/".contains(&byte);
        if name.is_empty() || name.starts_with('-') || !name.bytes().all(plain) {
            let problem = cx.problem(Code::BadName, name.span, format!("`{}` is no name of a program", name.value));
            cx.push(problem.help("name programs that must be there, such as `[kubeadm, crictl]`"));
        }
    }
}

/// What is guarded in another place is written out whole: nothing there is this person's home or folder.
fn guards(head: &WrittenRunbook, cx: &mut Cx) {
    let scope = head.scope.iter().map(|scope| (None, scope.files.as_slice()));
    let others = head.must_not_change.iter();
    let others = others.map(|guard| (guard.r#where.as_ref(), guard.files.as_deref().unwrap_or_default()));
    for (place, files) in scope.chain(others) {
        if let Some(place) = place {
            known(head, place, cx);
        }
        if target(head, place.or(head.r#where.as_ref())).is_none_or(|target| target.via.is_none()) {
            continue;
        }
        for file in files.iter().filter(|file| !file.starts_with(['/', '{'])) {
            let message =
                format!("`{}` is guarded in another place, where it is not known what it starts from", &**file);
            let problem = cx.problem(Code::OutOfRange, file.span, message);
            cx.push(problem.help("write the whole path, from `/` on"));
        }
    }
}

/// The target of a `where`; none where it is this machine or does not exist.
fn target<'a>(head: &'a WrittenRunbook, place: Option<&Name>) -> Option<&'a Target> {
    head.targets.get(place?.value.as_str())
}

fn known(head: &WrittenRunbook, place: &Name, cx: &mut Cx) {
    if place.value == HERE || head.targets.contains_key(&place.value) {
        return;
    }
    let problem = cx.problem(Code::UnknownTarget, place.span, format!("unknown target `{}`", place.value));
    let names = head.targets.keys().map(String::as_str).chain([HERE]);
    cx.push(match suggest(&place.value, names) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("declare it under `targets`, or write `here` for this machine"),
    });
}

/// What a step looks at and edits, as far as it can be reached in its place.
pub(super) fn reached(step: &Step, target: &Target, cx: &mut Cx) {
    if target.via.is_some() {
        for probe in step.tests().filter_map(|test| if let Test::Probe(probe) = test { Some(probe) } else { None }) {
            probe_there(probe, cx);
        }
    }
    let StepKind::Edit(path) = &step.kind else { return };
    if target.via.is_some() {
        whole_path(path, cx);
    } else if target.user.is_some() {
        let message =
            "an `edit` as another account of this machine is part of the format, but this locum cannot do it yet";
        let problem = cx.problem(Code::NotBuiltYet, path.span, message);
        cx.push(problem.help("make it a `change` with a command, or run locum as that account"));
    }
}

/// What a probe can see of another place: files, and its systemd. The network it would see from here.
fn probe_there(probe: &Probe, cx: &mut Cx) {
    match probe {
        Probe::Certificate(certificate) => {
            for at in certificate.certificate.iter() {
                if at.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) && !at.contains('/') {
                    let message =
                        "a certificate that is served is asked for from this machine, and not from another place";
                    let problem = cx.problem(Code::Contradiction, at.span, message);
                    cx.push(problem.help("say `where: here` at the step, or use a command that asks there"));
                } else {
                    whole_path(at, cx);
                }
            }
            certificate.signed_by.iter().for_each(|path| whole_path(path, cx));
        }
        Probe::File(file) => whole_path(&file.file, cx),
        Probe::Systemd(_) => {}
        Probe::Http(_) | Probe::Tcp(_) | Probe::Dns(_) | Probe::Clock(_) => {
            let message = format!("`{}` asks from this machine, and not from another place", probe.word());
            let problem = cx.problem(Code::Contradiction, probe.span(), message);
            cx.push(problem.help("say `where: here` at the step, or use a command that asks there"));
        }
        Probe::Disk(_) | Probe::Process(_) => {
            let message = format!(
                "`{}` in another place is part of the format, but this locum cannot look there yet",
                probe.word()
            );
            let problem = cx.problem(Code::NotBuiltYet, probe.span(), message);
            cx.push(problem.help("use a command that tests the same there, such as `df` or `pgrep`"));
        }
    }
}

/// In another place nothing is this person's home or folder.
fn whole_path(path: &crate::model::Text, cx: &mut Cx) {
    if path.starts_with(['/', '{']) {
        return;
    }
    let message = format!("`{}` is in another place, where it is not known what it starts from", &**path);
    let problem = cx.problem(Code::OutOfRange, path.span, message);
    cx.push(problem.help("write the whole path, from `/` on"));
}

/// Where a step stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    head: &'a WrittenRunbook,
    phase: Phase,
    r#where: Option<&'a Name>,
    /// A group around goes over the machines already.
    looped: bool,
}

impl<'a> Place<'a> {
    fn step(mut self, step: &'a Step, cx: &mut Cx) {
        if let Some(place) = &step.fields.r#where {
            known(self.head, place, cx);
            self.looped &= self.r#where.is_some_and(|around| around.value == place.value);
            self.r#where = Some(place);
        }
        let target = target(self.head, self.r#where);
        if step.fields.may_disconnect && target.is_none_or(|target| target.via.is_none()) {
            let message = "`may_disconnect` on this machine, where no line can be lost";
            let problem = cx.problem(Code::Contradiction, step.span, message);
            cx.push(
                problem.help(
                    "a step outlives its screen anyway; leave it out, or say `where` with a target that has `via`",
                ),
            );
        }
        if let Some(target) = target {
            self.at(step, target, cx);
        }
        for child in step.children() {
            self.step(child, cx);
        }
    }

    fn at(&mut self, step: &Step, target: &Target, cx: &mut Cx) {
        reached(step, target, cx);
        let armed = step.fields.undo.as_ref().and_then(|undo| undo.unless_confirmed.as_ref());
        if let (Some(after), Some(WrittenVia::Prefix(_))) = (armed, &target.via) {
            let message = "`unless_confirmed` behind a prefix is part of the format, but this locum cannot hold its timer there yet";
            let problem = cx.problem(Code::NotBuiltYet, after.span, message);
            cx.push(problem.help("reach that place by `via: ssh`, or run locum there with `where: here`"));
        }
        if !target.is_several(self.head) || self.looped {
            return;
        }
        let changes = matches!(self.phase, Phase::Repair | Phase::FollowUp);
        let by_host = match step.kind {
            StepKind::Change(_)
            | StepKind::Terminal(_)
            | StepKind::Edit(_)
            | StepKind::Steps(_)
            | StepKind::Include { .. } => true,
            StepKind::ByHand(_) => changes && step.fields.r#where.is_some(),
            StepKind::Check(_) | StepKind::Wait { .. } | StepKind::Question(_) | StepKind::Announce(_) => false,
        };
        if let (Some(each), true) = (&step.fields.for_each, by_host) {
            let message = "`for_each` on a step that goes over several machines already";
            let problem = cx.problem(Code::Contradiction, each.name.span, message);
            cx.push(
                problem.help("put the step into a group: the group goes over the machines, the step over the list"),
            );
        }
        if let (Some(capture), false) = (step.fields.capture.0.first(), by_host) {
            let message = "a capture from several machines is part of the format, but this locum cannot take it yet";
            let problem = cx.problem(Code::NotBuiltYet, capture.name.span, message);
            cx.push(problem.help("put the step into a group, which goes over the machines one after the other"));
        }
        self.looped |= by_host;
    }
}

#[cfg(test)]
mod tests {
    use crate::load::problems_of;

    fn of(rest: &str) -> String {
        let head = "locum: 1\ntitle: t\ntargets:\n  nodes: { host: [kyousuke, masato] }\n  pod: { host: kengo, via: [docker, exec, kengo] }\n";
        problems_of(&format!("{head}{rest}")).join("\n")
    }

    #[test]
    fn a_file_is_edited_by_its_whole_path_in_another_place() {
        assert_eq!(of("where: pod\nrepair: [ { edit: /etc/site.conf } ]\n"), "");
        let said = of("where: pod\nrepair: [ { edit: site.conf } ]\n");
        assert!(said.contains("out-of-range: `site.conf` is in another place"), "{said}");
        assert_eq!(of("where: pod\nrepair: [ { edit: site.conf, where: here } ]\n"), "");
        assert_eq!(of("where: nodes\nrepair: [ { edit: site.conf } ]\n"), "", "this machine, as it is");
    }

    #[test]
    fn a_place_that_is_not_known_is_named_with_the_nearest() {
        let said = of("diagnose: [ { check: 'true', where: nods } ]\n");
        assert!(said.contains("unknown-target: unknown target `nods`"), "{said}");
        assert_eq!(of("where: nodes\ndiagnose: [ { check: 'true', where: here } ]\n"), "");
    }

    #[test]
    fn what_cannot_be_done_elsewhere_is_refused_and_not_done_here() {
        let said = of("diagnose: [ { check: { process: etcd }, where: pod } ]\n");
        assert!(said.contains("not-built-yet: `process` in another place"), "{said}");
        for probe in ["tcp: 'kengo:1'", "http: 'http://kengo/'", "certificate: 'kengo:443'", "dns: kengo"] {
            let said = of(&format!("diagnose: [ {{ check: {{ {probe} }}, where: pod }} ]\n"));
            assert!(
                said.contains("contradiction: ") && said.contains("from this machine, and not from another"),
                "{said}"
            );
        }
        for probe in ["file: /etc/hosts", "certificate: [/a.crt, '{{ host }}']", "systemd: kubelet"] {
            assert_eq!(of(&format!("diagnose: [ {{ check: {{ {probe} }}, where: pod }} ]\n")), "", "{probe}");
        }
        let said = of("diagnose: [ { check: { file: ~/.kube/config }, where: pod } ]\n");
        assert!(said.contains("out-of-range: `~/.kube/config` is in another place"), "{said}");
        assert_eq!(of("diagnose: [ { check: { file: hosts }, where: nodes } ]\n"), "");
    }

    #[test]
    fn what_is_guarded_elsewhere_is_written_out_whole() {
        let said = of("where: pod\nscope: { files: [/etc] }\ndiagnose: [ { check: 'true' } ]\n");
        assert_eq!(said, "");
        let said = of("where: pod\nscope: { files: [~/pki] }\ndiagnose: [ { check: 'true' } ]\n");
        assert!(said.contains("out-of-range: `~/pki` is guarded in another place"), "{said}");
        let said =
            of("must_not_change: [ { what: pki, files: [pki], where: pod } ]\ndiagnose: [ { check: 'true' } ]\n");
        assert!(said.contains("out-of-range: `pki`"), "{said}");
        assert_eq!(of("must_not_change: [ { what: pki, files: [pki] } ]\ndiagnose: [ { check: 'true' } ]\n"), "");
        let said =
            of("must_not_change: [ { what: pki, files: [/pki], where: nods } ]\ndiagnose: [ { check: 'true' } ]\n");
        assert!(said.contains("unknown-target"), "{said}");
    }

    #[test]
    fn a_line_can_be_lost_only_where_there_is_one_and_something_tells_how_it_ended() {
        let step =
            |fields: &str| of(&format!("repair: [ {{ change: 'true', no_undo: n, may_disconnect: true{fields} }} ]\n"));
        let said = step(", done_when: 'true'");
        assert!(said.contains("contradiction: `may_disconnect` on this machine"), "{said}");
        assert_eq!(step(", done_when: 'true', where: pod"), "");
        let said = step(", where: pod");
        assert!(said.contains("missing-key: `may_disconnect` without `done_when`"), "{said}");
        let said = of("repair: [ { by_hand: x, may_disconnect: true } ]\n");
        assert!(said.contains("field-of-other-kind"), "{said}");
    }

    #[test]
    fn a_way_back_that_goes_by_itself_goes_here_and_over_ssh() {
        let far = "locum: 1\ntitle: t\ntargets: { far: { host: kengo, via: ssh }, pod: { host: kengo, via: [docker, exec, kengo] } }\n";
        let step = |place: &str| {
            let step = format!(
                "repair: [ {{ change: 'true', where: {place}, undo: {{ change: 'true', unless_confirmed: 60s }} }} ]\n"
            );
            problems_of(&format!("{far}{step}")).join("\n")
        };
        assert_eq!(step("far"), "");
        assert!(step("pod").contains("not-built-yet: `unless_confirmed` behind a prefix"));
    }

    #[test]
    fn one_step_goes_over_one_list() {
        let said = of("where: nodes\nrepair: [ { change: 'true', for_each: { x: [a] }, no_undo: n } ]\n");
        assert!(said.contains("contradiction: `for_each` on a step"), "{said}");
        let grouped = "where: nodes\nrepair: [ { steps: [ { change: 'true', for_each: { x: [a] }, no_undo: n } ] } ]\n";
        assert_eq!(of(grouped), "");
        let said = of("where: nodes\ndiagnose: [ { check: 'true', capture: x } ]\n");
        assert!(said.contains("not-built-yet: a capture from several"), "{said}");
    }

    #[test]
    fn what_is_said_of_the_line_belongs_to_ssh() {
        let of = |target: &str| {
            problems_of(&format!(
                "locum: 1\ntitle: t\ntargets: {{ n: {target} }}\ndiagnose: [{{ check: 'true', where: n }}]\n"
            ))
            .join("\n")
        };
        assert_eq!(of("{ host: kyousuke, via: ssh, address: 192.0.2.7, jump: 'pepe@masato:22', login: root }"), "");
        for key in ["address", "jump", "login"] {
            let said = of(&format!("{{ host: kyousuke, {key}: masato }}"));
            assert!(said.contains("contradiction: `") && said.contains("belongs to `via: ssh`"), "{said}");
        }
        let said = of("{ host: [kyousuke, masato], via: ssh, address: 192.0.2.7 }");
        assert!(said.contains("one `address` for several machines"), "{said}");
    }

    #[test]
    fn this_machine_has_its_name_already() {
        let said = problems_of("locum: 1\ntitle: t\ntargets: { here: { host: a } }\ndiagnose: [a]\n").join("\n");
        assert!(said.contains("name-taken"), "{said}");
    }
}
