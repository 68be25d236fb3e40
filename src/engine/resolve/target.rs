//! Where a step runs, with its names filled in.

use super::lines::{CommandLine, Resolved, SecretTexts, TestLine};
use super::{Resolver, Unresolved};
use crate::engine::known::{HOST, hosts};
use crate::engine::plan::Item;
use crate::engine::record::Target as Proof;
use crate::engine::refusal::Refusal;
use crate::model::target::WrittenVia;
use crate::model::{Step, Target};
use crate::template;

/// How a command gets to its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// It is this machine.
    #[default]
    Here,
    /// Words that stand before the command.
    Prefix(Vec<String>),
    /// The OpenSSH client.
    Ssh,
}

/// A place; the default is this machine, as the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetLine {
    /// As the runbook calls it.
    pub name: String,
    pub host: String,
    pub via: Via,
    /// Options of `ssh` for the line there.
    pub line: Vec<String>,
    /// As whom commands run there.
    pub user: Option<String>,
    pub sudo: Sudo,
    pub prove: Option<Prove>,
}

/// What sudo does where it wants a password. Nothing that runs has a terminal on which it could ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sudo {
    /// It fails.
    #[default]
    Fails,
    /// It asks this session, which was given one when it got in.
    AsksSession,
}

/// A question that tells one place from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prove {
    pub command: CommandLine,
    pub prints: String,
}

impl TargetLine {
    pub fn is_here(&self) -> bool {
        self.via == Via::Here
    }

    /// The words that stand before a command on its way there.
    pub fn way(&self) -> Vec<String> {
        let mut words = match &self.via {
            Via::Here => Vec::new(),
            Via::Prefix(words) => words.clone(),
            Via::Ssh => {
                let line = self.line.iter().cloned();
                ["ssh".to_owned()].into_iter().chain(line).chain(["--".to_owned(), self.host.clone()]).collect()
            }
        };
        words.extend(self.as_user());
        words
    }

    /// The words that make a command another account's; never with a prompt on a terminal.
    pub fn as_user(&self) -> Vec<String> {
        let asks = match self.sudo {
            Sudo::Fails => "-n",
            Sudo::AsksSession => "-A",
        };
        self.user.iter().flat_map(|user| ["sudo", asks, "-u", user, "--"].map(str::to_owned)).collect()
    }

    /// The place in words, for a card: `kyousuke as root, over ssh`.
    pub fn words(&self, account: &str) -> String {
        let user = self.user.as_deref();
        match &self.via {
            Via::Here => format!("{} as {}", self.host, user.unwrap_or(account)),
            Via::Prefix(words) => {
                let user = user.map_or_else(String::new, |user| format!(" as {user}"));
                format!("{}{user}, by `{}`", self.host, crate::text::shell::join(words))
            }
            Via::Ssh => {
                let line = if self.line.is_empty() { String::new() } else { format!(" ({})", self.line.join(" ")) };
                match user {
                    Some(user) => format!("{} as {user}, over ssh{line}", self.host),
                    None if line.is_empty() => format!("{}, over ssh as your ssh configuration says", self.host),
                    None => format!("{}, over ssh{line}", self.host),
                }
            }
        }
    }

    /// Whether the place answered just now as it should; where nothing proves it, it does.
    ///
    /// # Errors
    /// A refusal that no key overrides.
    pub fn is_proved(&self, proof: &Proof) -> Result<(), Refusal> {
        let Some(prove) = &self.prove else { return Ok(()) };
        if proof.want == prove.prints && proof.got == prove.prints {
            return Ok(());
        }
        Err(Refusal::WrongPlace { host: self.host.clone(), want: prove.prints.clone(), got: proof.got.clone() })
    }
}

impl Resolver<'_> {
    /// The place of a step; of a look on several machines, that of the first.
    pub(super) fn target_line(&self, step: &Step) -> Result<TargetLine, Unresolved> {
        let own = step.fields.user.as_ref().map(|user| self.text(user)).transpose()?;
        let Some((name, target)) = self.plan.item(&step.id.value).and_then(|item| self.plan.target(item)) else {
            let host = self.run.opened.as_ref().map_or_else(String::new, |opened| opened.who.host.clone());
            let user = own.or_else(|| self.plan.runbook.head.user.as_ref().map(|user| user.value.clone()));
            let sudo = self.sudo(user.as_deref(), &Via::Here);
            let here = TargetLine { host, user, sudo, ..TargetLine::default() };
            return Ok(if here.user.is_some() { here } else { TargetLine::default() });
        };
        self.target_of(name, target, own)
    }

    /// The place that a target is on the machine at hand; `own` is as whom, where that is said elsewhere.
    pub(super) fn target_of(&self, name: &str, target: &Target, own: Option<String>) -> Result<TargetLine, Unresolved> {
        let host = self.values.get_text(HOST).unwrap_or_default();
        let some = |text: &Option<crate::model::Text>| text.as_ref().map(|text| self.text(text)).transpose();
        let via = match &target.via {
            None => Via::Here,
            Some(WrittenVia::Ssh) => Via::Ssh,
            Some(WrittenVia::Prefix(words)) => {
                let words: Vec<_> = words.iter().map(|word| word.source.clone()).collect();
                let words = template::render_argv(&words, &self.values).map_err(|problem| self.unresolved(&problem))?;
                Via::Prefix(words)
            }
        };
        let user = match own {
            Some(own) => Some(own),
            None => some(&target.user)?,
        };
        let (address, jump, login) = (some(&target.address)?, some(&target.jump)?, some(&target.login)?);
        for word in [Some(&host), user.as_ref(), address.as_ref(), jump.as_ref(), login.as_ref()].into_iter().flatten()
        {
            if word.is_empty() || word.starts_with('-') || word.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(Unresolved(format!("target `{name}`: `{word}` is no name of a machine or a person")));
            }
        }
        let address = address.map(|address| ["-o".to_owned(), format!("HostName={address}")]);
        let line = [address, jump.map(|jump| ["-J".to_owned(), jump]), login.map(|login| ["-l".to_owned(), login])];
        let line = line.into_iter().flatten().flatten().collect();
        let prove = target.prove.as_ref().map(|command| self.prove(command, target, &host)).transpose()?;
        let sudo = self.sudo(user.as_deref(), &via);
        Ok(TargetLine { name: name.to_owned(), host, via, line, user, sudo, prove })
    }

    fn sudo(&self, user: Option<&str>, via: &Via) -> Sudo {
        let asks = |access: &crate::engine::record::Access| access.password_for.as_deref() == user;
        let asks = user.is_some() && *via == Via::Here && self.run.access.values().any(asks);
        if asks { Sudo::AsksSession } else { Sudo::Fails }
    }

    fn prove(&self, command: &crate::model::Command, target: &Target, host: &str) -> Result<Prove, Unresolved> {
        let mut line = self.bare_command(command, target.shell.unwrap_or(crate::model::step::ShellName::Bash))?;
        for (name, text) in &target.env {
            line.env.insert(name.clone(), self.text(text)?);
        }
        line.cwd = target.cwd.as_ref().map(|cwd| self.text(cwd)).transpose()?;
        // A warning on the second stream is no answer.
        line.split = true;
        let prints = target.prints.as_ref().map_or(Ok(host.to_owned()), |prints| self.text(prints))?;
        Ok(Prove { command: line, prints: prints.trim().to_owned() })
    }

    /// Programs that a change finds missing before it begins.
    pub(super) fn programs(&self, step: &Step) -> Vec<TestLine> {
        let target = self.plan.item(&step.id.value).and_then(|item| self.plan.target(item));
        let names = target.iter().flat_map(|(_, target)| &target.commands);
        let test = |name: &crate::model::Name| {
            let argv = ["sh", "-c", "command -v -- \"$1\"", "sh", &name.value].map(str::to_owned).to_vec();
            TestLine::Command(CommandLine { shown: format!("command -v {}", name.value), argv, ..self.nothing() })
        };
        names.map(test).collect()
    }

    fn nothing(&self) -> CommandLine {
        CommandLine {
            argv: Vec::new(),
            shown: String::new(),
            env: self.input_environment(),
            cwd: None,
            stdin: None,
            timeout: None,
            warn_after: None,
            split: false,
            keep: true,
            secrets: SecretTexts::default(),
        }
    }

    /// The same look for each machine of its target, where there are several and no loop goes over them.
    pub(super) fn on_each_host(&self, item: &Item) -> Result<Vec<Resolved>, Unresolved> {
        let Some((name, target)) = self.plan.target(item) else { return Ok(Vec::new()) };
        let at = self.plan.index(&item.step.id.value).unwrap_or_default();
        if !target.is_several(&self.plan.runbook.head) || self.plan.loop_over_hosts(at, Some(name)).is_some() {
            return Ok(Vec::new());
        }
        let hosts = hosts(target, &self.values).map_err(|problem| self.unresolved(&problem))?;
        if hosts.is_empty() {
            return Err(Unresolved(format!("target `{name}` has no machine")));
        }
        hosts.iter().map(|host| self.for_host(host).alone(item)).collect()
    }

    pub(super) fn for_host(&self, host: &str) -> Self {
        let mut values = self.values.clone();
        values.insert_text(HOST, host);
        Self { plan: self.plan, run: self.run, values, key: self.key.clone() }
    }
}
