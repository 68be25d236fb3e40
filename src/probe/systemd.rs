//! Is a unit of systemd what it should be? `systemctl show` is asked, which changes nothing.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::words::span;
use super::{PATIENCE, Probed, Verdict, waited};
use crate::model::probe::UnitState;

/// Bytes that are read of an answer at most.
const LIMIT: u64 = 64 * 1024;
/// It is there where systemd runs the machine.
const BOOTED: &str = "/run/systemd/system";
/// What is asked of a unit.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,UnitFileState,StateChangeTimestamp";

/// Asks systemd about a unit.
pub fn look(unit: &str, state: UnitState) -> Probed {
    if !is_unit(unit) {
        return Probed::new(Verdict::CannotTell, format!("`{unit}` is no name of a unit"));
    }
    if !Path::new(BOOTED).exists() {
        let line = "this machine was not started with systemd, so it has no units";
        return Probed::new(Verdict::CannotTell, line);
    }
    match ask(Path::new("systemctl"), unit) {
        Ok(answer) => judge(unit, state, &answer),
        Err(reason) => Probed::new(Verdict::CannotTell, reason),
    }
}

/// The same where a script is run on the machine that is meant.
pub fn look_by(unit: &str, state: UnitState, run: impl Fn(&str) -> Result<Vec<u8>, String>) -> Probed {
    if !is_unit(unit) {
        return Probed::new(Verdict::CannotTell, format!("`{unit}` is no name of a unit"));
    }
    let unit_word = crate::text::shell::single_quote(unit);
    let script = format!(
        "[ -d {BOOTED} ] || {{ echo 'this machine was not started with systemd, so it has no units'; exit 0; }}\n\
         SYSTEMD_COLORS=0 LC_ALL=C systemctl show --no-pager --property {PROPERTIES} -- {unit_word} 2>&1 | head -c {LIMIT}\n"
    );
    match run(&script).and_then(|bytes| answer(&String::from_utf8_lossy(&bytes))) {
        Ok(answer) => judge(unit, state, &answer),
        Err(reason) => Probed::new(Verdict::CannotTell, reason),
    }
}

/// The letters of unit names; none of them could be an option.
fn is_unit(unit: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    !unit.is_empty() && unit.len() < 256 && !unit.starts_with('-') && unit.bytes().all(known)
}

/// What `systemctl show` says, within the limits of time and length.
fn ask(systemctl: &Path, unit: &str) -> Result<BTreeMap<String, String>, String> {
    let words = ["show", "--no-pager", "--property", PROPERTIES, "--", unit];
    let asked = duct::cmd(systemctl, words).env("LC_ALL", "C").env("SYSTEMD_COLORS", "0").stdin_null();
    let reader = asked.stderr_to_stdout().unchecked().reader();
    let reader = reader.map_err(|error| format!("`{}` cannot be started: {error}", systemctl.display()))?;
    let reader = std::sync::Arc::new(reader);
    let reading = std::sync::Arc::clone(&reader);
    let bytes = waited::within(PATIENCE, move || {
        let mut bytes = Vec::new();
        (&*reading).take(LIMIT).read_to_end(&mut bytes).map(|_| bytes)
    });
    let _ = reader.kill();
    let bytes = bytes
        .ok_or_else(|| format!("systemd gave no answer within {}", span(PATIENCE)))?
        .map_err(|error| format!("the answer of systemd cannot be read: {error}"))?;
    answer(&String::from_utf8_lossy(&bytes))
}

/// The lines that systemd gave, or what it said instead.
fn answer(text: &str) -> Result<BTreeMap<String, String>, String> {
    let answer: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if answer.contains_key("ActiveState") {
        return Ok(answer);
    }
    Err(text.lines().next().map_or_else(|| "systemd said nothing".to_owned(), |line| format!("systemd says: {line}")))
}

fn judge(unit: &str, state: UnitState, answer: &BTreeMap<String, String>) -> Probed {
    let of = |name: &str| answer.get(name).map_or("", String::as_str);
    let (active, sub) = (of("ActiveState"), of("SubState"));
    if of("LoadState") == "not-found" {
        // Of what is not there it is sure only that it does not run.
        let verdict = if state == UnitState::Active { Verdict::Fault } else { Verdict::CannotTell };
        return Probed::new(verdict, format!("there is no unit `{unit}`; is its name spelled right?"));
    }
    let verdict = if active == state.word() { Verdict::Ok } else { Verdict::Fault };
    let since = Some(of("StateChangeTimestamp")).filter(|since| !since.is_empty());
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    let result = Some(of("Result")).filter(|result| !["", "success"].contains(result));
    let result = result.map(|result| format!(", its result is {result}")).unwrap_or_default();
    let asked = if verdict == Verdict::Ok { String::new() } else { format!("; asked for {}", state.word()) };
    let mut probed = Probed::new(verdict, format!("`{unit}` is {active} ({sub}){since}{result}{asked}"));
    if of("UnitFileState") == "disabled" && active == "active" {
        probed.add(Verdict::Ok, "it is disabled: it will not be there after the next start of the machine");
    }
    let names =
        [("state", "ActiveState"), ("sub_state", "SubState"), ("result", "Result"), ("enabled", "UnitFileState")];
    probed.values.extend(names.map(|(name, property)| (name.to_owned(), of(property).to_owned())));
    probed
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::time::Instant;

    use super::*;

    /// A program that answers as systemctl does.
    fn systemctl(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("systemctl");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    const FAILED: &str = "printf 'LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nUnitFileState=enabled\nStateChangeTimestamp=Wed 2026-11-25 03:12:00 UTC\n'";

    #[test]
    fn a_failed_unit_is_told_with_since_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let answer = ask(&systemctl(folder.path(), FAILED), "kubelet").unwrap();
        let said = judge("kubelet", UnitState::Active, &answer);
        assert_eq!(said.verdict, Verdict::Fault);
        assert_eq!(
            said.lines,
            [
                "`kubelet` is failed (failed) since Wed 2026-11-25 03:12:00 UTC, its result is exit-code; asked for active"
            ]
        );
        assert_eq!(judge("kubelet", UnitState::Failed, &answer).verdict, Verdict::Ok);
        assert_eq!((said.values["state"].as_str(), said.values["enabled"].as_str()), ("failed", "enabled"));
    }

    #[test]
    fn a_unit_that_is_not_there_does_not_run_and_more_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let script = "printf 'LoadState=not-found\nActiveState=inactive\nSubState=dead\n'";
        let answer = ask(&systemctl(folder.path(), script), "kublet").unwrap();
        assert_eq!(judge("kublet", UnitState::Active, &answer).verdict, Verdict::Fault);
        assert_eq!(judge("kublet", UnitState::Inactive, &answer).verdict, Verdict::CannotTell);
    }

    #[test]
    fn what_is_active_until_the_next_start_only_is_told() {
        let answer = [
            ("LoadState", "loaded"),
            ("ActiveState", "active"),
            ("SubState", "running"),
            ("UnitFileState", "disabled"),
        ];
        let answer = answer.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let said = judge("etcd", UnitState::Active, &answer);
        assert_eq!(
            said.lines,
            ["`etcd` is active (running)", "it is disabled: it will not be there after the next start of the machine"]
        );
    }

    #[test]
    fn a_systemctl_without_an_answer_is_not_waited_for_and_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let said = ask(&systemctl(folder.path(), "echo 'Failed to connect to bus: No such file'; exit 1"), "x");
        assert_eq!(said.unwrap_err(), "systemd says: Failed to connect to bus: No such file");
        assert!(ask(&folder.path().join("none"), "x").unwrap_err().contains("cannot be started"));
        let begun = Instant::now();
        let said = ask(&systemctl(folder.path(), "exec yes =ActiveState"), "x");
        assert!(said.is_err() && begun.elapsed() < PATIENCE * 2, "{said:?}");
    }

    #[test]
    fn a_machine_without_systemd_says_so_and_a_name_is_never_an_option() {
        let said = look("kubelet", UnitState::Active);
        if Path::new(BOOTED).exists() {
            assert_ne!(said.lines[0], "", "a machine with systemd answers");
        } else {
            assert_eq!(said.verdict, Verdict::CannotTell);
            assert!(said.lines[0].contains("not started with systemd"), "{said:?}");
        }
        for name in ["", "--host=mio", "a b", "a;b", "a/b"] {
            assert_eq!(look(name, UnitState::Active).lines, [format!("`{name}` is no name of a unit")]);
        }
    }
}
