//! Secrets: where they come from, what gets them, and that no byte of them is anywhere else (I8).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::pty::Pty;
use crate::stage::{Stage, Told, eventually};
use crate::support::{Case, has};

/// With everything in it that an encoder writes in another way.
const SECRET: &str = "p4ss/W<rd+\"ü' 42&x=%";

/// Prints the secret in every form, split by colours, and letter by letter.
const SHOUT: &str = r#"
echo "plain $TOKEN."
for before in '' x xy; do printf '%s%s' "$before" "$TOKEN" | base64 -w 0; echo; done
for before in '' x xy; do printf '%s%s and more' "$before" "$TOKEN" | base64 -w 20; done
printf %s "$TOKEN" | base64 -w 0 | tr '+/' '-_'; echo
printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F; echo
printf %s "$TOKEN" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'; echo
printf '{"password":"%s"}\n' "$(printf %s "$TOKEN" | sed 's/["\\]/\\&/g')"
printf '%s\033[31m%s\033[0;1m%s\033[0m\n' "${TOKEN:0:3}" "${TOKEN:3:6}" "${TOKEN:9}"
for ((at = 0; at < ${#TOKEN}; at++)); do printf %s "${TOKEN:at:1}"; sleep 0.005; done; echo
echo "$TOKEN" >&2
printf 'no %s\n' longer
"#;

fn shouting() -> String {
    let script = SHOUT.trim_start().replace('\n', "\n      ");
    format!(
        "locum: 1\ntitle: A runbook with a secret\ninputs:\n  token: {{ about: The token of the forum, secret: true }}\ndiagnose:\n  - id: look\n    title: Say it aloud\n    check: |\n      {script}\n    env: {{ TOKEN: '{{{{ token }}}}' }}\nrepair:\n  - id: loud\n    change: |\n      {script}\n      exit 3\n    env: {{ TOKEN: '{{{{ token }}}}' }}\n    risk: low\n    no_undo: nothing is changed\n"
    )
}

/// Every form of the secret, made apart from the redactor.
fn forms() -> Vec<(String, Vec<u8>)> {
    let bytes = SECRET.as_bytes();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut forms = vec![
        ("plain".to_owned(), SECRET.to_owned()),
        ("hex".to_owned(), hex.clone()),
        ("HEX".to_owned(), hex.to_uppercase()),
        ("url".to_owned(), bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()),
        ("json".to_owned(), SECRET.replace('"', "\\\"")),
        ("json, ascii".to_owned(), SECRET.replace('"', "\\\"").replace('ü', "\\u00fc")),
        ("half".to_owned(), SECRET[..10].to_owned()),
    ];
    for (offset, before) in ["", "x", "xy"].into_iter().enumerate() {
        let encoded = base64(format!("{before}{SECRET}").as_bytes());
        // The digits that depend on nothing but the secret.
        let inside = &encoded[(offset * 8).div_ceil(6)..(offset + bytes.len()) * 8 / 6];
        forms.push((format!("base64 at {offset}"), inside.to_owned()));
        forms.push((format!("base64 for addresses at {offset}"), inside.replace('+', "-").replace('/', "_")));
    }
    forms.into_iter().map(|(name, form)| (name, form.into_bytes())).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = bytes.iter().map(|byte| format!("{byte:08b}")).collect::<Vec<_>>().concat();
    let digits = bits.as_bytes().chunks(6).map(|six| {
        let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        char::from(DIGITS[usize::from_str_radix(&six, 2).unwrap()])
    });
    digits.collect()
}

/// No form stands in these bytes, as they are, without colours, or without colours and line breaks.
#[track_caller]
fn clean(what: &str, bytes: &[u8]) {
    let text = regex::bytes::Regex::new("\x1b\\[[0-9;:?]*[A-Za-z]").unwrap();
    let uncoloured = text.replace_all(bytes, &b""[..]).into_owned();
    let joined: Vec<u8> =
        uncoloured.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r' | b' ' | b'|')).collect();
    for (name, form) in forms() {
        let broken: Vec<u8> = form.iter().copied().filter(|byte| *byte != b' ').collect();
        for (view, form) in [(bytes, &form), (&uncoloured, &form), (&joined, &broken)] {
            let found = view.windows(form.len()).position(|window| window == form.as_slice());
            assert_eq!(found, None, "{what} holds the secret ({name}):\n{}", String::from_utf8_lossy(bytes));
        }
    }
}

#[track_caller]
fn clean_below(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files += clean_below(&entry.path());
        } else {
            clean(&entry.path().display().to_string(), &fs::read(entry.path()).unwrap());
            files += 1;
        }
    }
    files
}

#[track_caller]
fn clean_words(told: &Told) {
    clean("stdout", told.out.as_bytes());
    clean("stderr", told.err.as_bytes());
}

/// Everything that can be read of a run afterwards.
#[track_caller]
fn nothing_is_left(stage: &Stage) {
    assert!(clean_below(&stage.state()) >= 5, "there is a run");
    let run = stage.run_id();
    for words in [&["log", &run][..], &["report", &run], &["audit", &run], &["show", "x"], &["runs"]] {
        let told = stage.locum(words);
        assert!(!told.out.is_empty(), "{words:?} says something: {}", told.err);
        clean_words(&told);
    }
    stage.locum(&["book", "build", "--out", stage.path("site").to_str().unwrap()]).exits(0);
    clean_below(&stage.path("site"));
}

/// The command, with the secret in a variable of its own.
fn given(stage: &Stage, words: &[&str]) -> Command {
    let mut command = stage.command(words);
    command.env("FORUM_TOKEN", SECRET);
    command
}

fn told(mut command: Command) -> Told {
    Told::of(&command.output().unwrap())
}

const HEADLESS: [&str; 6] = ["run", "x", "--headless", "--answers", "answers.yaml", "--secret=token=env:FORUM_TOKEN"];

#[test]
fn a_secret_in_every_form_is_in_no_byte_of_the_state_the_book_or_the_output() {
    let stage = Stage::new(&shouting());
    stage.answers("answers: { repair: enter, loud: loud }\n");
    let told = told(given(&stage, &HEADLESS));
    told.exits(21);
    clean_words(&told);
    nothing_is_left(&stage);
    let attempt = stage.attempt("look");
    let end = attempt.end.unwrap();
    assert_eq!(end.redacted["token"], 15, "{:?}", end.redacted);
    let blob = fs::read_to_string(stage.folder().blobs().join(end.stdout.unwrap().blob)).unwrap();
    assert!(blob.contains("plain [redacted:token].") && blob.contains("no longer"), "{blob}");
    let journal = fs::read_to_string(stage.folder().segments().unwrap()[0].path.clone()).unwrap();
    assert!(journal.contains(r#""inputs":{"token":"[redacted:token]"}"#), "{journal}");
    assert!(journal.contains(r#""TOKEN""#), "the name of the variable is on record");
}

#[test]
fn a_secret_that_is_typed_is_on_no_screen() {
    let stage = Stage::new(&shouting());
    let mut pty = Pty::start(&stage.command(&["run", "x"]));
    pty.shows("token (The token of the forum), nothing is shown>");
    pty.answer(SECRET);
    pty.shows("This look changes nothing.");
    pty.press("\r");
    pty.shows("no longer");
    pty.press("o");
    std::thread::sleep(std::time::Duration::from_millis(400));
    pty.press("q");
    pty.press("q");
    eventually("it has ended", || pty.has_ended());
    clean("the screen", &pty.bytes());
    nothing_is_left(&stage);
}

#[test]
fn a_secret_that_is_typed_is_in_no_transcript() {
    let stage = Stage::new(&shouting());
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("nothing is shown>", 1);
    pty.answer("short");
    pty.wait_for("expected at least 8", 1);
    pty.answer(SECRET);
    pty.wait_for("> ", 1);
    pty.answer("");
    pty.wait_for("no longer", 1);
    pty.answer("q");
    eventually("it has ended", || pty.has_ended());
    clean("the transcript", &pty.bytes());
    assert!(pty.is_cooked());
    nothing_is_left(&stage);
}

/// A change that makes a key, and one that uses it.
const MAKES: &str = r#"locum: 1
title: A new key
repair:
  - id: make
    change: |
      set -x
      echo made; printf 'key=%s-%s\n' correct horse-battery; echo later >&2
    capture: { key: { match: 'key=(.*)', secret: true } }
    risk: low
    no_undo: it can be revoked
  - id: use
    change: printf %s "$KEY" | sha256sum > DIR/sum; cat > DIR/in; grep -ac correct /proc/$PPID/cmdline || true
    env: { KEY: "{{ key }}" }
    stdin: "the key is {{ key }}\n"
    risk: low
    no_undo: nothing
"#;

const KEY: &str = "correct-horse-battery";

#[test]
fn a_secret_that_a_step_gives_reaches_the_next_one_and_no_disk() {
    let stage = Stage::new(MAKES);
    stage.answers("answers: { repair: enter, make: make, use: use }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(0);
    let sum = fs::read_to_string(stage.path("dir/sum")).unwrap();
    assert!(sum.starts_with(&locum::text::sha256(KEY)), "{sum}");
    assert_eq!(fs::read_to_string(stage.path("dir/in")).unwrap(), format!("the key is {KEY}\n"));
    let made = stage.attempt("make").end.unwrap();
    assert_eq!(made.captured["key"], "[redacted:key]");
    let blob =
        |stream: locum::engine::record::Stream| fs::read_to_string(stage.folder().blobs().join(stream.blob)).unwrap();
    assert_eq!(blob(made.stdout.unwrap()), "made\nkey=[redacted:key]\n");
    assert!(blob(made.stderr.unwrap()).contains("later"), "what it says besides is kept");
    for_each_file(&stage.state(), &mut |path, bytes| {
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{}", path.display());
    });
}

fn for_each_file(folder: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            for_each_file(&entry.path(), look);
        } else {
            look(&entry.path(), &fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn a_secret_is_drawn_again_by_whoever_goes_on_and_asked_for_where_a_step_gave_it() {
    let stage = Stage::new(MAKES);
    stage.answers("answers: { repair: enter, make: make }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    stage.answers("answers: { use: use }\n");
    stage.resume(&[]).exits(20).says("the secret `key` is not held in this session");
    assert!(!stage.has("sum"), "nothing ran without it");
    let mut again = stage.command(&["resume", "--headless", "--answers", "answers.yaml", "--secret=key=env:KEY"]);
    again.env("KEY", KEY);
    told(again).exits(0);
    assert!(stage.has("sum"));
}

const FROM: &str = "locum: 1
title: A secret from somewhere
inputs:
  token: { secret: true, FROM }
diagnose:
  - id: look
    check: printf %s \"$TOKEN\" | sha256sum | grep -q DIGEST && test -z \"${LOCUM_INPUT_TOKEN-}\"
    env: { TOKEN: '{{ token }}' }
  - id: other
    check: test -z \"${TOKEN-}\"
";

fn from(origin: &str) -> Case {
    let runbook = FROM.replace("FROM", origin).replace("DIGEST", &locum::text::sha256("hunter2-hunter2"));
    Case::new().runbook("x", &runbook).file("answers.yaml", "{}").args([
        "run",
        "x",
        "--headless",
        "--answers",
        "answers.yaml",
    ])
}

#[test]
fn a_secret_comes_from_a_command_a_variable_or_a_descriptor() {
    from("from: 'printf %s-%s hunter2 hunter2; echo a warning >&2'").stdout(has("look: ok")).status(0);
    from("from: [printf, '%s-%s\\n', hunter2, hunter2]").stdout(has("look: ok")).status(0);
    from("from: { env: FORUM }").env("FORUM", "hunter2-hunter2").stdout(has("look: ok")).status(0);
    let by_hand = from("about: x").args(["--secret", "token=env:FORUM"]).env("FORUM", "hunter2-hunter2\n");
    by_hand.stdout(has("look: ok")).status(0);
    let fd = from("from: { fd: 0 }").stdin("hunter2-hunter2\n");
    fd.stdout(has("look: ok")).status(0);
}

#[test]
fn without_a_secret_nothing_runs_and_the_remedy_is_said() {
    from("about: x").stderr(has("--secret token=env:VARIABLE")).stderr(has("nothing ran")).status(20);
    let failed = from("from: 'printf %s-%s hunter2 hunter2; echo no such entry >&2; exit 1'");
    failed.stderr(has("exit 1: no such entry")).stderr(crate::support::lacks("hunter2")).status(20);
    from("from: { env: FORUM }").stderr(has("the variable `FORUM` is not set")).status(20);
    from("pattern: '[0-9]+', from: 'printf %s-%s hunter2 hunter2'")
        .stderr(has("does not match its pattern"))
        .stderr(crate::support::lacks("hunter2"))
        .status(20);
    from("from: echo 1234").stderr(has("expected at least 8; choose a longer one; nothing ran")).status(2);
    from("optional: true").stdout(has("look: FAULT")).status(0);
}

#[test]
fn a_secret_is_not_taken_where_it_would_be_seen() {
    let secret = "hunter2-hunter2";
    let on_the_line = from("about: x").args(["-i", "token=hunter2-hunter2"]);
    on_the_line.stderr(has("--secret token=prompt")).stderr(crate::support::lacks(secret)).status(2);
    let written = from("about: x").file("answers.yaml", "inputs: { token: hunter2-hunter2 }\n");
    written.stderr(has("`token` is a secret")).stderr(crate::support::lacks(secret)).status(2);
    let misused = from("about: x").args(["--secret", "token=hunter2-hunter2"]);
    misused.stderr(has("never the value itself")).stderr(crate::support::lacks(secret)).status(2);
    let open = from("from: echo A secret from somewhere");
    open.stderr(has("the secret `token` stands in `runbook.yaml`")).status(2);
}

#[test]
fn a_dry_run_draws_no_secret_and_says_which_step_gets_one() {
    let runbook = FROM.replace("FROM", "from: touch drawn");
    let dry = Case::new().runbook("x", &runbook).args(["run", "x", "--dry-run"]);
    let ended = dry.stdout(has("with TOKEN=[secret token]")).status(0);
    assert!(!ended.room.work().join("drawn").exists());
}
