//! The wrapper that runs on the other machine: POSIX `sh`, sent on its standard input, so nothing of it is in an argv.
//!
//! The command gets a session of its own and a private folder with its pid, output and exit code. Whoever connects
//! again finds them there. A folder that is there already means that the command was started: it is not started again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::over::{Cut, Input, Over};
use super::spec::Streams;
use crate::text::shell::{join, single_quote};

/// What is asked of the wrapper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Start it, unless it was started.
    Start,
    /// Read on.
    Attach,
    /// End it with everything that belongs to it: TERM, a grace, then KILL. What is left is told.
    End,
    /// Whether its armed way back can be called off; once that is known, by whom it is.
    Confirm { by: Option<String> },
}

/// Where the folder may be: in memory where that is allowed, else at home.
const PLACES: &str = "/run \"$HOME\"";

/// What belongs to a command there.
const MEMBERS: &str = include_str!("there/members.sh");
/// What watches the command there; `$1` is the folder.
const OUTER: &str = include_str!("there/outer.sh");
/// What goes back there by itself.
const DEAD: &str = include_str!("there/dead.sh");
const BEGIN: &str = include_str!("there/begin.sh");
const END: &str = include_str!("there/end.sh");
const FOLLOW: &str = include_str!("there/follow.sh");
const CONFIRM: &str = include_str!("there/confirm.sh");

/// The script of one connection; `passed` is how many bytes of both streams were read before.
pub(super) fn script(over: &Over, order: &Order, nonce: &str, passed: (u64, u64)) -> String {
    // Read as a whole before any of it runs: what the command prints or reads cannot mix with it.
    let flag = |set: bool| if set { "1" } else { "" };
    let head = format!(
        "umask 077\nsay() {{ printf '\\n{nonce} %s\\n' \"$1\" >&2; }}\nK={key}\nAS={user}\nOUT={out}\nERR={err}\nSPLIT={split}\nLIST={list}\nD=\n\
         for b in {PLACES}; do [ -d \"$b/.locum/$K\" ] && D=\"$b/.locum/$K\" && break; done\n",
        key = single_quote(&over.key),
        user = single_quote(&join(&over.user)),
        out = passed.0,
        err = passed.1,
        split = flag(over.streams == Streams::Split),
        list = flag(over.cut != Cut::Once),
    );
    let what = match order {
        Order::Start => format!("{}{MEMBERS}{FOLLOW}", begin(over)),
        Order::Attach => format!("{MEMBERS}{FOLLOW}"),
        Order::End => format!("{MEMBERS}{END}{FOLLOW}"),
        Order::Confirm { by } => format!("BY={}\n{CONFIRM}", single_quote(by.as_deref().unwrap_or_default())),
    };
    format!("main() {{\n{head}{what}\n}}\nmain\n")
}

fn begin(over: &Over) -> String {
    let texts = [("RUN", over.run.as_str()), ("IN", over.stdin.as_deref().unwrap_or_default()), ("OUTER", OUTER)];
    let mut head = String::new();
    for (name, text) in texts {
        let _ = writeln!(head, "{name}={}", single_quote(text));
    }
    head.push_str(if over.input == Input::Pipe { "PIPE=1\n" } else { "PIPE=\n" });
    let mut back_secrets = String::new();
    match &over.armed {
        Some(armed) => {
            let (back, dead) = (single_quote(&armed.run), single_quote(&format!("{MEMBERS}{DEAD}")));
            let _ = writeln!(head, "AFTER={}\nBACK={back}\nDEAD={dead}", armed.after_s);
            back_secrets = exported(&armed.secrets);
        }
        None => head.push_str("AFTER=\n"),
    }
    let begin = BEGIN.replace("$PLACES", PLACES).replace("$BACK_SECRETS", &back_secrets);
    head + &begin.replace("$SECRETS", &exported(&over.secrets))
}

fn exported(secrets: &BTreeMap<String, String>) -> String {
    let pairs = secrets.iter().map(|(name, value)| format!("{name}={}", single_quote(value)));
    let pairs = pairs.collect::<Vec<_>>().join(" ");
    if pairs.is_empty() { pairs } else { format!("export {pairs};") }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;
    use crate::exec::over::ArmedThere;

    struct There(tempfile::TempDir);

    impl There {
        #[expect(clippy::disallowed_methods, reason = "a test is an edge: it starts a shell as sshd would")]
        fn ask(&self, over: &Over, order: &Order, passed: (u64, u64)) -> (String, String) {
            // `/run` is not for tests.
            let text = script(over, order, "NONCE", passed).replace(PLACES, "\"$HOME\"");
            let mut child = std::process::Command::new("sh");
            child.env("HOME", self.0.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = child.spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
            let out = child.wait_with_output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(&out.stdout), text(&out.stderr))
        }
    }

    fn over(run: &str, stdin: Option<&str>) -> Over {
        Over {
            host: "kyousuke".to_owned(),
            line: Vec::new(),
            sockets: crate::exec::Sockets::default(),
            key: "1-4-abcd".to_owned(),
            run: run.to_owned(),
            stdin: stdin.map(str::to_owned),
            secrets: std::collections::BTreeMap::new(),
            input: Input::File,
            streams: Streams::Joined,
            cut: Cut::Again,
            user: Vec::new(),
            armed: None,
            told: None,
            patience: None,
        }
    }

    fn there() -> There {
        There(tempfile::tempdir().unwrap())
    }

    #[test]
    fn output_and_the_true_code_come_back() {
        let (out, err) = there().ask(&over("cat; echo \"it's\" >&2; exit 255", Some("a'b\n")), &Order::Start, (0, 0));
        assert_eq!(out, "a'b\nit's\n");
        assert!(err.ends_with("\nNONCE end 255\n"), "{err}");
    }

    #[test]
    fn what_was_started_is_not_started_again_and_is_read_on() {
        let there = there();
        let counts = over("echo x >> \"$HOME/count\"; printf 0123456789", None);
        assert_eq!(there.ask(&counts, &Order::Start, (0, 0)).0, "0123456789");
        let (out, err) = there.ask(&counts, &Order::Start, (4, 0));
        assert_eq!((out.as_str(), err.contains("NONCE end 0")), ("456789", true));
        assert_eq!(there.ask(&counts, &Order::Attach, (10, 0)).0, "");
        assert_eq!(std::fs::read_to_string(there.0.path().join("count")).unwrap(), "x\n");
    }

    #[test]
    fn what_was_never_started_is_gone_and_not_done() {
        let (_, err) = there().ask(&over("true", None), &Order::Attach, (0, 0));
        assert!(err.contains("NONCE gone") && !err.contains("end"), "{err}");
    }

    #[test]
    fn a_secret_reaches_the_command_and_no_file() {
        let there = there();
        let look = "tr '\\0' '\\n' < /proc/$PPID/cmdline | grep -c -- \"${T%% *}\"; grep -rl -- \"${T%% *}\" \"$HOME\"; cat; echo \" $T $U\"";
        let mut given = over(look, Some("hunter2-in"));
        given.secrets =
            [("T", "hunter2 'a'"), ("U", "hunter2 $b")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        given.input = Input::Pipe;
        let (out, err) = there.ask(&given, &Order::Start, (0, 0));
        assert_eq!(out, "0\nhunter2-in hunter2 'a' hunter2 $b\n", "{err}");
        assert!(err.contains("NONCE end 0"), "{err}");
    }

    #[test]
    fn its_files_are_for_nobody_else_and_the_command_is_not_left_behind() {
        use std::os::unix::fs::PermissionsExt;
        let there = there();
        there.ask(&over("echo secret", Some("in")), &Order::Start, (0, 0));
        let folder = there.0.path().join(".locum/1-4-abcd");
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!folder.join("run").exists() && !folder.join("in").exists());
        assert_eq!(std::fs::read_to_string(folder.join("exit")).unwrap(), "0\n");
    }

    /// A command that says which attempt it belongs to, with a key that no other test has.
    fn of_attempt(key: &str, run: &str) -> Over {
        let key = format!("1-4-{key}{}", std::process::id());
        let run = format!("export LOCUM_ATTEMPT={key}\n{run}");
        Over { key, ..over(&run, None) }
    }

    impl There {
        fn eventually(&self, name: &str) {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
            while !self.0.path().join(name).exists() {
                assert!(std::time::Instant::now() < until, "{name} is never there");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }

        /// Starts it, and asks meanwhile.
        fn meanwhile<T>(&self, over: &Over, asks: impl FnOnce() -> T) -> (String, T) {
            std::thread::scope(|scope| {
                let begun = scope.spawn(|| self.ask(over, &Order::Start, (0, 0)).1);
                let asked = asks();
                (begun.join().unwrap(), asked)
            })
        }
    }

    #[test]
    fn what_went_its_own_way_there_is_ended_with_the_command() {
        let there = there();
        let strays = "setsid sh -c '(setsid sleep 311 &); exec sleep 311' & nohup sleep 311 >/dev/null 2>&1 &\n\
                      sleep 0.3; touch \"$HOME/runs\"; sleep 311";
        let over = of_attempt("end", strays);
        let (began, (_, ended)) = there.meanwhile(&over, || {
            there.eventually("runs");
            there.ask(&over, &Order::End, (0, 0))
        });
        assert!(ended.contains("NONCE end 143") && !ended.contains("left"), "{ended}");
        assert!(began.contains("NONCE end 143"), "{began}");
        assert_eq!(crate::exec::survivors(&over.key), []);
    }

    #[test]
    fn a_daemon_that_it_left_there_lives_on_and_is_told() {
        let there = there();
        let over = of_attempt("left", "setsid sleep 312 >/dev/null 2>&1 & echo done");
        let (out, err) = there.ask(&over, &Order::Start, (0, 0));
        let left = crate::exec::survivors(&over.key);
        let [one] = left.as_slice() else { panic!("{left:?}") };
        assert!(err.contains(&format!("NONCE left {} sleep 312", one.pid)), "{err}");
        assert!(out == "done\n" && err.contains("NONCE end 0"), "{err}");
        let told = there.ask(&over, &Order::End, (0, 0)).1;
        assert!(told.contains("end 0"), "{told}");
        assert_eq!(crate::exec::survivors(&over.key), left, "nothing is ended after a normal end");
        duct::cmd!("kill", one.pid.to_string()).run().unwrap();
    }

    fn armed(key: &str, after_s: u64, run: &str) -> Over {
        let back = "rm \"$HOME/closed\"; echo is back".to_owned();
        let armed = ArmedThere { run: back, after_s, secrets: BTreeMap::new() };
        Over { armed: Some(armed), ..of_attempt(key, &format!("touch \"$HOME/closed\"{run}")) }
    }

    #[test]
    fn what_nobody_confirms_goes_back_over_there_by_itself() {
        let there = there();
        let over = armed("back", 1, "; sleep 313");
        let (_, err) = there.ask(&over, &Order::Start, (0, 0));
        assert!(err.contains("NONCE armed 0 back nobody confirmed within 1 s"), "{err}");
        assert!(err.contains("NONCE end 143"), "what still ran was ended first: {err}");
        assert!(!there.0.path().join("closed").exists());
        let again = there.ask(&over, &Order::Attach, (0, 0)).1;
        assert!(again.contains("NONCE armed 0 back"), "whoever asks later learns it too: {again}");
    }

    #[test]
    fn it_is_confirmed_only_when_it_has_ended_and_then_it_stays() {
        let there = there();
        let over = armed("confirm", 600, "; until [ -e \"$HOME/go\" ]; do sleep 0.05; done");
        let confirm = |by: Option<&str>| {
            let order = Order::Confirm { by: by.map(str::to_owned) };
            there.ask(&over, &order, (0, 0)).1.trim().to_owned()
        };
        let folder = format!(".locum/{}", over.key);
        let (err, ()) = there.meanwhile(&over, || {
            there.eventually("closed");
            assert_eq!(confirm(Some("pepe")), "NONCE cannot the step still runs; wait for its end");
            std::fs::write(there.0.path().join("go"), "").unwrap();
            there.eventually(&format!("{folder}/exit"));
            assert_eq!(confirm(None), "NONCE ended");
            assert_eq!(confirm(Some("pepe")), "NONCE verdict confirmed pepe");
            assert_eq!(confirm(Some("komari")), "NONCE verdict confirmed pepe", "who is first is right");
        });
        assert!(err.contains("NONCE armed 0 confirmed pepe") && err.contains("NONCE end 0"), "{err}");
        assert!(there.0.path().join("closed").exists());
    }

    #[test]
    fn what_is_called_off_over_there_goes_back_at_once() {
        let there = there();
        let over = armed("off", 600, "");
        let (_, err) = there.meanwhile(&over, || {
            there.eventually(&format!(".locum/{}/exit", over.key));
            there.ask(&over, &Order::End, (0, 0)).1
        });
        assert!(err.contains("armed 0 back the step was called off"), "{err}");
        assert!(!there.0.path().join("closed").exists());
    }
}
