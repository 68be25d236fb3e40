//! Any template with any values: a shell reads the values as data, in the very places where the holes were.
//!
//! A template that comes from nowhere is never run. `bash` only parses it (`-n`, and `--pretty-print`, which says how it
//! was parsed), once with harmless values and once with the given ones: the two must differ in the values alone.
//! What is run is a fixed list of templates, in a restricted shell that finds no program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use locum::template::{NameRule, ProblemKind, Shell, Values, check_command, render_command};

/// Between the template and its values.
const BETWEEN: char = '\0';

/// What would break out wherever it is taken for more than a text.
const WORST: &str = "a'b\"c`d`$(e)\\\n; f #*{g,h}~)";

/// Most holes that are followed.
const MOST_HOLES: usize = 12;

/// Most pairs of commands that are remembered.
const MOST_SEEN: usize = 50_000;

/// Templates that print a value four times, with nothing but what a restricted shell has in itself.
const PRINTS: &[&str] = &[
    "printf '%s\\0' {{ v }} \"{{ v }}\" '{{ v }}' \"\"{{ v }}''",
    "V={{ v }} W=\"{{ v }}\" X='{{ v }}'; printf '%s\\0' \"$V\" \"$W\" \"$X\" {{ v }}",
    "a=( {{ v }} \"{{ v }}\" '{{ v }}' ); printf '%s\\0' \"${a[@]}\" {{ v }}",
    "for each in {{ v }} \"{{ v }}\" '{{ v }}' {{ v }}; do printf '%s\\0' \"$each\"; done",
    "[[ {{ v }} == \"{{ v }}\" && '{{ v }}' == {{ v }} ]] && printf '%s\\0' {{ v }} {{ v }} {{ v }} {{ v }}",
    "case {{ v }} in \"{{ v }}\") printf '%s\\0' '{{ v }}' {{ v }} \"{{ v }}\" {{ v }};; esac",
    "f() { printf '%s\\0' \"$@\" {{ v }}; }; ( f {{ v }} \"{{ v }}\" '{{ v }}' )",
];

const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "in", "esac",
    "function", "time", "coproc",
];

/// A shell takes a hundred times as long as a rendering, so each pair of texts is put to it once.
static SEEN: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

thread_local! {
    static BASH: Asked = Asked::new();
}

/// The values of one rendering.
struct Given<'a> {
    text: &'a str,
    items: [&'a str; 2],
}

/// A harmless value in the place of a given one.
#[derive(Clone, Copy)]
struct StandIn<'a> {
    harmless: &'static str,
    given: &'a str,
}

/// A template, a NUL, a text, a NUL, and the two texts of a list with a NUL between them.
pub fn judge(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split(BETWEEN);
    let mut part = || parts.next().unwrap_or_default();
    let (template, given) = (part(), Given { text: part(), items: [part(), part()] });
    problems_lie_in_the_template(template, &given);
    for shell in [Shell::Bash, Shell::Sh] {
        stays_data(template, &given, shell);
        stays_data(template, &Given { text: WORST, items: [WORST, given.items[1]] }, shell);
    }
    arrives(&given);
}

impl Given<'_> {
    fn values(&self) -> Values {
        let mut values = Values::default();
        values.insert_text("v", self.text);
        values.insert_list("l", self.items.iter().map(|item| (*item).to_owned()).collect());
        values.insert_flag("b", true);
        values
    }
}

fn problems_lie_in_the_template(template: &str, given: &Given) {
    let rule = |name: &str| NameRule { known: matches!(name, "v" | "l" | "b"), may_lead: name == "b" };
    let mut problems = check_command(template, &rule);
    problems.extend(render_command(template, &given.values(), Shell::Bash).err());
    for problem in problems {
        assert!(problem.range.start <= problem.range.end && problem.range.end <= template.len(), "{problem:?}");
        assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{problem:?}");
    }
}

/// With these values, the command is what it is with harmless ones, but for the values.
fn stays_data(template: &str, given: &Given, shell: Shell) {
    let stand_ins = [("V", given.text), ("L", given.items[0]), ("M", given.items[1])]
        .map(|(letter, given)| StandIn { harmless: harmless(given, letter), given });
    // Where a hole is more than a name, the harmless values may take another way.
    if !only_names(template) || template.contains('Q') {
        return;
    }
    let harmless = Given { text: stand_ins[0].harmless, items: [stand_ins[1].harmless, stand_ins[2].harmless] };
    let Ok(command) = render_command(template, &given.values(), shell) else { return };
    let Ok(plain) = render_command(template, &harmless.values(), shell) else { return };
    if plain == command || plain.matches('Q').count() > MOST_HOLES {
        return;
    }
    let mut written = Vec::new();
    let same = follow(&plain, &command, &stand_ins, &mut written);
    assert!(same, "{command:?} and {plain:?} differ in more than a quoted value");
    if is_new(&plain, &command) {
        BASH.with(|bash| bash.reads_alike(&plain, &command, &written));
    }
}

/// Whether each hole is one of our names, and nothing depends on a value.
fn only_names(template: &str) -> bool {
    let mut holes = template.split("{{");
    let outside = holes.next().unwrap_or_default();
    let held = |hole: &str| {
        hole.split_once("}}").is_some_and(|(name, rest)| matches!(name.trim(), "v" | "l" | "b") && !rest.contains("{%"))
    };
    !outside.contains("{%") && holes.all(held)
}

/// A harmless value that is quoted when the given one is.
fn harmless(value: &str, letter: &str) -> &'static str {
    let plain = !value.is_empty()
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+".contains(c))
        && !RESERVED.contains(&value);
    match (plain, value.contains('/'), letter) {
        (true, false, "V") => "QV9",
        (true, false, "L") => "QL9",
        (true, false, _) => "QM9",
        (true, true, "V") => "QV/9",
        (true, true, "L") => "QL/9",
        (true, true, _) => "QM/9",
        (false, _, "V") => "QV 9",
        (false, _, "L") => "QL 9",
        (false, _, _) => "QM 9",
    }
}

/// Whether the command is the plain one with each stand-in replaced by its quoted value; how it was quoted each time.
fn follow(plain: &str, command: &str, stand_ins: &[StandIn], written: &mut Vec<String>) -> bool {
    let places = stand_ins.iter().filter_map(|stand_in| Some((plain.find(stand_in.harmless)?, stand_in)));
    let Some((at, StandIn { harmless, given })) = places.min_by_key(|(at, _)| *at) else {
        return plain == command;
    };
    let Some(rest) = command.strip_prefix(&plain[..at]) else { return false };
    for way in [given.replace('\'', r"'\''"), in_double_quotes(given)] {
        if let Some(rest) = rest.strip_prefix(way.as_str()) {
            written.push(way);
            if follow(&plain[at + harmless.len()..], rest, stand_ins, written) {
                return true;
            }
            written.pop();
        }
    }
    false
}

fn in_double_quotes(value: &str) -> String {
    if value.contains(['\u{1}', '\u{7f}']) {
        return format!("\"'{}'\"", value.replace('\'', r"'\''"));
    }
    value.chars().flat_map(|c| "\\\"$`".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

/// Whether the shell is to be asked about a pair of commands.
#[expect(unexpected_cfgs, reason = "set by `cargo fuzz` alone")]
fn is_new(plain: &str, command: &str) -> bool {
    // What is worth keeping is judged again by the replay, so the search itself may ask less often.
    let asks = !cfg!(fuzzing) || command.bytes().map(u32::from).sum::<u32>().is_multiple_of(8);
    asks && is_first(plain, command)
}

fn is_first(plain: &str, command: &str) -> bool {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() >= MOST_SEEN {
        seen.clear();
    }
    seen.insert((plain.to_owned(), command.to_owned()))
}

/// `bash`, asked about files in a folder of its own.
struct Asked {
    folder: tempfile::TempDir,
    /// How it is asked: 5.2 can say how it parses, older ones only whether.
    how: &'static str,
}

impl Asked {
    fn new() -> Self {
        let mut asked = Self { folder: tempfile::tempdir().expect("a folder can be made"), how: "--pretty-print" };
        let printed = asked.parsed("printf  x");
        if !printed.status.success() || !printed.stdout.starts_with(b"printf x") {
            asked.how = "-n";
        }
        asked
    }

    fn parsed(&self, command: &str) -> Output {
        let path = self.folder.path().join("command");
        std::fs::write(&path, command).expect("the folder is there");
        quiet(Command::new(bash_path()).arg(self.how).arg(&path), self.folder.path())
    }

    /// Where `bash` can parse the command with harmless values, it can with the others, and it parses the same.
    fn reads_alike(&self, plain: &str, command: &str, written: &[String]) {
        let harmless = self.parsed(&numbered(plain));
        if !harmless.status.success() || !harmless.stderr.is_empty() {
            return;
        }
        let given = self.parsed(command);
        let said = String::from_utf8_lossy(&given.stderr);
        assert!(given.status.success() && said.is_empty(), "bash reads {plain:?} and not {command:?}: {said}");
        let expected = with_values(&String::from_utf8_lossy(&harmless.stdout), written);
        let found = String::from_utf8_lossy(&given.stdout);
        assert_eq!(comparable(&found), comparable(&expected), "bash reads {command:?} as no form of {plain:?}");
    }
}

/// The plain command with a number behind each stand-in: `bash` says redirections after the words.
fn numbered(plain: &str) -> String {
    let mut parts = plain.split('Q');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        let end = part.find('9').map_or(part.len(), |at| at + 1);
        out.extend(["Q", &part[..end], &format!("{number:02}Z"), &part[end..]]);
    }
    out
}

/// The parsed plain command with the values in the places of their stand-ins.
fn with_values(parsed: &str, written: &[String]) -> String {
    let mut parts = parsed.split('Q');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.split_once('Z').and_then(|(name, _)| name.get(name.len().checked_sub(2)?..)?.parse().ok());
        let value: &str = number.and_then(|number: usize| written.get(number)).map_or("", |value| value);
        out.push_str(value);
        out.push_str(part.split_once('Z').map_or(part, |(_, rest)| rest));
    }
    out
}

/// `bash` marks two control characters in what it prints, and lays out lines as it likes.
fn comparable(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{1}' | '\u{7f}' | ' ' | '\n')).collect()
}

/// What is printed is the value, in each way it can be written, and nothing else happens.
fn arrives(given: &Given) {
    if given.text.is_empty() || !is_new("", given.text) {
        return;
    }
    let template = PRINTS[given.text.len() % PRINTS.len()];
    let command = match render_command(template, &given.values(), Shell::Bash) {
        Ok(command) => command,
        Err(problem) => {
            let for_its_value = matches!(problem.kind, ProblemKind::LeadingDash | ProblemKind::TooLong);
            assert!(for_its_value, "{template} with {:?}: {problem:?}", given.text);
            return;
        }
    };
    BASH.with(|bash| {
        let folder = bash.folder.path().join("empty");
        std::fs::create_dir_all(&folder).expect("the folder is there");
        let shell = ["--restricted", "-euo", "pipefail", "-c", &command];
        let output = quiet(Command::new(bash_path()).args(shell).env("PATH", ""), &folder);
        let expected = format!("{}\0", given.text).repeat(4);
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.stdout == expected.as_bytes(), "{command:?} printed {printed:?}: {said}");
        assert!(said.is_empty(), "{command:?} said {said}");
        assert_eq!(std::fs::read_dir(&folder).map(Iterator::count).ok(), Some(0), "{command:?} left something");
    });
}

/// Where `bash` is, for a start without a `PATH`.
fn bash_path() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
        let folders = ["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
        folders.iter().map(|folder| Path::new(folder).join("bash")).find(|path| path.exists()).expect("bash is there")
    });
    &PATH
}

fn quiet(command: &mut Command, folder: &Path) -> Output {
    let command = command.current_dir(folder).env_remove("BASH_ENV").env_remove("ENV").env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).output().expect("bash starts")
}
