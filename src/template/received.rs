//! The promise itself, put to real shells: whatever the value, the program receives exactly its bytes, and nothing
//! of it is executed. Only tests; the processes they start are theirs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use super::{NameRule, ProblemKind, Shell, Values, check_command, render_command};

/// A command that prints the value of `{{ v }}` and a `|`, for each place a value may stand in.
const PLACES: &[&str] = &[
    "printf '%s|' {{ v }}",
    "printf '%s|' \"{{ v }}\"",
    "printf '%s|' '{{ v }}'",
    "printf '%s%s|' \"\"{{ v }}''",
    "printf '%s|' \"$(printf '%s' {{ v }}; printf x)\" | sed '$ s/x|$/|/'",
    "printf '%s|' \"$(printf '%s' \"{{ v }}\"; printf x)\" | sed '$ s/x|$/|/'",
    "printf '%s|' \"$(printf '%s' '{{ v }}'; printf x)\" | sed '$ s/x|$/|/'",
    "V={{ v }}; printf '%s|' \"$V\"",
    "V=\"{{ v }}\" && printf '%s|' \"$V\"",
    "V='{{ v }}' sh -c 'printf \"%s|\" \"$V\"'",
    "export V={{ v }}; printf '%s|' \"$V\"",
    "for each in {{ v }}; do printf '%s|' \"$each\"; done",
    "case {{ v }} in \"{{ v }}\") printf '%s|' '{{ v }}';; esac",
    "case a in a) printf '%s|' {{ v }};; (b) ;; esac",
    "f() { printf '%s|' \"$1\"; }; f -- {{ v }} >/dev/null; g() { printf '%s|' {{ v }}; }; g",
    "if [ {{ v }} = \"{{ v }}\" ]; then printf '%s|' {{ v }}; fi",
    "[ -z {{ v }} ] || [ -n \"{{ v }}\" ] && printf '%s|' {{ v }}",
    "sh -c 'printf \"%s|\" \"$1\"' sh {{ v }}",
    "cat <<EOF >/dev/null; printf '%s|' {{ v }}\n$(printf x) \\\nEOF\nEOF",
    "cat <<'A' <<-B >/dev/null\n'\"`$(\nA\n\t\"'\n\tB\nprintf '%s|' {{ v }}",
    "printf '%s|' {{ v }} # it's \"nothing\" `at all $(",
    "printf '%s' \\\n\"{{ v }}\"\\\n'|'",
    "( { printf '%s|' {{ v }}; } )",
    "! false && printf '%s|' \"`printf ''`${V-}$((1 - 1))\"{{ v }} | sed '1 s/^0//'",
    "set -- {{ v }}; printf '%s|' \"$1\"",
    "printf '%s|' {% if v == v %}\"{{ v }}\"{% endif %}",
    "{{ printf }} '%s|' {{ v }}",
];

/// What only bash reads.
const BASH_PLACES: &[&str] = &[
    "a=( {{ v }} \"{{ v }}\" ); printf '%s|' \"${a[1]}\"",
    "[[ {{ v }} == \"{{ v }}\" && ! {{ v }} != '{{ v }}' ]] && printf '%s|' {{ v }}",
    "[[ a =~ ^(a|{{ v }})$ ]] && printf '%s|' {{ v }}",
    "v=$(cat <<<{{ v }}; printf x); printf '%s|' \"${v%??}\"",
    "cat <(printf '%s|' {{ v }})",
    "(( 1 )) && : $'a' && printf '%s|' {{ v }}",
];

/// Texts that have broken quoting before, and anything else.
fn value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "$(touch pwned)",
        "`touch pwned`",
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "\n touch pwned\n",
        "; touch pwned #",
        "\\",
        "\\'",
        "\\\"",
        "'",
        "\"",
        "$",
        "$$",
        "${",
        "$((a[$(touch pwned)]))",
        "a[$(touch pwned)]",
        "!",
        "!!",
        "*",
        "?",
        "[a-z]",
        "{a,b}",
        "~",
        "~root",
        "#",
        "\n",
        "\r\n",
        "\t",
        " ",
        "-",
        "--",
        "-n",
        "-e",
        "(",
        ")",
        "=",
        "<",
        ">",
        "&",
        "|",
        "\u{1}",
        "\u{7f}",
        "\u{80}",
        "\u{81}",
        "\u{88}",
        "é",
        "日本",
        "\u{202e}",
        "EOF",
        "if",
        "%s",
        "%n",
        "\\n",
        "\\c",
        "<(touch pwned)",
        "{{ v }}",
        "_",
    ]);
    let part = prop_oneof![3 => known.prop_map(str::to_owned), 1 => "[^\0]{0,6}", 1 => "[a-z0-9/._-]{1,6}"];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// Runs a command as a step would be run, in an empty folder. The bytes it printed, and what it left in the folder.
#[expect(clippy::disallowed_methods, reason = "a shell is asked, not locum")]
fn run(shell: Shell, command: &str, folder: &Path) -> (Vec<u8>, Vec<u8>, usize) {
    let mut process = match shell {
        Shell::Bash => {
            let mut process = Command::new("bash");
            process.args(["-euo", "pipefail", "-c"]);
            process
        }
        Shell::Sh => {
            let mut process = Command::new("sh");
            process.args(["-eu", "-c"]);
            process
        }
    };
    let output = process
        .arg(OsStr::from_bytes(command.as_bytes()))
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("the shell starts");
    let left = std::fs::read_dir(folder).expect("the folder is there").count();
    (output.stdout, output.stderr, left)
}

fn values(text: &str) -> Values {
    let mut values = Values::default();
    values.insert_text("v", text);
    values.insert_text("printf", "printf");
    values
}

fn receives(shell: Shell, template: &str, value: &str, folder: &Path) -> Result<(), TestCaseError> {
    let command = match render_command(template, &values(value), shell) {
        Ok(command) => command,
        Err(problem) => {
            // the only thing that may be refused for its value
            prop_assert_eq!(problem.kind, ProblemKind::LeadingDash, "{}", template);
            prop_assert!(value.starts_with('-'));
            return Ok(());
        }
    };
    let (stdout, stderr, left) = run(shell, &command, folder);
    let stderr = String::from_utf8_lossy(&stderr);
    let expected = format!("{value}|");
    prop_assert_eq!(left, 0, "{} left something behind: {}", command, stderr);
    prop_assert!(
        stdout == expected.as_bytes(),
        "{:?} with {:?} gave {:?}: {}",
        command,
        value,
        String::from_utf8_lossy(&stdout),
        stderr
    );
    Ok(())
}

fn every_place(shell: Shell, places: &[&'static str], cases: u32) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut runner =
        proptest::test_runner::TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let cases = (prop::sample::select(places.to_vec()), value());
    runner
        .run(&cases, |(template, value)| receives(shell, template, &value, folder.path()))
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn bash_receives_every_value_as_it_is() {
    every_place(Shell::Bash, PLACES, 250);
    every_place(Shell::Bash, BASH_PLACES, 100);
}

#[test]
fn sh_receives_every_value_as_it_is() {
    every_place(Shell::Sh, PLACES, 250);
}

#[test]
fn each_place_takes_the_worst_value_there_is() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let worst = "a'b\"c`touch pwned`$(touch pwned)\\\n; touch pwned #\u{1}\u{7f}é*";
    for template in PLACES {
        receives(Shell::Sh, template, worst, folder.path()).unwrap();
    }
    for template in PLACES.iter().chain(BASH_PLACES) {
        receives(Shell::Bash, template, worst, folder.path()).unwrap();
        let rule = |_: &str| NameRule { known: true, may_lead: true };
        assert_eq!(check_command(template, &rule), [], "{template}");
    }
}

#[test]
fn a_list_arrives_word_by_word() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut runner =
        proptest::test_runner::TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(value(), 0..5), |items| {
            let mut values = Values::default();
            values.insert_list("items", items.clone());
            for shell in [Shell::Bash, Shell::Sh] {
                let command =
                    render_command("set -- {{ items }}; for i in \"$@\"; do printf '%s|' \"$i\"; done", &values, shell);
                let Ok(command) = command else {
                    prop_assert!(items.iter().any(|item| item.starts_with('-')));
                    continue;
                };
                let (stdout, stderr, left) = run(shell, &command, folder.path());
                let expected: String = items.iter().flat_map(|item| [item.as_str(), "|"]).collect();
                prop_assert_eq!(left, 0);
                prop_assert!(stdout == expected.as_bytes(), "{}: {}", command, String::from_utf8_lossy(&stderr));
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Bits of shell that are put together at random; some of it parses.
const BITS: &[&str] = &[
    "printf '%s|' ",
    "{{ v }}",
    "\"{{ v }}\"",
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "${V-",
    "}",
    "$((",
    "))",
    "(",
    "\\",
    "\n",
    " ",
    "; ",
    " # ",
    "a",
    "cat <<E\n",
    "\nE\n",
    "<<'E'\n",
    "$'",
    "$\"",
    "$V",
    "$",
    "case a in a) ",
    ";; esac",
    "if true; then ",
    "fi",
    "{ ",
    " }",
    "[[ ",
    " ]]",
    "&& ",
    "| ",
    "<(",
    "a=(",
    "for i in ",
    "do ",
    "done",
    "\\\n",
    "=",
    "~",
    "{a,",
    "*",
    "esac",
    "2>",
];

#[test]
fn whatever_surrounds_a_hole_nothing_in_it_is_executed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut runner =
        proptest::test_runner::TestRunner::new(Config { cases: 1500, failure_persistence: None, ..Config::default() });
    let bits = prop::collection::vec(prop::sample::select(BITS.to_vec()), 1..10);
    let attack = prop::sample::select(vec![
        "$(touch pwned)",
        "`touch pwned`",
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "\ntouch pwned\n",
        ";touch pwned;",
        "\nE\ntouch pwned\n",
        "a[$(touch pwned)]",
        ")touch pwned;(",
        "}; touch pwned; {",
        "' $(touch pwned) '",
        "\" $(touch pwned) \"",
    ]);
    runner
        .run(&(bits, attack), |(bits, attack)| {
            let template = bits.concat();
            for shell in [Shell::Bash, Shell::Sh] {
                if let Ok(command) = render_command(&template, &values(attack), shell).map_err(drop)
                    && template.contains("{{")
                {
                    let (_, stderr, _) = run(shell, &command, folder.path());
                    let pwned = folder.path().join("pwned").exists();
                    prop_assert!(!pwned, "{:?} of {:?}: {}", command, template, String::from_utf8_lossy(&stderr));
                }
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
