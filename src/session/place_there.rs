//! A command on its way to another machine over ssh: what travels, and what is asked for over there.

use super::place::{Belongs, Place, taken_along};
use crate::engine::resolve::CommandLine;
use crate::exec::{self, ArmedThere, CommandSpec, Cut, Input, OnTimeout, Over};
use crate::text::shell::{join, single_quote};

impl Place {
    /// The end of a change that was started over ssh, as it is known over there.
    pub fn found_there(&self, line: &CommandLine, belongs: &Belongs) -> CommandSpec {
        let spec = self.spec(line, belongs, None, OnTimeout::Warn);
        self.over(line, belongs, spec, Cut::Find)
    }

    /// A way back that goes by itself on the machine where its change runs.
    pub fn armed_there(&self, line: &CommandLine, belongs: &Belongs, after: std::time::Duration) -> ArmedThere {
        let (run, secrets) = (self.script(line, belongs, &line.argv), self.secrets.environment(line));
        ArmedThere { run, after_s: after.as_secs(), secrets }
    }

    /// A command over ssh: it travels as a script on standard input, and a process of ours stands in for it here.
    pub(super) fn over(&self, line: &CommandLine, belongs: &Belongs, spec: CommandSpec, cut: Cut) -> CommandSpec {
        let run = self.script(line, belongs, &spec.argv);
        let key = match cut {
            Cut::Again | Cut::Find => belongs.attempt.clone(),
            Cut::Once => {
                let random = crate::host::random::bytes::<8>();
                format!("{}-{}", belongs.attempt, crate::text::hex(&random))
            }
        };
        let secret = self.secrets.input(line);
        let input = if secret.is_some() { Input::Pipe } else { Input::File };
        let (host, stdin, streams) = (self.at.host.clone(), secret.or_else(|| line.stdin.clone()), spec.streams);
        let (line_words, secrets) = (self.at.line.clone(), self.secrets.environment(line));
        let sockets = self.sockets.clone();
        let user = self.at.as_user();
        let over = Over {
            host,
            line: line_words,
            sockets,
            key,
            run,
            stdin,
            secrets,
            input,
            streams,
            cut,
            user,
            armed: None,
            told: None,
            patience: None,
        };
        let grace = exec::GRACE_AFAR;
        CommandSpec { argv: Over::argv(), stdin: Some(over.order()), cwd: self.cwd.clone(), grace, ..spec }
    }

    /// A script for `sh` there that becomes the command.
    pub(super) fn script(&self, line: &CommandLine, belongs: &Belongs, argv: &[String]) -> String {
        let env = taken_along(line, belongs);
        let pairs = env.iter().map(|(name, value)| format!("{name}={}", single_quote(value))).collect::<Vec<_>>();
        let cwd = line.cwd.as_ref().map_or_else(String::new, |cwd| format!("cd -- {} || exit 127\n", there_path(cwd)));
        let command = join(argv);
        // A bash that believes sshd started it reads the files of an interactive one.
        let cwd = format!("unset SSH_CLIENT SSH2_CLIENT\n{cwd}");
        match &self.at.user {
            Some(_) => format!("{cwd}exec {} env {} {command}\n", join(&self.at.as_user()), pairs.join(" ")),
            None => format!("{cwd}export {}\nexec {command}\n", pairs.join(" ")),
        }
    }
}

/// A path for the shell there, whose own home `~` is.
fn there_path(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", single_quote(rest)),
        None if path == "~" => "\"$HOME\"".to_owned(),
        None => single_quote(path),
    }
}
