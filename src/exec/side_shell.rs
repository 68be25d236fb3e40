//! The shell beside the steps: which one it is, and what it reads when it begins, so that it asks before it runs
//! anything. Nothing of the user's own is read: it could take the asking away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::program::resolve;
use super::spec::{CommandSpec, Shell};
use crate::text::shell::single_quote;

const BASH: &str = include_str!("side_shell.bash");
const SH: &str = include_str!("side_shell.sh");

/// What a side shell is made of.
#[derive(Clone, Debug)]
pub struct SideShell {
    pub shell: Shell,
    /// This program, which the shell starts to ask.
    pub exe: PathBuf,
    /// Where it asks.
    pub gate: PathBuf,
    pub head: Head,
}

/// What stands above its prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The machine and the account, as the system names them.
    pub host: String,
    pub account: String,
    pub run: String,
    /// `DRILL`, where it is one.
    pub drill: bool,
    /// The machine that the step is about, where it is another one.
    pub not_on: Option<String>,
}

impl Head {
    /// What is always there, and what is added where there is room.
    fn parts(&self) -> (String, String) {
        let drill = if self.drill { "DRILL, " } else { "" };
        let this = if self.not_on.is_some() { "THIS machine, " } else { "" };
        let head = format!("{drill}SIDE SHELL {this}{} as {}", self.host, self.account);
        let more = match &self.not_on {
            Some(other) => format!(" (run {}, NOT {other}): every command is recorded", self.run),
            None => format!(" (run {}): every command is recorded", self.run),
        };
        (head, more)
    }
}

/// The shell that can be started here: bash, else what every system has.
pub fn shell_here(env: &BTreeMap<String, String>, cwd: &Path) -> Shell {
    let bash = CommandSpec::new(vec!["bash".to_owned()], env.clone(), cwd);
    if resolve(&bash).is_ok() { Shell::Bash } else { Shell::Sh }
}

impl SideShell {
    /// The file that it reads when it begins.
    pub fn rc(&self) -> String {
        let (head, more) = self.head.parts();
        let body = match self.shell {
            Shell::Bash => BASH,
            Shell::Sh => SH,
        };
        // A prompt is expanded once more by bash, so nothing in it may be syntax.
        let quiet = |text: &str| {
            text.chars().filter(|letter| !matches!(letter, '\\' | '$' | '`' | '!' | '%')).collect::<String>()
        };
        let value = |name: &str, text: &str| format!("{name}={}\n", single_quote(text));
        [
            value("__locum_exe", &self.exe.to_string_lossy()),
            value("__locum_gate", &self.gate.to_string_lossy()),
            value("__locum_head", &quiet(&head)),
            value("__locum_more", &quiet(&more)),
            body.to_owned(),
        ]
        .concat()
    }

    /// The words that start it.
    pub fn argv(&self, rc: &Path) -> Vec<String> {
        let rc = rc.to_string_lossy().into_owned();
        match self.shell {
            Shell::Bash => ["bash", "--noprofile", "--rcfile", &rc, "-i"].map(str::to_owned).to_vec(),
            Shell::Sh => vec!["sh".to_owned(), rc],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(shell: Shell, not_on: Option<&str>) -> SideShell {
        let head = Head {
            host: "kyousuke".to_owned(),
            account: "pe`pe$(x)".to_owned(),
            run: "7f3a-k2".to_owned(),
            drill: false,
            not_on: not_on.map(str::to_owned),
        };
        SideShell { shell, exe: "/opt/it's/locum".into(), gate: "/run/a b.gate".into(), head }
    }

    #[test]
    fn what_stands_in_a_prompt_is_no_syntax() {
        let rc = shell(Shell::Bash, None).rc();
        assert!(rc.starts_with("__locum_exe='/opt/it'\\''s/locum'\n__locum_gate='/run/a b.gate'\n"), "{rc}");
        assert!(rc.contains("__locum_head='SIDE SHELL kyousuke as pepe(x)'\n"), "{rc}");
        assert!(rc.contains("__locum_more=' (run 7f3a-k2): every command is recorded'\n"), "{rc}");
    }

    #[test]
    fn on_a_step_of_another_machine_it_says_that_it_is_not_there() {
        let rc = shell(Shell::Sh, Some("masato")).rc();
        assert!(rc.contains("SIDE SHELL THIS machine, kyousuke as") && rc.contains("NOT masato"), "{rc}");
    }

    #[test]
    fn nothing_of_the_users_own_is_read() {
        let argv = shell(Shell::Bash, None).argv(Path::new("/run/a.rc"));
        assert_eq!(argv, ["bash", "--noprofile", "--rcfile", "/run/a.rc", "-i"]);
        assert_eq!(shell(Shell::Sh, None).argv(Path::new("/run/a.rc")), ["sh", "/run/a.rc"]);
    }
}
