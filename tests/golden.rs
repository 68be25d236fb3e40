//! Journals as released versions wrote them are read, audited and reported for ever.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::case::Room;
use crate::support::{Case, has, is, top};

/// The run of a golden journal, laid into the state of a room.
fn laid(what: &str) -> (Room, String) {
    let room = Case::new().room();
    let from = top().join("tests/fixtures/journals/v1").join(what);
    let id = fs::read_dir(&from).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    copy(&from.join(&id), &room.run(&id));
    (room, id)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { _ = fs::copy(entry.path(), to).unwrap() }
    }
}

fn segment(room: &Room, id: &str) -> PathBuf {
    let mut files = fs::read_dir(room.run(id)).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "jsonl")).unwrap()
}

#[test]
fn a_golden_run_that_was_done_is_whole_and_says_so() {
    let (room, id) = laid("done");
    room.case().args(["audit", &id]).stdout(is("every line is whole and in its place\n")).status(0);
    let report = room.case().args(["report", &id]);
    report.stdout(has("DRILL")).stdout(has("The page of the wiki was down.")).stdout(has("rotation done")).status(0);
}

#[test]
fn a_golden_run_with_a_way_back_says_that_all_is_as_before() {
    let (room, id) = laid("slip-undone");
    room.case().args(["audit", &id]).stdout(is("every line is whole and in its place\n")).status(0);
    let report = room.case().args(["report", &id]);
    report
        .stdout(has("pki/ca.crt"))
        .stdout(has("24 of 24 as before"))
        .stdout(has("komari looks at it tomorrow"))
        .status(0);
}

#[test]
fn a_golden_run_that_stands_at_a_broken_guard_is_open() {
    let (room, id) = laid("frozen");
    room.case().args(["audit", &id]).stdout(is("every line is whole and in its place\n")).status(0);
    room.case().args(["runs"]).stdout(has(id.clone())).stdout(has("GUARD BROKEN")).status(0);
    room.case().args(["log", &id]).stdout(has("renew")).status(0);
}

#[test]
fn one_changed_byte_in_a_golden_journal_is_found() {
    let (room, id) = laid("done");
    let path = segment(&room, &id);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    room.case().args(["audit", &id]).stdout(has("line")).status(11);
}

#[test]
fn a_golden_journal_that_was_cut_off_is_torn() {
    let (room, id) = laid("frozen");
    let path = segment(&room, &id);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    room.case().args(["audit", &id]).stdout(has("cut off")).status(10);
}

#[test]
fn an_output_that_was_changed_afterwards_is_found() {
    let (room, id) = laid("done");
    let blob = fs::read_dir(room.run(&id).join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::write(blob, "rotation was never done\n").unwrap();
    room.case().args(["audit", &id]).stdout(has("output")).status(14);
}
