//! Looks and changes with real processes, through the real binary.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use locum::exec::{
    Around, Cancel, CommandSpec, Ending, Exit, Filters, OnTimeout, OutputNotice, Redaction, Secret, Shell, Started,
    Streams, Supervised, SupervisorPlace, cancel_running, read_evidence, run_look, shell_argv, supervise, survivors,
};
use locum::journal::is_blank;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

const EXE: &str = env!("CARGO_BIN_EXE_locum");
const LONG: Option<Duration> = Some(Duration::from_mins(1));

/// A folder for one attempt, whose processes are ended with it.
struct Bench {
    folder: tempfile::TempDir,
    attempt: String,
}

impl Bench {
    fn new(name: &str) -> Self {
        let attempt = format!("1-{name}-{}", std::process::id());
        let bench = Self { folder: tempfile::tempdir().unwrap(), attempt };
        for file in [bench.place().started, bench.place().exit] {
            fs::write(file, [0; 4096]).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn place(&self) -> SupervisorPlace {
        SupervisorPlace {
            lock: self.path("a.lock"),
            started: self.path("a.started"),
            exit: self.path("a.exit"),
            blob: self.path("a.out"),
        }
    }

    fn spec(&self, script: &str) -> CommandSpec {
        let env = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("LOCUM_ATTEMPT".to_owned(), self.attempt.clone()),
        ]);
        CommandSpec::new(shell_argv(Shell::Bash, script), env, self.folder.path())
    }

    fn supervise(&self, spec: &CommandSpec) -> Supervised {
        supervise(Path::new(EXE), spec, &self.place(), &Redaction::default()).unwrap()
    }

    fn change(&self, spec: &CommandSpec) -> Exit {
        let mut supervised = self.supervise(spec);
        supervised.go().unwrap();
        supervised.wait(LONG).unwrap().expect("it ends within a minute")
    }

    fn look(&self, spec: &CommandSpec) -> Exit {
        self.watched_look(spec, &Cancel::default(), &|_| {})
    }

    fn watched_look(&self, spec: &CommandSpec, cancel: &Cancel, notices: &dyn Fn(OutputNotice)) -> Exit {
        run_look(Path::new(EXE), spec, &self.place().blob, &Filters::NONE, &Around { cancel, notices }).unwrap()
    }

    fn output(&self) -> String {
        fs::read_to_string(self.place().blob).unwrap()
    }

    fn recorded(&self) -> Option<Exit> {
        read_evidence(&self.place().exit)
    }

    fn lock_is_free(&self) -> bool {
        let lock = File::open(self.place().lock).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    fn alive(&self) -> usize {
        survivors(&self.attempt).len()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for left in survivors(&self.attempt) {
            kill(left.pid);
        }
    }
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, Signal::KILL);
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_change_runs_after_go_and_its_end_is_on_the_disk() {
    let bench = Bench::new("runs");
    let exit = bench.change(&bench.spec("echo out; echo err >&2; exit 3"));
    assert_eq!((exit.result, exit.code, exit.signal), (Ending::Exited, Some(3), None));
    assert_eq!(bench.output(), "out\nerr\n");
    let stdout = exit.stdout.clone().unwrap();
    assert_eq!((stdout.bytes, stdout.kept, stdout.cut, stdout.drained), (8, 8, false, true));
    assert_eq!(bench.recorded(), Some(exit));
    assert!(bench.lock_is_free());
    let started: Started = read_evidence(&bench.place().started).unwrap();
    assert!(started.command_pid.is_some() && started.command_start.is_some());
}

#[test]
fn without_go_nothing_runs_and_that_is_known() {
    let bench = Bench::new("nogo");
    let supervised = bench.supervise(&bench.spec("touch ran"));
    assert!(!bench.lock_is_free(), "a ready supervisor holds its lock");
    let exit = supervised.abandon().unwrap();
    assert_eq!((exit.result, exit.reason.as_deref()), (Ending::NotStarted, Some("GO never came")));
    assert_eq!(bench.recorded(), Some(exit));
    assert!(!bench.path("ran").exists() && is_blank(&bench.place().started));
    eventually("the lock is given back", || bench.lock_is_free());
}

#[test]
fn a_driver_that_dies_before_go_leaves_not_started() {
    let bench = Bench::new("dies-before");
    drop(bench.supervise(&bench.spec("touch ran")));
    eventually("the end is noted", || bench.recorded().is_some());
    assert_eq!(bench.recorded().unwrap().result, Ending::NotStarted);
    assert!(!bench.path("ran").exists());
}

#[test]
fn a_second_supervisor_of_one_attempt_is_refused() {
    let bench = Bench::new("second");
    let first = bench.supervise(&bench.spec("true"));
    let error = supervise(Path::new(EXE), &bench.spec("true"), &bench.place(), &Redaction::default()).unwrap_err();
    assert!(error.to_string().starts_with("the supervisor refused: "), "{error}");
    first.abandon().unwrap();
}

#[test]
fn a_command_that_is_not_there_is_not_started_and_leaves_no_started() {
    let bench = Bench::new("notfound");
    let mut spec = bench.spec("");
    spec.argv = vec!["no-such-command".into()];
    let exit = bench.change(&spec);
    assert_eq!(
        (exit.result, exit.reason.as_deref()),
        (Ending::NotStarted, Some("command not found: `no-such-command`"))
    );
    assert!(is_blank(&bench.place().started));
    assert_eq!(bench.look(&spec), exit);
}

#[test]
fn a_command_that_the_system_refuses_is_not_started() {
    let bench = Bench::new("refused");
    let mut spec = bench.spec("");
    fs::write(bench.path("tool"), "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(bench.path("tool"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    spec.argv = vec!["./tool".into()];
    for exit in [bench.look(&spec), bench.change(&spec)] {
        assert_eq!(exit.result, Ending::NotStarted);
        assert!(exit.reason.unwrap().starts_with("cannot start the command: "));
    }
}

#[test]
fn the_step_goes_on_when_the_driver_is_killed() {
    let bench = Bench::new("orphan");
    let place = serde_json::to_string(&bench.place()).unwrap();
    let spec = bench.spec("echo one; until test -e go; do sleep 0.05; done; echo two; echo err >&2");
    let driver =
        duct::cmd!(std::env::current_exe().unwrap(), "--exact", "exec::a_driver_for_another_test", "--ignored")
            .env("LOCUM_TEST_PLACE", place)
            .env("LOCUM_TEST_SPEC", serde_json::to_string(&spec).unwrap())
            .stdout_null()
            .stderr_null()
            .unchecked()
            .start()
            .unwrap();
    eventually("the command runs", || fs::read_to_string(bench.place().blob).is_ok_and(|text| text == "one\n"));
    driver.kill().unwrap();
    driver.wait().unwrap();
    assert!(!bench.lock_is_free(), "the supervisor lives");
    let started: Started = read_evidence(&bench.place().started).unwrap();
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::PIPE] {
        kill_process(Pid::from_raw(i32::try_from(started.supervisor_pid).unwrap()).unwrap(), signal).unwrap();
    }
    File::create(bench.path("go")).unwrap();
    eventually("the end is noted", || bench.recorded().is_some());
    let exit = bench.recorded().unwrap();
    assert_eq!((exit.result, exit.code, exit.cancelled), (Ending::Exited, Some(0), false));
    assert_eq!(bench.output(), "one\ntwo\nerr\n");
    eventually("the lock is given back", || bench.lock_is_free());
}

/// The process that the test above kills; by itself it has nothing to do.
#[test]
#[ignore = "needs the test that kills it"]
fn a_driver_for_another_test() {
    let told = |name| std::env::var(name).ok();
    let (Some(spec), Some(place)) = (told("LOCUM_TEST_SPEC"), told("LOCUM_TEST_PLACE")) else { return };
    let spec: CommandSpec = serde_json::from_str(&spec).unwrap();
    let place: SupervisorPlace = serde_json::from_str(&place).unwrap();
    let mut supervised = supervise(Path::new(EXE), &spec, &place, &Redaction::default()).unwrap();
    supervised.go().unwrap();
    supervised.wait(LONG).unwrap();
}

/// Ignores TERM, forks twice, leaves its session, and closes nothing.
const STUBBORN: &str = r#"
trap "" TERM
nohup sleep 300 &
(setsid bash -c 'trap "" TERM; (sleep 301 & sleep 302) & sleep 303' &)
echo ready
sleep 304
"#;

fn stubborn(bench: &Bench) -> CommandSpec {
    let mut spec = bench.spec(STUBBORN);
    spec.grace = Duration::from_millis(200);
    spec
}

fn all_started(bench: &Bench) -> bool {
    bench.place().blob.exists() && bench.output().contains("ready") && bench.alive() >= 6
}

#[test]
fn a_cancel_ends_everything_that_the_command_started() {
    let bench = Bench::new("cancel");
    let mut supervised = bench.supervise(&stubborn(&bench));
    supervised.go().unwrap();
    eventually("all of it runs", || all_started(&bench));
    supervised.cancel().unwrap();
    let exit = supervised.wait(LONG).unwrap().unwrap();
    assert_eq!((exit.result, exit.signal, exit.cancelled), (Ending::Signaled, Some(9), true));
    assert_eq!((exit.leftover.len(), bench.alive()), (0, 0));
}

#[test]
fn a_polite_command_ends_itself_when_it_is_cancelled() {
    let bench = Bench::new("polite");
    let mut supervised =
        bench.supervise(&bench.spec("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.1; done"));
    supervised.go().unwrap();
    eventually("it runs", || bench.place().blob.exists() && bench.output() == "ready\n");
    let asked = Instant::now();
    supervised.cancel().unwrap();
    let exit = supervised.wait(LONG).unwrap().unwrap();
    assert_eq!((exit.result, exit.code, exit.cancelled), (Ending::Exited, Some(7), true));
    // A shell may also say that its child was terminated.
    assert!(bench.output().ends_with("bye\n"), "{}", bench.output());
    assert!(asked.elapsed() < Duration::from_secs(4), "the grace is not waited out");
}

#[test]
fn another_process_can_cancel_by_the_evidence() {
    let bench = Bench::new("attach");
    let mut supervised = bench.supervise(&bench.spec("echo ready; sleep 300"));
    supervised.go().unwrap();
    eventually("it runs", || bench.place().blob.exists() && bench.output() == "ready\n");
    let started: Started = read_evidence(&bench.place().started).unwrap();
    assert!(cancel_running(&started));
    let exit = supervised.wait(LONG).unwrap().unwrap();
    assert_eq!((exit.result, exit.signal, exit.cancelled), (Ending::Signaled, Some(15), true));
    eventually("the supervisor is gone", || !cancel_running(&started));
}

#[test]
fn a_change_whose_time_is_up_is_ended_or_only_said_so() {
    let bench = Bench::new("timeout");
    let mut spec = bench.spec("echo ready; sleep 300");
    spec.timeout = Some(Duration::from_millis(300));
    let exit = bench.change(&spec);
    assert_eq!((exit.result, exit.signal, exit.cancelled), (Ending::TimedOut, Some(15), false));
    assert_eq!((bench.output().as_str(), bench.alive()), ("ready\n", 0));

    let bench = Bench::new("overdue");
    let mut spec = bench.spec("sleep 0.4; echo done");
    (spec.timeout, spec.on_timeout) = (Some(Duration::from_millis(50)), OnTimeout::Warn);
    let mut supervised = bench.supervise(&spec);
    supervised.go().unwrap();
    let exit = supervised.wait(LONG).unwrap().unwrap();
    assert_eq!((exit.result, exit.code, supervised.overdue()), (Ending::Exited, Some(0), true));
}

#[test]
fn a_daemon_lives_on_is_listed_and_holds_nothing_of_ours() {
    let bench = Bench::new("daemon");
    let daemon = "setsid bash -c 'while sleep 0.1; do echo beat; done' &\necho started";
    let exit = bench.change(&bench.spec(daemon));
    assert_eq!((exit.result, exit.code), (Ending::Exited, Some(0)));
    assert!(!exit.stdout.as_ref().unwrap().drained, "the daemon still holds the output");
    let pid = exit.leftover.iter().find(|left| left.command.contains("while sleep 0.1")).unwrap().pid;
    assert!(bench.lock_is_free());
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        assert!(!target.starts_with(bench.folder.path()), "{}", target.display());
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(bench.alive() > 0, "its output goes nowhere, but it does not die of that");
}

#[test]
fn a_background_job_that_closed_its_output_costs_no_time() {
    let bench = Bench::new("nohup");
    let began = Instant::now();
    let exit = bench.change(&bench.spec("nohup sleep 300 >/dev/null 2>&1 </dev/null &"));
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    // It is found as `nohup sleep 300` where it has not come as far as `sleep`.
    let left: Vec<_> = exit.leftover.iter().map(|left| left.command.trim_start_matches("nohup ")).collect();
    assert_eq!(left, ["sleep 300"]);
    assert!(exit.stdout.unwrap().drained);
}

#[test]
fn both_streams_come_in_the_order_in_which_they_were_written() {
    let bench = Bench::new("order");
    let script = "for i in 1 2 3 4 5; do echo out$i; echo err$i >&2; done";
    let expected = "out1\nerr1\nout2\nerr2\nout3\nerr3\nout4\nerr4\nout5\nerr5\n";
    for run in 0..50 {
        bench.look(&bench.spec(script));
        assert_eq!(bench.output(), expected, "run {run}");
    }
}

#[test]
fn split_streams_have_a_blob_each() {
    let bench = Bench::new("split");
    let mut spec = bench.spec("echo out; echo error >&2");
    spec.streams = Streams::Split;
    for exit in [bench.look(&spec), bench.change(&spec)] {
        assert_eq!((exit.stdout.unwrap().bytes, exit.stderr.unwrap().bytes), (4, 6));
        assert_eq!(
            (bench.output(), fs::read_to_string(bench.path("a.err")).unwrap()),
            ("out\n".into(), "error\n".into())
        );
    }
}

#[test]
fn standard_input_is_empty_unless_it_is_given() {
    let bench = Bench::new("stdin");
    let mut spec = bench.spec("wc -c; readlink /proc/$$/fd/0");
    for _ in 0..2 {
        bench.look(&spec);
        assert_eq!(bench.output(), "0\n/dev/null\n");
        bench.change(&spec);
        assert_eq!(bench.output(), "0\n/dev/null\n");
    }
    spec = bench.spec("wc -c");
    spec.stdin = Some(vec![0xff; 300_000]);
    bench.look(&spec);
    assert_eq!(bench.output(), "300000\n");
    bench.change(&spec);
    assert_eq!(bench.output(), "300000\n");
}

#[test]
fn nothing_is_inherited() {
    let bench = Bench::new("env");
    let mut spec = bench.spec("");
    spec.argv = vec!["env".into(), "-0".into()];
    spec.env.insert("GREETING".into(), "hello\nworld".into());
    let mut expected: Vec<String> = spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    expected.sort();
    for run in [Bench::look, Bench::change] {
        run(&bench, &spec);
        let output = bench.output();
        let mut seen: Vec<&str> = output.split_terminator('\0').collect();
        seen.sort_unstable();
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_command_has_its_folder_no_terminal_and_no_file_of_ours() {
    let bench = Bench::new("place");
    let script = r"pwd -P; if (: </dev/tty) 2>/dev/null; then echo terminal; fi; echo /proc/$$/fd/*; echo $0
        ps -o sid= -p $$ | tr -d ' '";
    let folder = bench.folder.path().canonicalize().unwrap();
    // What the shell of the person handed to this program without close-on-exec, any child gets.
    let handed = duct::cmd!("bash", "-c", "echo /proc/$$/fd/*").read().unwrap();
    // Asked as the command asks: in a pid namespace the leader of this session may be outside, and its number is 0.
    let this_session = duct::cmd!("ps", "-o", "sid=", "-p", std::process::id().to_string()).read().unwrap();
    for run in [Bench::look, Bench::change] {
        run(&bench, &bench.spec(script));
        let output = bench.output();
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines[0], folder.to_str().unwrap());
        assert_eq!(numbers(lines[1]), numbers(&handed));
        assert_eq!(lines[2], "bash", "the program is called by the name that was written");
        assert_ne!(lines[3], this_session.trim());
    }
}

fn numbers(paths: &str) -> Vec<&str> {
    paths.split(' ').filter_map(|path| path.rsplit('/').next()).collect()
}

#[test]
fn broken_pipes_end_commands_as_they_do_in_a_shell() {
    let bench = Bench::new("sigpipe");
    for run in [Bench::look, Bench::change] {
        let exit = run(&bench, &bench.spec("set +o pipefail; yes | head -n 1; echo ${PIPESTATUS[0]}"));
        assert_eq!((exit.code, bench.output().as_str()), (Some(0), "y\n141\n"));
    }
}

#[test]
fn the_operators_file_mode_mask_is_the_commands() {
    let bench = Bench::new("umask");
    let mask = duct::cmd!("sh", "-c", "umask").read().unwrap();
    for run in [Bench::look, Bench::change] {
        run(&bench, &bench.spec("sh -c umask"));
        assert_eq!(bench.output().trim(), mask);
    }
}

#[test]
fn a_look_whose_time_is_up_is_ended_with_all_it_started() {
    let bench = Bench::new("look-timeout");
    let mut spec = stubborn(&bench);
    spec.timeout = Some(Duration::from_millis(700));
    let exit = bench.look(&spec);
    assert_eq!((exit.result, exit.signal), (Ending::TimedOut, Some(9)));
    assert_eq!(bench.alive(), 0);
}

#[test]
fn a_look_can_be_cancelled_and_tells_what_goes_on() {
    let bench = Bench::new("look-cancel");
    let cancel = Cancel::default();
    let seen = RefCell::new(Vec::new());
    let notices = |notice| {
        seen.borrow_mut().push(notice);
        if matches!(notice, OutputNotice::Grown { bytes: 6 }) {
            cancel.cancel();
        }
    };
    let exit = bench.watched_look(&bench.spec("echo ready; sleep 300"), &cancel, &notices);
    assert_eq!((exit.result, exit.signal, exit.cancelled), (Ending::Signaled, Some(15), true));
    assert!(matches!(seen.borrow()[..], [OutputNotice::Started { .. }, OutputNotice::Grown { bytes: 6 }]));
}

#[test]
fn a_wish_to_end_that_comes_too_early_still_counts() {
    let bench = Bench::new("look-early");
    let cancel = Cancel::default();
    cancel.cancel();
    let exit = bench.watched_look(&bench.spec("sleep 300"), &cancel, &|_| {});
    assert!(exit.cancelled && exit.code.is_none(), "{exit:?}");
}

#[test]
fn an_output_that_cannot_be_recorded_does_not_stop_the_command() {
    let bench = Bench::new("gap");
    fs::create_dir(bench.place().blob).unwrap();
    let exit = bench.change(&bench.spec("echo hello; touch ran"));
    let stdout = exit.stdout.as_ref().unwrap();
    assert_eq!((exit.code, stdout.bytes, stdout.kept, stdout.cut), (Some(0), 6, 0, true));
    assert!(stdout.sha256.starts_with("5891b5b5") && bench.path("ran").exists());
    assert!(exit.recording_gap.unwrap().starts_with("cannot make the output file: "));
}

#[test]
fn without_durable_evidence_nothing_runs() {
    let bench = Bench::new("noevidence");
    fs::remove_file(bench.place().started).unwrap();
    let exit = bench.change(&bench.spec("touch ran"));
    assert_eq!(exit.result, Ending::NotStarted);
    assert!(exit.reason.unwrap().starts_with("cannot note that it starts: ") && !bench.path("ran").exists());
}

#[test]
fn no_secret_reaches_the_disk() {
    let bench = Bench::new("secret");
    let mut spec = bench.spec("sh -c 'sleep 300; : hunter2hunter2' >/dev/null 2>&1 & echo \"$TOKEN\"; cat >&2");
    spec.env.insert("TOKEN".into(), "hunter2hunter2".into());
    spec.stdin = Some(b"hunter2hunter2".to_vec());
    let secret = Secret { name: "token".into(), value: b"hunter2hunter2".to_vec() };
    let mut supervised =
        supervise(Path::new(EXE), &spec, &bench.place(), &Redaction { secrets: vec![secret], captures: Vec::new() })
            .unwrap();
    supervised.go().unwrap();
    let exit = supervised.wait(LONG).unwrap().unwrap();
    assert_eq!(bench.output(), "[redacted:token]\n[redacted:token]");
    assert_eq!(exit.redacted, BTreeMap::from([("token".to_owned(), 2)]));
    assert!(exit.leftover.iter().any(|left| left.command.contains("[redacted:token]")), "{:?}", exit.leftover);
    for entry in fs::read_dir(bench.folder.path()).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(14).any(|window| window == b"hunter2hunter2"), "{}", entry.path().display());
    }
}

#[test]
fn a_secret_that_is_too_short_to_be_found_is_refused() {
    let bench = Bench::new("short");
    let secret = Secret { name: "pin".into(), value: b"1234".to_vec() };
    let error = supervise(
        Path::new(EXE),
        &bench.spec("touch ran"),
        &bench.place(),
        &Redaction { secrets: vec![secret], captures: Vec::new() },
    )
    .unwrap_err();
    assert!(error.to_string().contains("`pin`") && !bench.path("ran").exists(), "{error}");
}

#[test]
fn much_output_takes_little_memory_and_keeps_both_ends() {
    let bench = Bench::new("much");
    let spec = bench.spec("echo first; head -c 200M /dev/zero; cat go; echo last");
    assert!(duct::cmd!("mkfifo", bench.path("go")).run().is_ok());
    let mut supervised = bench.supervise(&spec);
    supervised.go().unwrap();
    eventually("all of it is written", || fs::metadata(bench.place().blob).is_ok_and(|blob| blob.len() >= 200 << 20));
    let status = fs::read_to_string(format!("/proc/{}/status", supervised.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    fs::write(bench.path("go"), "").unwrap();
    let exit = supervised.wait(LONG).unwrap().unwrap();
    let stdout = exit.stdout.unwrap();
    assert_eq!((stdout.bytes, stdout.kept, stdout.cut), ((200 << 20) + 11, 128 << 20, true));
    let blob = fs::read(bench.place().blob).unwrap();
    assert!(blob.starts_with(b"first\n\0") && blob.ends_with(b"\0last\n"));
    assert!(peak < 64 << 10, "{peak} KiB");
}
