//! Programs that evaluate an argument again: a table, so that a reader can check it.
//!
//! What is not in the table is taken for a program that uses its arguments as they are. The table errs on the side
//! of refusing, since there is always another way: `stdin:`, `env:`, or a script of one's own.

/// What a program does with its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    names: &'static [&'static str],
    /// Options whose value is code.
    pub code: &'static [&'static str],
    /// Options whose value is no operand.
    pub valued: &'static [&'static str],
    pub operands: Operands,
    pub stdin: Stdin,
}

/// Which operands are code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    None,
    First,
    /// The first too, unless an option gave the code: `sed`, `jq`.
    FirstWithoutCode,
    AfterFirst,
    All,
    /// As shells do: the first after `-c`; without it a script, and the rest is for it.
    Script,
    /// A script that is read, and the rest is for it.
    File,
    /// What stands behind `host:`, which a shell there may read.
    Remote,
    /// Names of variables, or `NAME=value`.
    Variables,
}

/// When standard input is code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    Data,
    Code,
    WithoutCode,
    /// Without code and without operands.
    Bare,
}

/// Programs that run the program in their own arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrapper {
    names: &'static [&'static str],
    pub valued: &'static [&'static str],
    /// Operands before the program.
    pub operands: usize,
}

const fn program(
    names: &'static [&'static str],
    code: &'static [&'static str],
    operands: Operands,
    stdin: Stdin,
) -> Program {
    Program { names, code, valued: &[], operands, stdin }
}

const SSH_VALUED: &[&str] =
    &["-B", "-b", "-c", "-D", "-E", "-e", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-p", "-Q", "-R", "-S", "-W", "-w"];

const PROGRAMS: &[Program] = &[
    Program {
        names: &["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash", "fish", "csh", "tcsh", "nu"],
        code: &["-c", "--command"],
        valued: &["-o", "+o", "-O", "+O", "--rcfile", "--init-file"],
        operands: Operands::Script,
        stdin: Stdin::Bare,
    },
    Program {
        names: &["ssh", "autossh", "slogin", "rsh", "remsh", "mosh"],
        code: &["-o", "-F"],
        valued: SSH_VALUED,
        operands: Operands::AfterFirst,
        stdin: Stdin::Bare,
    },
    Program {
        names: &["su"],
        code: &["-c", "--command", "--session-command"],
        valued: &["-g", "-G", "-s", "-u", "-w"],
        operands: Operands::AfterFirst,
        stdin: Stdin::WithoutCode,
    },
    program(&["runuser"], &["-c", "--command", "--session-command"], Operands::None, Stdin::Data),
    // what the shell itself evaluates again
    program(
        &["eval", "let", "alias", "unset", "read", "getopts", "mapfile", "readarray", "bind"],
        &[],
        Operands::All,
        Stdin::Data,
    ),
    program(&["complete", "compgen", "enable", "fc"], &[], Operands::All, Stdin::Data),
    program(&["declare", "typeset", "local", "readonly", "export"], &[], Operands::Variables, Stdin::Data),
    program(&["trap"], &[], Operands::First, Stdin::Data),
    program(&["printf"], &["-v"], Operands::First, Stdin::Data),
    program(&[".", "source"], &[], Operands::File, Stdin::Data),
    // programs that start others by a text
    program(&["xargs", "parallel", "at", "batch", "crontab"], &[], Operands::All, Stdin::Code),
    program(
        &["watch", "tmux", "screen", "expect", "socat", "systemd-run", "make", "gmake"],
        &[],
        Operands::All,
        Stdin::Data,
    ),
    program(&["pdsh", "clush", "pssh", "dsh", "salt", "salt-ssh"], &[], Operands::All, Stdin::Data),
    program(&["rsync"], &["-e", "--rsh", "--rsync-path"], Operands::Remote, Stdin::Data),
    program(&["scp", "sftp"], &["-o", "-S"], Operands::Remote, Stdin::Data),
    program(&["ansible", "ansible-playbook"], &["-a", "--args", "-e", "--extra-vars"], Operands::None, Stdin::Data),
    program(&["gcloud", "vagrant", "fly", "flyctl"], &["-c", "-C", "--command"], Operands::None, Stdin::Data),
    program(&["aws", "az"], &["--parameters", "--scripts"], Operands::None, Stdin::Data),
    program(&["env"], &["-S", "--split-string"], Operands::None, Stdin::Data),
    program(&["script", "flock", "newgrp", "sg"], &["-c", "--command"], Operands::None, Stdin::Data),
    program(&["git"], &["--config-env", "--exec", "--upload-pack"], Operands::None, Stdin::Data),
    program(
        &["tar"],
        &[
            "-I",
            "-F",
            "--to-command",
            "--checkpoint-action",
            "--use-compress-program",
            "--info-script",
            "--rsh-command",
        ],
        Operands::None,
        Stdin::Data,
    ),
    program(&["split"], &["--filter"], Operands::None, Stdin::Data),
    program(&["sort"], &["--compress-program"], Operands::None, Stdin::Data),
    program(&["nc", "ncat", "netcat"], &["-e", "-c", "--exec", "--sh-exec"], Operands::None, Stdin::Data),
    program(&["vi", "vim", "nvim", "view", "ex"], &["-c", "--cmd", "-S"], Operands::None, Stdin::Data),
    program(&["emacs", "emacsclient"], &["--eval", "--execute", "-e", "-f"], Operands::None, Stdin::Data),
    program(&["gdb"], &["-ex", "-x", "--ex", "--eval-command"], Operands::None, Stdin::Bare),
    // languages
    program(&["awk", "gawk", "mawk", "nawk"], &["-e", "--source"], Operands::All, Stdin::Data),
    program(&["sed", "gsed"], &["-e", "--expression"], Operands::FirstWithoutCode, Stdin::Data),
    program(&["ed", "bc", "dc"], &["-e", "--expression"], Operands::None, Stdin::Code),
    Program {
        names: &["jq", "gojq", "jaq"],
        code: &[],
        // `--arg name value` is how a value should reach jq
        valued: &["--arg", "--argjson", "--slurpfile", "--rawfile", "--indent", "-f", "--from-file", "-L"],
        operands: Operands::First,
        stdin: Stdin::Data,
    },
    program(&["yq"], &["--expression"], Operands::First, Stdin::Data),
    program(&["perl"], &["-e", "-E"], Operands::File, Stdin::Bare),
    program(&["python", "python2", "python3", "pypy", "pypy3"], &["-c"], Operands::File, Stdin::Bare),
    program(&["ruby"], &["-e"], Operands::File, Stdin::Bare),
    program(&["node", "nodejs", "deno", "bun"], &["-e", "--eval", "-p", "--print"], Operands::File, Stdin::Bare),
    program(&["php"], &["-r", "-B", "-R", "-E"], Operands::File, Stdin::Bare),
    program(
        &["lua", "luajit", "osascript", "Rscript", "julia", "elixir", "groovy", "scala"],
        &["-e", "-E", "--eval"],
        Operands::File,
        Stdin::Bare,
    ),
    program(&["erl"], &["-eval"], Operands::None, Stdin::Data),
    program(&["tclsh", "wish"], &[], Operands::File, Stdin::Bare),
    program(&["pwsh", "powershell"], &["-c", "-Command", "-EncodedCommand"], Operands::File, Stdin::Bare),
    // data bases; `psql -v name=value` and `:'name'` is how a value should reach psql
    program(&["psql"], &["-c", "--command"], Operands::None, Stdin::WithoutCode),
    program(&["mysql", "mariadb"], &["-e", "--execute", "--init-command"], Operands::None, Stdin::WithoutCode),
    program(&["sqlite3", "duckdb"], &["-cmd", "-c"], Operands::AfterFirst, Stdin::WithoutCode),
    program(&["mongo", "mongosh", "redis-cli"], &["--eval"], Operands::None, Stdin::WithoutCode),
    program(&["cqlsh"], &["-e", "--execute"], Operands::None, Stdin::WithoutCode),
    program(&["clickhouse-client"], &["-q", "--query"], Operands::None, Stdin::WithoutCode),
    program(&["influx"], &["-execute"], Operands::First, Stdin::WithoutCode),
    program(&["sqlcmd", "isql"], &["-q", "-Q"], Operands::None, Stdin::WithoutCode),
    program(&["sqlplus"], &[], Operands::AfterFirst, Stdin::Code),
];

const WRAPPERS: &[Wrapper] = &[
    wrapper(
        &["sudo"],
        &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group", "--chdir"],
        0,
    ),
    wrapper(&["doas"], &["-u", "-C"], 0),
    wrapper(&["env"], &["-u", "-C", "--unset", "--chdir"], 0),
    wrapper(
        &["nohup", "setsid", "command", "builtin", "busybox", "toybox", "unbuffer", "chronic", "ifne", "torsocks"],
        &[],
        0,
    ),
    wrapper(&["exec"], &["-a"], 0),
    wrapper(&["nice"], &["-n", "--adjustment"], 0),
    wrapper(&["ionice"], &["-c", "-n", "-t", "--class", "--classdata"], 0),
    wrapper(&["time"], &["-f", "-o", "--format", "--output"], 0),
    wrapper(&["timeout"], &["-s", "-k", "--signal", "--kill-after"], 1),
    wrapper(&["stdbuf"], &["-i", "-o", "-e"], 0),
    wrapper(&["chroot"], &[], 1),
    wrapper(&["flock"], &["-w", "-E", "--timeout"], 1),
    wrapper(&["strace", "ltrace"], &["-e", "-o", "-p", "-s", "-u", "-E"], 0),
    wrapper(&["chrt", "taskset"], &[], 1),
    wrapper(&["runuser", "setpriv", "unshare", "nsenter", "numactl", "systemd-inhibit"], &["-u", "-t"], 0),
];

/// Programs in whose arguments another program with arguments of its own may stand anywhere.
const CARRIERS: &[&str] = &[
    "find",
    "kubectl",
    "oc",
    "docker",
    "podman",
    "nerdctl",
    "crictl",
    "ctr",
    "lxc",
    "incus",
    "nomad",
    "ip",
    "machinectl",
    "docker-compose",
    "chroot",
    "unshare",
    "nsenter",
    "strace",
    "sshpass",
    "minikube",
    "heroku",
    "cf",
    "sudo",
    "env",
];

/// Programs to which `--` does not mean that options are over.
const WITHOUT_SEPARATOR: &[&str] = &["echo", "find", "expr", "openssl", "java", "dd"];

/// Variables whose value a shell or another program evaluates.
const VARIABLES: &[&str] = &[
    "BASH_ENV",
    "ENV",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "PROMPT_COMMAND",
    "IFS",
    "SHELLOPTS",
    "BASHOPTS",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "LESSOPEN",
    "LESSCLOSE",
    "PERL5OPT",
    "RUBYOPT",
    "NODE_OPTIONS",
    "PYTHONSTARTUP",
    "LD_PRELOAD",
    "LD_AUDIT",
];

const fn wrapper(names: &'static [&'static str], valued: &'static [&'static str], operands: usize) -> Wrapper {
    Wrapper { names, valued, operands }
}

/// The entry of a program, by its name or its path.
pub(super) fn find(path: &str) -> Option<&'static Program> {
    let name = base(path);
    PROGRAMS.iter().find(|program| program.names.contains(&name)).or_else(|| versioned(name))
}

/// `python3.11`, `bash5`, `ruby3.2`, `lua5.4`.
fn versioned(name: &str) -> Option<&'static Program> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if stem.is_empty() || stem == name {
        return None;
    }
    PROGRAMS.iter().find(|program| program.names.contains(&stem))
}

pub(super) fn wraps(path: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&base(path)))
}

/// The words of the program that is started behind `sudo -u x`, `env A=b`, `timeout 5` and the like; the words as they
/// are where there is no such wrapper.
pub fn unwrapped(words: &[String]) -> &[String] {
    &words[started(words).1..]
}

/// The names of those wrappers, the first one first.
pub fn starters(words: &[String]) -> Vec<&str> {
    started(words).0
}

fn started(words: &[String]) -> (Vec<&str>, usize) {
    let (mut wrappers, mut at) = (Vec::new(), 0);
    loop {
        at += words[at..].iter().take_while(|word| is_assignment(word)).count();
        let Some(wrapper) = words.get(at).and_then(|word| wraps(word)) else { return (wrappers, at) };
        let name = base(&words[at]);
        // `command -v` only asks.
        let asks = words.get(at + 1).is_some_and(|word| word.starts_with("-v") || word.starts_with("-V"));
        if name == "command" && asks {
            return (wrappers, words.len());
        }
        let Some(next) = wrapper.program(words, at + 1) else { return (wrappers, at) };
        wrappers.push(name);
        at = next;
    }
}

/// `NAME=value`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    })
}

pub(super) fn carries(path: &str) -> bool {
    CARRIERS.contains(&base(path))
}

pub(super) fn has_separator(path: &str) -> bool {
    !WITHOUT_SEPARATOR.contains(&base(path))
}

pub(super) fn is_evaluated(variable: &str) -> bool {
    VARIABLES.contains(&variable)
}

/// The name of a program without its folder.
pub(super) fn base(path: &str) -> &str {
    if path == "." { path } else { path.rsplit('/').next().unwrap_or(path) }
}

impl Wrapper {
    /// Where the program begins that it starts, from the first of its own arguments on.
    fn program(&self, words: &[String], mut at: usize) -> Option<usize> {
        let mut operands = self.operands;
        loop {
            let word = words.get(at)?;
            if word == "--" {
                return (at + 1 + operands < words.len()).then_some(at + 1 + operands);
            }
            let is_option = word.len() > 1 && word.starts_with('-');
            if !is_option && !is_assignment(word) {
                if operands == 0 {
                    return Some(at);
                }
                operands -= 1;
            }
            at += if is_option && self.takes_value(word) { 2 } else { 1 };
        }
    }

    /// Is the value of this option the next word? A heap's last letter counts, unless its first one has the rest for a value.
    fn takes_value(&self, option: &str) -> bool {
        let is_valued = |letter: char| self.valued.contains(&format!("-{letter}").as_str());
        let letters = option[1..].chars();
        let heap = option.len() > 2 && letters.clone().all(|letter| letter.is_ascii_alphabetic());
        self.valued.contains(&option)
            || (heap
                && letters.clone().next().is_some_and(|first| !is_valued(first))
                && letters.last().is_some_and(is_valued))
    }
}

impl Program {
    /// Is this option, written out, followed by code in the next word? Short ones come in heaps: `-ec`, `-Atc`.
    pub(super) fn next_is_code(&self, option: &str) -> bool {
        self.code.iter().any(|code| {
            let heap = code.len() == 2 && option[1..].chars().all(|c| c.is_ascii_alphanumeric());
            *code == option || (heap && option.starts_with('-') && option.ends_with(&code[1..]))
        })
    }

    /// Does code stand in the same word, behind these letters of it: `-e…`, `--eval=…`?
    pub(super) fn is_code(&self, beginning: &str) -> bool {
        self.code.iter().any(|code| {
            if beginning.starts_with("--") || code.len() > 2 {
                beginning.strip_prefix(code).is_some_and(|rest| rest.starts_with('='))
            } else {
                beginning.starts_with('-') && beginning[1..].contains(&code[1..])
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_path_and_its_version() {
        for path in ["bash", "/bin/bash", "python3.11", "/usr/bin/perl5.36", "."] {
            assert!(find(path).is_some(), "{path}");
        }
        for path in ["kubeadm", "./rotate.sh", "cp", "shfmt", "bashful"] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn options_with_code_are_known_alone_in_heaps_and_glued() {
        let psql = find("psql").unwrap();
        assert!(psql.next_is_code("-c") && psql.next_is_code("-Atc") && psql.next_is_code("--command"));
        assert!(!psql.next_is_code("-h") && !psql.next_is_code("--echo"));
        assert!(psql.is_code("-cselect ") && psql.is_code("--command=select "));
        assert!(!psql.is_code("-h") && !psql.is_code("--host="));
    }

    #[test]
    fn what_a_wrapper_starts_is_found() {
        let starts = |line: &str| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            unwrapped(&words).join(" ")
        };
        assert_eq!(starts("sudo -u postgres -- psql -c x"), "psql -c x");
        assert_eq!(starts("sudo -iu postgres psql"), "psql");
        assert_eq!(starts("sudo -uroot rm x"), "rm x");
        assert_eq!(starts("A=b env -u C D=e timeout -k 1 5 nice -n 5 rm x"), "rm x");
        assert_eq!(starts("/usr/bin/nohup rm x"), "rm x");
        assert_eq!(starts("ls x"), "ls x");
        assert_eq!(starts("sudo -l"), "sudo -l");
        assert_eq!(starts("command -v rm"), "");
        let words = ["timeout", "5", "/usr/bin/sudo", "-n", "A=b", "nice", "ls"].map(str::to_owned);
        assert_eq!(starters(&words), ["timeout", "sudo", "nice"]);
    }

    #[test]
    fn no_name_stands_twice_in_the_table() {
        let mut seen = std::collections::BTreeSet::new();
        for name in PROGRAMS.iter().flat_map(|program| program.names) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
