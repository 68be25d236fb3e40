//! People are told only in a live run, only when a person says so, and only through the user's own channels.

use crate::support::{Case, has};

const NIGHT: &str = "\
locum: 1
title: Repair the site
inputs: { site: { default: forum } }
repair:
  - id: tell
    title: Tell the team
    announce: |
      The {{ site }} is being repaired.
      Do not restart it.
    to: [team, board]
  - { id: mend, change: touch mended, risk: low, no_undo: it stays }
verify:
  - { id: whole, check: test -e mended }
";

const SENT: &str = "answers: { repair: enter, tell: send, mend: mend }\n";

/// With these channels, and these answers.
fn case(channels: &str, answers: &str) -> Case {
    let case = Case::new().runbook("night", NIGHT).file("answers.yaml", answers);
    let config = case.room().home().join(".config/locum");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), format!("channels: {channels}\n")).unwrap();
    case
}

fn headless(channels: &str, answers: &str) -> Case {
    case(channels, answers).args(["run", "night", "--headless", "--answers", "answers.yaml"])
}

const BOTH: &str =
    "{ team: { command: [sh, -c, 'cat > $HOME/team'] }, board: { command: [sh, -c, 'cat > $HOME/board'] } }";
const ONE_FAILS: &str =
    "{ team: { command: [sh, -c, 'cat > $HOME/team'] }, board: { command: [sh, -c, 'echo no line; exit 7'] } }";

#[test]
fn the_channels_of_the_user_read_the_text_and_it_is_on_record() {
    let ended = headless(BOTH, SENT).stdout(has("tell: ok: sent to team; sent to board")).status(0);
    for name in ["team", "board"] {
        let told = std::fs::read_to_string(ended.room.home().join(name)).unwrap();
        assert_eq!(told.trim_end(), "The forum is being repaired.\nDo not restart it.");
    }
    let journal = ended.journal();
    let intent = journal.iter().find(|record| record["kind"] == "step.intent" && record["step"] == "tell").unwrap();
    assert_eq!(intent["confirm"], serde_json::json!({ "how": "answers-file", "text": "send" }));
    assert_eq!(intent["argv"][0], "announce");
}

#[test]
fn a_channel_that_fails_is_said_and_does_not_stop_the_repair() {
    let ended = headless(ONE_FAILS, SENT)
        .stdout(has("tell: cannot tell: sent to team; NOT sent to board: exit 7, no line"))
        .stdout(has("tell: not announced: not every channel took it"))
        .stdout(has("\ndone\n"))
        .status(0);
    assert!(ended.room.work().join("mended").exists());
    assert!(ended.journal().iter().any(|record| record["kind"] == "step.skip" && record["step"] == "tell"));
}

#[test]
fn a_channel_that_is_not_configured_is_named_and_nobody_is_told() {
    let ended = headless("{ team: { command: [sh, -c, 'cat > $HOME/team'] } }", SENT)
        .stdout(has("tell: not announced: there is no channel `board` in your configuration; copy the text"))
        .status(0);
    assert!(!ended.room.home().join("team").exists(), "not half of them");
}

#[test]
fn told_by_hand_is_an_answer_like_any_other() {
    let ended =
        headless(BOTH, "answers: { repair: enter, tell: done, mend: mend }\n").stdout(has("\ndone\n")).status(0);
    assert!(!ended.room.home().join("team").exists());
    let answered = ended.journal().into_iter().find(|record| record["kind"] == "answer").unwrap();
    assert_eq!(answered["answer"], "done");
}

#[test]
fn without_an_answer_nobody_is_told() {
    headless(BOTH, "answers: { repair: enter }\n").stdout(has("tell: a person must decide")).status(20);
}

#[test]
fn on_a_transcript_the_text_is_shown_and_only_the_word_sends_it() {
    let room = case(BOTH, SENT).room();
    room.case()
        .args(["run", "night", "--plain"])
        .stdin("y\ny\nyes\ny\nsend\nmend\nEnter\ny\n")
        .stdout(has("The forum is being repaired."))
        .stdout(has("Tells        The forum is being repaired.\n             Do not restart it.\n"))
        .stdout(has("not confirmed; nothing was changed"))
        .stdout(has("sent to team; sent to board"))
        .status(0);
    assert!(room.home().join("board").exists());
}

#[test]
fn a_drill_sends_nothing() {
    let night = NIGHT.replace("verify:", "labs: { default: { start: 'echo ready; sleep 60' } }\nverify:");
    let case = case(BOTH, SENT).runbook("night", &night);
    let ended = case
        .args(["drill", "night", "--headless", "--answers", "answers.yaml"])
        .stdout(has("tell: not announced:"))
        .status(0);
    assert!(!ended.room.home().join("team").exists());
}

#[test]
fn a_channel_without_a_command_is_no_channel() {
    case("{ team: { command: [] } }", SENT)
        .args(["runs"])
        .stderr(has("has channel `team` without a command"))
        .status(2);
}
