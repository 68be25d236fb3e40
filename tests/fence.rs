//! Looks on this machine are fenced: whatever they do, they write nothing but into a folder of their own.

use locum::exec::Fence;

use crate::stage::Stage;

/// Whether this machine's kernel can keep a fence; where it cannot, a look is its author's promise, and nothing is asked here.
fn kept() -> bool {
    Fence::Files.where_kept() == Fence::Files
}

/// A run of one look that cannot be seen to change something; what it did stands in its record.
fn look(command: &str) -> Stage {
    look_at("", command)
}

fn look_at(head: &str, command: &str) -> Stage {
    let stage =
        Stage::new(&format!("locum: 1\ntitle: A look\n{head}diagnose:\n  - id: look\n    check: |\n      {command}\n"));
    stage.answers("answers: {}\n");
    stage.touch("there");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    stage
}

fn held(stage: &Stage) -> (String, String, String) {
    let end = stage.attempt("look").end.expect("it ended");
    let held = end.held.map_or("nothing", locum::engine::record::Held::word);
    (held.to_owned(), end.judged.finding().to_owned(), end.found.join("\n"))
}

#[test]
fn a_look_that_writes_is_refused_and_nothing_is_changed() {
    if !kept() {
        return;
    }
    for writes in [
        "a=touch; $a DIR/made",
        "a=rm; $a DIR/there",
        "a=mv; $a DIR/there DIR/made",
        "a=mkdir; $a DIR/made",
        "a=ln; $a -s x DIR/made",
        "echo 'echo x > DIR/there' | bash",
        "a=truncate; $a -s 5 DIR/there",
    ] {
        let stage = look(writes);
        let (held, judged, found) = held(&stage);
        assert_eq!((held.as_str(), stage.has("made"), stage.has("there")), ("fenced", false, true), "{writes}");
        assert_eq!(std::fs::metadata(stage.path("dir/there")).unwrap().len(), 0, "{writes}");
        assert!(judged != "ok" && found.contains("make it a `change`"), "{writes}: {judged}: {found}");
    }
}

#[test]
fn a_look_may_write_into_a_folder_of_its_own_which_is_gone_afterwards() {
    let stage = look("t=$(mktemp); echo x > \"$t\"; d=$(mktemp -d); cp \"$t\" \"$d/y\"; rm -r \"$d\"; dirname \"$t\"");
    let (held, judged, own) = held(&stage);
    assert_eq!(judged, "ok", "{own}");
    assert_eq!(held, if kept() { "fenced" } else { "promised" });
    if kept() {
        assert!(own.contains("/locum-look-"), "{own}");
        assert!(!std::path::Path::new(own.trim()).exists(), "{own} is still there");
    }
}

#[test]
fn a_look_reads_starts_and_connects_as_before() {
    for command in [
        "test -r /proc/self/status; ls / > /dev/null; diff <(echo a) <(echo a); cat <<< x",
        "sleep 9 & p=$!; kill $p",
        "kill -0 $PPID",
    ] {
        let stage = look(command);
        assert_eq!(held(&stage).1, "ok", "{command}: {}", held(&stage).2);
    }
}

#[test]
fn a_look_that_signals_reaches_only_what_it_started() {
    if !kept() {
        return;
    }
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let stage = look(&format!("true & p=$!; q={}; kill $q", other.id()));
    let (held, judged, found) = held(&stage);
    let lives = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    // A kernel before 6.12 has no fence for signals.
    if judged == "FAULT" {
        assert!(lives && found.contains("not permitted"), "{held}: {found}");
    }
}

#[test]
fn what_runs_in_another_place_is_only_promised_and_the_record_says_so() {
    let head = "targets: { box: { host: masato, via: [env] } }\nwhere: box\n";
    let stage = look_at(head, "a=touch; $a DIR/made");
    assert_eq!(held(&stage).0, "promised");
    assert!(stage.has("made"), "nothing keeps it");
    stage.locum(&["report", &stage.run_id()]).says("**not fenced**");
}

#[test]
fn the_card_says_where_there_is_no_fence() {
    let head = "targets: { box: { host: masato, via: [env] } }\n";
    let text = format!(
        "locum: 1\ntitle: A look\n{head}diagnose:\n  - {{ id: there, check: 'true', where: box }}\n  - {{ id: here, check: 'true' }}\n"
    );
    let stage = Stage::new(&text);
    let told = stage.fed(&["run", "x", "--plain"], b"\n\n\n");
    let at = told.out.find("only its author's promise").expect("the card of the first says it");
    let (first, second) = told.out.split_at(at + 10);
    assert!(first.contains("masato") && !second.contains("author's promise;"), "{}", told.out);
}

#[test]
fn a_change_and_what_tests_it_are_not_confused() {
    let stage = Stage::new(
        "locum: 1\ntitle: A change\nrepair:\n  - { id: make, change: touch DIR/made, risk: low, no_undo: x, done_when: 'a=touch; $a DIR/by-a-look; test -e DIR/made' }\n",
    );
    stage.answers("answers: { repair: enter, make: make }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    assert!(stage.has("made"), "a change is not fenced");
    assert_eq!(stage.has("by-a-look"), !kept());
    assert_eq!(stage.attempt("make").end.unwrap().held, None);
}
