//! Where the commands of a run live: environment, folder, home, and in a drill what they may reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::engine::resolve::{
    CommandLine, FenceLine, ProbeLine, Resolved, SecretTexts, Signals, Sudo, TargetLine, TestLine, Via, Work, fence,
};
use crate::exec::{self, CommandSpec, CoreDumps, Cut, Fence, OnTimeout, Size, Sockets, Streams, TerminalSpec};
use crate::lab;
use crate::probe::{CONFIGURED, Probe, scheme_and_place};
use crate::session::secrets::Secrets;
use crate::session::watch::expand;

/// How long a look may take where the runbook says nothing.
const LOOK_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// The surroundings of every command of a run.
#[derive(Clone, Debug)]
pub struct Place {
    /// Everything a command inherits; nothing else does.
    pub environment: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub home: PathBuf,
    /// The name of the machine.
    pub host: String,
    /// Where commands go from here.
    pub at: TargetLine,
    /// Where connections that are shared have their sockets.
    pub sockets: Sockets,
    /// The lab's folder in a drill: nothing outside it is touched.
    pub lab: Option<PathBuf>,
    /// What edits files: a command line of the user.
    pub editor: String,
    /// Where people are told, by name: commands of the user, never of a repository.
    pub channels: BTreeMap<String, Vec<String>>,
    /// What commands are given and nobody sees.
    pub secrets: Secrets,
}

/// Something a drill would have reached that is not in its lab.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a drill stays in its lab: `{0}` is outside of it; nothing ran")]
pub struct OutsideLab(pub String);

/// Which attempt a command belongs to, as it is told to it.
#[derive(Clone, Debug)]
pub struct Belongs {
    pub run: String,
    pub epoch: u32,
    pub attempt: String,
}

impl Belongs {
    pub(super) fn environment(&self) -> [(String, String); 3] {
        [
            ("LOCUM_RUN".to_owned(), self.run.clone()),
            ("LOCUM_EPOCH".to_owned(), self.epoch.to_string()),
            ("LOCUM_ATTEMPT".to_owned(), self.attempt.clone()),
        ]
    }
}

impl Place {
    /// A look: ended when it takes too long, fenced where that can be.
    pub fn look(&self, line: &CommandLine, belongs: &Belongs) -> CommandSpec {
        let fence = match fence(&self.at, line, rustix::process::geteuid().is_root()) {
            FenceLine::Fenced(Signals::Free) => Fence::Files.where_kept(),
            FenceLine::Fenced(Signals::Own) => Fence::FilesAndSignals.where_kept(),
            FenceLine::Promised(_) => Fence::None,
        };
        CommandSpec { fence, ..self.limited(line, belongs) }
    }

    /// A command that is ended when it takes too long.
    fn limited(&self, line: &CommandLine, belongs: &Belongs) -> CommandSpec {
        let spec = self.spec(line, belongs, Some(line.timeout.unwrap_or(LOOK_LIMIT)), OnTimeout::Kill);
        self.there(line, belongs, spec, Cut::Once)
    }

    /// A change: only warned of where the author sets no limit. Ending a change in its middle is a person's decision.
    pub fn change(&self, line: &CommandLine, belongs: &Belongs) -> CommandSpec {
        let on_timeout = if line.timeout.is_some() { OnTimeout::Kill } else { OnTimeout::Warn };
        let spec = self.spec(line, belongs, line.timeout.or(line.warn_after), on_timeout);
        self.there(line, belongs, spec, Cut::Again)
    }

    /// A program that a person works in; over ssh on a terminal there, which ends with the line.
    pub fn terminal(&self, line: &CommandLine, belongs: &Belongs, marker: &str) -> CommandSpec {
        let spec = self.spec(line, belongs, None, OnTimeout::Warn);
        let spec = match self.at.via {
            Via::Ssh => CommandSpec {
                argv: exec::ssh_terminal(
                    &self.at.line,
                    &self.at.host,
                    &self.sockets,
                    &self.script(line, belongs, &spec.argv),
                ),
                cwd: self.cwd.clone(),
                ..spec
            },
            Via::Here | Via::Prefix(_) => self.there(line, belongs, spec, Cut::Again),
        };
        let terminal = TerminalSpec { size: Size::default(), marker: marker.to_owned() };
        CommandSpec { terminal: Some(terminal), stdin: None, ..spec }
    }

    pub(super) fn spec(
        &self,
        line: &CommandLine,
        belongs: &Belongs,
        timeout: Option<std::time::Duration>,
        on_timeout: OnTimeout,
    ) -> CommandSpec {
        CommandSpec {
            argv: line.argv.clone(),
            env: self.environment_of(line, belongs),
            cwd: line.cwd.as_ref().map_or_else(|| self.cwd.clone(), |cwd| expand(cwd, &self.home, &self.cwd)),
            stdin: self.secrets.input(line).or_else(|| line.stdin.clone()).map(String::into_bytes),
            timeout,
            on_timeout,
            streams: if line.split { Streams::Split } else { Streams::Joined },
            grace: exec::GRACE,
            fence: Fence::None,
            armed: None,
            terminal: None,
            dumps: if line.secrets.names().next().is_some() { CoreDumps::Off } else { CoreDumps::AsEver },
        }
    }

    /// The same surroundings for commands of another place.
    #[must_use]
    pub fn at(&self, at: &TargetLine) -> Self {
        Self { at: at.clone(), ..self.clone() }
    }

    /// A command on its way to its place. What it is given goes with it as words; a secret is never among them.
    fn there(&self, line: &CommandLine, belongs: &Belongs, mut spec: CommandSpec, cut: Cut) -> CommandSpec {
        if self.at.via == Via::Ssh {
            return self.over(line, belongs, spec, cut);
        }
        let prefix: &[String] = match &self.at.via {
            Via::Prefix(words) => words,
            Via::Here | Via::Ssh => &[],
        };
        let user = self.at.user.as_ref().filter(|user| !self.at.is_here() || !self.is_operator(user));
        if prefix.is_empty() && user.is_none() {
            return spec;
        }
        let mut argv = prefix.to_vec();
        if user.is_some() {
            argv.extend(self.at.as_user());
        }
        argv.push("env".to_owned());
        argv.extend(taken_along(line, belongs).iter().map(|(name, value)| format!("{name}={value}")));
        if let (Some(cwd), false) = (&line.cwd, self.at.is_here()) {
            let script = "cd -- \"$1\" && shift && exec \"$@\"";
            argv.extend(["sh", "-c", script, "sh", cwd].map(str::to_owned));
            spec.cwd.clone_from(&self.cwd);
        }
        argv.append(&mut spec.argv);
        CommandSpec { argv, ..spec }
    }

    /// Whether commands run as this person without being asked to.
    pub(super) fn is_operator(&self, user: &str) -> bool {
        let is_root = rustix::process::geteuid().is_root();
        if user == "root" {
            is_root
        } else {
            !is_root && self.environment.get("LOGNAME").is_some_and(|name| name == user)
        }
    }

    /// Everything a command sees.
    pub fn environment_of(&self, line: &CommandLine, belongs: &Belongs) -> BTreeMap<String, String> {
        let mut env = self.environment.clone();
        env.extend(line.env.clone());
        // What stands in for a command of another place is not given what the command is.
        if self.at.is_here() {
            env.extend(self.secrets.environment(line));
        }
        if self.at.sudo == Sudo::AsksSession {
            let program = self.secrets.askpass();
            env.extend(program.map(|program| (exec::SUDO_ASKPASS.to_owned(), program.to_string_lossy().into_owned())));
        }
        env.extend(belongs.environment());
        env
    }

    /// A command of the user that tells people; the text is what it reads.
    pub fn channel(&self, argv: &[String], text: &str, belongs: &Belongs) -> CommandSpec {
        let line = CommandLine {
            argv: argv.to_vec(),
            shown: String::new(),
            env: BTreeMap::new(),
            cwd: Some("~".to_owned()),
            stdin: Some(text.to_owned()),
            timeout: Some(LOOK_LIMIT),
            warn_after: None,
            split: false,
            keep: true,
            secrets: SecretTexts::default(),
        };
        // Wherever the step stands, it is this machine that tells people.
        self.at(&TargetLine::default()).limited(&line, belongs)
    }

    /// A probe with its paths made absolute; in another place they are written out whole.
    pub fn probe(&self, line: &ProbeLine) -> Probe {
        let here = self.at.is_here();
        let path = |path: &String| if here { expand(path, &self.home, &self.cwd) } else { PathBuf::from(path) };
        match line {
            ProbeLine::Certificate { at, valid_for, signed_by, is_ca, name } => Probe::Certificate {
                at: at
                    .iter()
                    .map(|at| if is_address(at) { at.clone() } else { path(at).to_string_lossy().into_owned() })
                    .collect(),
                valid_for: *valid_for,
                signed_by: signed_by.as_ref().map(path),
                is_ca: *is_ca,
                name: name.clone(),
            },
            ProbeLine::Http { url, status, contains, within } => {
                let (url, contains) = (url.clone(), contains.clone());
                Probe::Http { url, status: *status, contains, within: *within }
            }
            ProbeLine::Tcp { at, open, within } => Probe::Tcp { at: at.clone(), open: *open, within: *within },
            ProbeLine::Dns { name, gives, server, within } => {
                let (name, gives, server) = (name.clone(), gives.clone(), server.clone());
                Probe::Dns { name, gives, server, within: *within }
            }
            ProbeLine::Disk { path: at, used_below, free_above } => {
                Probe::Disk { path: path(at), used_below: *used_below, free_above: *free_above }
            }
            ProbeLine::File { path: at, exists } => Probe::File { path: path(at), exists: *exists },
            ProbeLine::Process { name, running } => {
                // In a drill only what belongs to it counts, whatever runs on this machine.
                let mark = self.lab.as_ref().map(|folder| lab::mark(folder));
                Probe::Process { name: name.clone(), running: *running, mark }
            }
            ProbeLine::Systemd { unit, state } => Probe::Systemd { unit: unit.clone(), state: *state },
            ProbeLine::Clock { server, within } => Probe::Clock { server: server.clone(), within: *within },
        }
    }

    /// In a drill: what a step names is inside the lab, or on this machine's loopback.
    pub fn reaches(&self, resolved: &Resolved) -> Result<(), OutsideLab> {
        let away = std::iter::once(resolved).chain(&resolved.on).find(|one| !one.at.is_here());
        if let (Some(away), true) = (away, self.lab.is_some()) {
            return Err(OutsideLab(away.at.host.clone()));
        }
        let tests = resolved.needs.iter().chain(&resolved.done_when);
        let own = match &resolved.work {
            Work::Test(test) | Work::Wait { test, .. } => Some(test),
            Work::Command(_)
            | Work::Terminal(_)
            | Work::Restore
            | Work::ByHand(_)
            | Work::Question { .. }
            | Work::Edit { .. }
            | Work::Announce { .. } => None,
        };
        if let (Some(lab), Work::Edit { path, .. }) = (&self.lab, &resolved.work) {
            let path = expand(path, &self.home, &self.cwd);
            if !lab::inside(lab, &path) {
                return Err(OutsideLab(path.display().to_string()));
            }
        }
        tests.chain(own).try_for_each(|test| self.test_reaches(test))
    }

    fn test_reaches(&self, test: &TestLine) -> Result<(), OutsideLab> {
        let Some(lab) = &self.lab else { return Ok(()) };
        let TestLine::Probe(probe) = test else { return Ok(()) };
        let inside = |path: &Path| {
            if lab::inside(lab, path) { Ok(()) } else { Err(OutsideLab(path.display().to_string())) }
        };
        let loopback = |at: &str| if lab::is_loopback(at) { Ok(()) } else { Err(OutsideLab(at.to_owned())) };
        match self.probe(probe) {
            Probe::Certificate { at, signed_by, .. } => {
                at.iter().try_for_each(|at| if is_address(at) { loopback(at) } else { inside(Path::new(at)) })?;
                signed_by.iter().try_for_each(|path| inside(path))
            }
            Probe::Http { url, .. } => match scheme_and_place(&url) {
                Some((_, at)) => loopback(&at),
                None => Err(OutsideLab(url)),
            },
            Probe::Tcp { at, .. } => loopback(&at),
            Probe::Dns { server: Some(server), .. } => loopback(&with_port(&server, 53)),
            Probe::Dns { server: None, .. } => Err(OutsideLab("the DNS servers of this machine".to_owned())),
            Probe::Disk { path, .. } | Probe::File { path, .. } => inside(&path),
            Probe::Process { .. } => Ok(()),
            Probe::Systemd { .. } => Err(OutsideLab("the systemd of this machine".to_owned())),
            Probe::Clock { server, .. } if server == CONFIGURED => {
                Err(OutsideLab("the NTP servers of this machine".to_owned()))
            }
            Probe::Clock { server, .. } => loopback(&with_port(&server, 123)),
        }
    }

    /// The same for what is guarded.
    pub fn watches<'a>(&self, mut paths: impl Iterator<Item = &'a Path>) -> Result<(), OutsideLab> {
        let Some(lab) = &self.lab else { return Ok(()) };
        match paths.find(|path| !lab::inside(lab, path)) {
            Some(path) => Err(OutsideLab(path.display().to_string())),
            None => Ok(()),
        }
    }
}

/// What a command is given where nothing of this machine's environment comes along.
pub(super) fn taken_along(line: &CommandLine, belongs: &Belongs) -> BTreeMap<String, String> {
    let mut env = line.env.clone();
    env.extend(belongs.environment());
    env.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
    env
}

/// An address with its port, where it says none.
fn with_port(at: &str, port: u16) -> String {
    match at.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ if at.ends_with(']') || !at.contains(':') => format!("{at}:{port}"),
        _ => at.to_owned(),
    }
}

/// `host:port`, not a path.
fn is_address(at: &str) -> bool {
    !at.contains('/') && at.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exec::Over;
    use crate::model::probe::UnitState;

    fn place(lab: Option<&Path>) -> Place {
        Place {
            environment: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned()), ("TZ".to_owned(), "UTC".to_owned())]),
            cwd: PathBuf::from("/srv"),
            home: PathBuf::from("/home/pepe"),
            host: "kyousuke".to_owned(),
            at: TargetLine::default(),
            sockets: Sockets::default(),
            lab: lab.map(Path::to_owned),
            channels: BTreeMap::new(),
            secrets: Secrets::default(),
            editor: "vi".to_owned(),
        }
    }

    fn belongs() -> Belongs {
        Belongs { run: "7f3a-k2".to_owned(), epoch: 1, attempt: "1-4-ab".to_owned() }
    }

    fn line(timeout: Option<u64>) -> CommandLine {
        CommandLine {
            argv: vec!["true".to_owned()],
            shown: "true".to_owned(),
            env: BTreeMap::from([
                ("TZ".to_owned(), "Asia/Tokyo".to_owned()),
                ("LOCUM_ATTEMPT".to_owned(), "mine".to_owned()),
            ]),
            cwd: Some("~/work".to_owned()),
            stdin: Some("in".to_owned()),
            timeout: timeout.map(Duration::from_secs),
            warn_after: Some(Duration::from_secs(6)),
            split: true,
            keep: true,
            secrets: SecretTexts::default(),
        }
    }

    #[test]
    fn a_command_sees_its_attempt_and_cannot_say_that_it_is_another() {
        let spec = place(None).change(&line(None), &belongs());
        let env: Vec<_> = spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(env, ["LOCUM_ATTEMPT=1-4-ab", "LOCUM_EPOCH=1", "LOCUM_RUN=7f3a-k2", "PATH=/bin", "TZ=Asia/Tokyo"]);
        assert_eq!((spec.cwd, spec.stdin), (PathBuf::from("/home/pepe/work"), Some(b"in".to_vec())));
    }

    #[test]
    fn people_are_told_from_this_machine_wherever_the_step_stands() {
        let pod = TargetLine { via: Via::Prefix(vec!["docker".to_owned()]), ..TargetLine::default() };
        let spec = place(None).at(&pod).channel(&["notify".to_owned()], "It is repaired.", &belongs());
        assert_eq!((spec.argv, spec.stdin), (vec!["notify".to_owned()], Some(b"It is repaired.".to_vec())));
    }

    #[test]
    fn a_look_is_ended_when_it_takes_too_long_and_a_change_only_where_its_author_says_so() {
        let place = place(None);
        let look = place.look(&line(None), &belongs());
        assert_eq!((look.timeout, look.on_timeout), (Some(Duration::from_secs(30)), OnTimeout::Kill));
        let change = place.change(&line(None), &belongs());
        assert_eq!((change.timeout, change.on_timeout), (Some(Duration::from_secs(6)), OnTimeout::Warn));
        let change = place.change(&line(Some(5)), &belongs());
        assert_eq!((change.timeout, change.on_timeout), (Some(Duration::from_secs(5)), OnTimeout::Kill));
    }

    #[test]
    fn a_drill_reaches_nothing_outside_its_lab() {
        let lab = tempfile::tempdir().unwrap();
        let place = place(Some(lab.path()));
        let file = |path: &str| TestLine::Probe(ProbeLine::File { path: path.to_owned(), exists: true });
        let tcp = |at: &str| {
            TestLine::Probe(ProbeLine::Tcp { at: at.to_owned(), open: true, within: Duration::from_secs(1) })
        };
        let certificate = |at: &str, signed_by: Option<&str>| {
            let (at, signed_by) = (vec![at.to_owned()], signed_by.map(str::to_owned));
            TestLine::Probe(ProbeLine::Certificate { at, valid_for: None, signed_by, is_ca: None, name: None })
        };
        let inside = lab.path().join("ca.crt").display().to_string();
        for test in [
            file(&inside),
            tcp("127.0.0.1:443"),
            certificate("127.0.0.1:443", Some(&inside)),
            certificate(&inside, None),
        ] {
            assert_eq!(place.test_reaches(&test), Ok(()), "{test:?}");
        }
        for test in [
            file("/etc/passwd"),
            file(&format!("{inside}/../../x")),
            tcp("kyousuke:443"),
            tcp("10.0.0.1:443"),
            certificate("kyousuke:443", None),
            certificate("127.0.0.1:443", Some("/etc/ssl/ca.crt")),
        ] {
            assert!(place.test_reaches(&test).is_err(), "{test:?}");
        }
        assert!(place.watches([Path::new("/etc")].into_iter()).is_err());
        assert_eq!(place.watches([lab.path()].into_iter()), Ok(()));
    }

    #[test]
    fn a_drill_asks_no_server_and_no_systemd_of_the_real_system() {
        let lab = tempfile::tempdir().unwrap();
        let place = place(Some(lab.path()));
        let within = Duration::from_secs(1);
        let http = |url: &str| ProbeLine::Http { url: url.to_owned(), status: 200, contains: Vec::new(), within };
        let dns = |server: Option<&str>| {
            let (name, server) = ("riki.example".to_owned(), server.map(str::to_owned));
            ProbeLine::Dns { name, gives: Vec::new(), server, within }
        };
        let clock = |server: &str| ProbeLine::Clock { server: server.to_owned(), within };
        let disk = |path: &Path| {
            let path = path.display().to_string();
            ProbeLine::Disk { path, used_below: None, free_above: None }
        };
        let process = ProbeLine::Process { name: "etcd".to_owned(), running: true };
        let reached = |line: &ProbeLine| place.test_reaches(&TestLine::Probe(line.clone()));
        for line in [
            http("http://127.0.0.1:8080/x"),
            http("https://[::1]/"),
            dns(Some("127.0.0.1:5353")),
            dns(Some("::1")),
            clock("127.0.0.1"),
            disk(lab.path()),
            process.clone(),
        ] {
            assert_eq!(reached(&line), Ok(()), "{line:?}");
        }
        let systemd = ProbeLine::Systemd { unit: "etcd".to_owned(), state: UnitState::Active };
        for line in [
            http("http://riki/"),
            http("http://127.0.0.1@riki/"),
            http("riki"),
            dns(None),
            dns(Some("10.0.0.53")),
            clock("configured"),
            clock("riki"),
            disk(Path::new("/")),
            systemd,
        ] {
            assert!(reached(&line).is_err(), "{line:?}");
        }
        let Probe::Process { mark, .. } = place.probe(&process) else { panic!("another probe") };
        assert_eq!(mark, Some(lab::mark(lab.path())), "only what the drill started counts");
    }

    #[test]
    fn on_the_real_system_everything_can_be_reached() {
        let test = TestLine::Probe(ProbeLine::File { path: "/etc/passwd".to_owned(), exists: true });
        assert_eq!(place(None).test_reaches(&test), Ok(()));
        assert_eq!(place(None).watches([Path::new("/etc")].into_iter()), Ok(()));
    }

    fn away(via: Via, user: Option<&str>) -> Place {
        let at = TargetLine { name: "node".to_owned(), host: "masato".to_owned(), via, ..TargetLine::default() };
        place(None).at(&TargetLine { user: user.map(str::to_owned), ..at })
    }

    #[test]
    fn a_prefix_and_an_account_stand_before_the_command_with_what_it_is_given() {
        let spec = away(Via::Prefix(vec!["docker".to_owned(), "exec".to_owned()]), Some("riki"))
            .change(&line(None), &belongs());
        let words = spec.argv.join(" ");
        assert!(
            words.starts_with("docker exec sudo -n -u riki -- env LC_ALL=C.UTF-8 LOCUM_ATTEMPT=1-4-ab "),
            "{words}"
        );
        assert!(words.ends_with("sh ~/work true"), "{words}");
        assert_eq!(spec.cwd, PathBuf::from("/srv"), "the folder of the command is there, not here");
    }

    #[test]
    fn over_ssh_nothing_of_the_command_is_in_an_argv_and_a_change_is_known_by_its_attempt() {
        let over = |spec: &CommandSpec| serde_json::from_slice::<Over>(spec.stdin.as_deref().unwrap()).unwrap();
        let mut quoted = line(None);
        quoted.argv = vec!["sh".to_owned(), "-c".to_owned(), "echo \"it's $HOME\"".to_owned()];
        let spec = away(Via::Ssh, None).change(&quoted, &belongs());
        assert_eq!(spec.argv[1..], ["__over"]);
        let sent = over(&spec);
        assert_eq!((sent.host.as_str(), sent.key.as_str(), sent.cut), ("masato", "1-4-ab", Cut::Again));
        assert!(sent.run.ends_with("exec sh -c 'echo \"it'\\''s $HOME\"'\n"), "{}", sent.run);
        assert!(sent.run.contains("cd -- \"$HOME\"/work || exit 127\n"), "{}", sent.run);
        let looks: Vec<_> = (0..2).map(|_| over(&away(Via::Ssh, None).look(&quoted, &belongs())).key).collect();
        assert_ne!(looks[0], looks[1], "two looks of one attempt are two commands there");
    }

    #[test]
    fn a_program_that_a_person_works_in_has_a_terminal_there_too_and_is_never_asked_again() {
        let spec = away(Via::Ssh, Some("riki")).terminal(&line(Some(5)), &belongs(), "inside");
        assert_eq!(spec.argv[..2], ["ssh", "-t"]);
        assert_eq!(spec.argv[spec.argv.len() - 3..spec.argv.len() - 1], ["--", "masato"]);
        let script = spec.argv.last().unwrap();
        assert!(script.starts_with("exec sh -c ") && script.contains("exec sudo -n -u riki -- env"), "{script}");
        assert!(!spec.argv.iter().any(|word| word == "BatchMode=yes"), "the person answers what ssh asks");
        assert_eq!((spec.stdin, spec.timeout, spec.terminal.unwrap().marker), (None, None, "inside".to_owned()));
        let here = place(None).terminal(&line(None), &belongs(), "inside");
        assert_eq!((here.argv, here.stdin), (vec!["true".to_owned()], None));
        let pod = away(Via::Prefix(vec!["docker".to_owned()]), None).terminal(&line(None), &belongs(), "inside");
        assert_eq!(pod.argv[..2], ["docker", "env"]);
    }

    #[test]
    fn a_drill_goes_to_no_other_machine() {
        let lab = tempfile::tempdir().unwrap();
        let at = away(Via::Ssh, None).at;
        let talk = crate::engine::testkit::Conversation::new("repair: [ { id: a, change: 'true', no_undo: n } ]\n");
        let resolved = talk.resolved("a");
        assert_eq!(
            place(Some(lab.path())).reaches(&Resolved { at: at.clone(), ..resolved.clone() }),
            Err(OutsideLab("masato".to_owned()))
        );
        assert_eq!(place(None).reaches(&Resolved { at, ..resolved }), Ok(()));
    }

    #[test]
    fn an_address_is_no_path() {
        for at in ["kyousuke:443", "127.0.0.1:1", "[::1]:443"] {
            assert!(is_address(at), "{at}");
        }
        for at in ["/etc/x:443", "ca.crt", "kyousuke:https", "C:99999"] {
            assert!(!is_address(at), "{at}");
        }
    }
}
