//! The wrapper that runs on the other machine: POSIX `sh`, sent on its standard input, so nothing of it is in an argv.
//!
//! The command gets a session of its own and a private folder with its pid, output and exit code. Whoever connects
//! again finds them there. A folder that is there already means that the command was started: it is not started again.

use super::over::{Input, Over};
use super::spec::Streams;
use crate::text::shell::single_quote;

/// What is asked of the wrapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Start it, unless it was started.
    Start,
    /// Read on.
    Attach,
    /// End it with everything in its session: TERM, then KILL.
    End,
}

/// Where the folder may be: in memory where that is allowed, else at home.
const PLACES: &str = "/run \"$HOME\"";

/// What watches the command there; `$1` is the folder.
const OUTER: &str = r#"
trap '' HUP
echo $$ > "$1/pid"
[ ! -e "$1/in" ] || exec < "$1/in"
if [ -e "$1/split" ]; then sh "$1/run" > "$1/out" 2> "$1/err"; else sh "$1/run" > "$1/out" 2>&1; fi
e=$?
rm -f "$1/run" "$1/in"
echo $e > "$1/exit.new" && mv "$1/exit.new" "$1/exit"
"#;

const BEGIN: &str = r#"
if [ -z "$D" ]; then
  for b in $PLACES; do
    mkdir -m 700 "$b/.locum" 2>/dev/null
    mkdir -m 700 "$b/.locum/$K" 2>/dev/null && D="$b/.locum/$K" && break
  done
  [ -n "$D" ] || { echo "no private folder can be made here" >&2; say gone; exit; }
  find "${D%/*}" -mindepth 1 -maxdepth 1 -mtime +2 -exec rm -rf {} + 2>/dev/null
  : > "$D/out"; : > "$D/err"
  printf %s "$RUN" > "$D/run"; printf %s "$OUTER" > "$D/outer"
  [ -n "$PIPE" ] || printf %s "$IN" > "$D/in"
  [ -z "$SPLIT" ] || : > "$D/split"
  begin() {
    if command -v setsid >/dev/null 2>&1; then exec setsid sh "$D/outer" "$D" >/dev/null 2>&1
    else exec nohup sh "$D/outer" "$D" >/dev/null 2>&1; fi
  }
  if [ -n "$PIPE" ]; then { trap '' HUP; printf %s "$IN"; } | { $SECRETS begin; } &
  else { $SECRETS begin; } </dev/null & fi
fi
"#;

const END: &str = r#"
p=$(cat "$D/pid" 2>/dev/null)
if [ -n "$p" ] && [ ! -e "$D/exit" ]; then
  for q in $(ps -o pid= -s "$p" 2>/dev/null | grep -vx " *$p"); do kill -TERM "$q" 2>/dev/null; done
  i=0; while [ ! -e "$D/exit" ] && [ $i -lt 20 ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i+1)); done
  if [ ! -e "$D/exit" ]; then
    for q in $(ps -o pid= -s "$p" 2>/dev/null | grep -vx " *$p"); do kill -KILL "$q" 2>/dev/null; done
    sleep 0.2 2>/dev/null || sleep 1
  fi
  [ -e "$D/exit" ] || kill -KILL "-$p" 2>/dev/null
fi
"#;

const FOLLOW: &str = r#"
[ -n "$D" ] || { say gone; exit; }
say begun
exec 3< "$D/out" 4< "$D/err"
tail -c "+$((OUT+1))" <&3; tail -c "+$((ERR+1))" <&4 >&2
n=0
while :; do
  e=; [ -e "$D/exit" ] && e=1
  cat <&3 || exit; cat <&4 >&2 || exit
  [ -n "$e" ] && break
  p=$(cat "$D/pid" 2>/dev/null)
  if [ -z "$p" ] || ! kill -0 "$p" 2>/dev/null; then n=$((n+1)); else n=0; fi
  [ $n -lt 50 ] || { [ -e "$D/exit" ] || { say gone; exit; }; }
  sleep 0.1 2>/dev/null || sleep 1
done
say "end $(cat "$D/exit")"
"#;

/// The script of one connection; `passed` is how many bytes of both streams were read before.
pub(super) fn script(over: &Over, order: Order, nonce: &str, passed: (u64, u64)) -> String {
    // Read as a whole before any of it runs: what the command prints or reads cannot mix with it.
    let split = if over.streams == Streams::Split { "1" } else { "" };
    let head = format!(
        "umask 077\nsay() {{ printf '\\n{nonce} %s\\n' \"$1\" >&2; }}\nK={key}\nOUT={out}\nERR={err}\nSPLIT={split}\nD=\n\
         for b in {PLACES}; do [ -d \"$b/.locum/$K\" ] && D=\"$b/.locum/$K\" && break; done\n",
        key = single_quote(&over.key),
        out = passed.0,
        err = passed.1,
    );
    let what = match order {
        Order::Start => {
            let pairs = over.secrets.iter().map(|(name, value)| format!("{name}={}", single_quote(value)));
            let secrets = pairs.collect::<Vec<_>>().join(" ");
            let secrets = if secrets.is_empty() { secrets } else { format!("export {secrets};") };
            let begin = BEGIN.replace("$PLACES", PLACES).replace("$SECRETS", &secrets);
            let input = over.stdin.as_deref().unwrap_or_default();
            format!(
                "RUN={}\nIN={}\nPIPE={}\nOUTER={}\n{begin}",
                single_quote(&over.run),
                single_quote(input),
                if over.input == Input::Pipe { "1" } else { "" },
                single_quote(OUTER)
            )
        }
        Order::Attach => String::new(),
        Order::End => END.to_owned(),
    };
    format!("main() {{\n{head}{what}{FOLLOW}\n}}\nmain\n")
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;
    use crate::exec::over::Cut;

    struct There(tempfile::TempDir);

    impl There {
        #[expect(clippy::disallowed_methods, reason = "a test is an edge: it starts a shell as sshd would")]
        fn ask(&self, over: &Over, order: Order, passed: (u64, u64)) -> (String, String) {
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
        }
    }

    fn there() -> There {
        There(tempfile::tempdir().unwrap())
    }

    #[test]
    fn output_and_the_true_code_come_back() {
        let (out, err) = there().ask(&over("cat; echo \"it's\" >&2; exit 255", Some("a'b\n")), Order::Start, (0, 0));
        assert_eq!(out, "a'b\nit's\n");
        assert!(err.ends_with("\nNONCE end 255\n"), "{err}");
    }

    #[test]
    fn what_was_started_is_not_started_again_and_is_read_on() {
        let there = there();
        let counts = over("echo x >> \"$HOME/count\"; printf 0123456789", None);
        assert_eq!(there.ask(&counts, Order::Start, (0, 0)).0, "0123456789");
        let (out, err) = there.ask(&counts, Order::Start, (4, 0));
        assert_eq!((out.as_str(), err.contains("NONCE end 0")), ("456789", true));
        assert_eq!(there.ask(&counts, Order::Attach, (10, 0)).0, "");
        assert_eq!(std::fs::read_to_string(there.0.path().join("count")).unwrap(), "x\n");
    }

    #[test]
    fn what_was_never_started_is_gone_and_not_done() {
        let (_, err) = there().ask(&over("true", None), Order::Attach, (0, 0));
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
        let (out, err) = there.ask(&given, Order::Start, (0, 0));
        assert_eq!(out, "0\nhunter2-in hunter2 'a' hunter2 $b\n", "{err}");
        assert!(err.contains("NONCE end 0"), "{err}");
    }

    #[test]
    fn its_files_are_for_nobody_else_and_the_command_is_not_left_behind() {
        use std::os::unix::fs::PermissionsExt;
        let there = there();
        there.ask(&over("echo secret", Some("in")), Order::Start, (0, 0));
        let folder = there.0.path().join(".locum/1-4-abcd");
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!folder.join("run").exists() && !folder.join("in").exists());
        assert_eq!(std::fs::read_to_string(folder.join("exit")).unwrap(), "0\n");
    }
}
