//! Targets: places where steps run, and as whom.

use super::command::Command;
use super::decode::{Cx, Decode, record};
use super::fields::Env;
use super::runbook::WrittenRunbook;
use super::scalar::{Name, OneOrMany, Text};
use super::shape::Shape;
use super::step::ShellName;
use crate::diagnostic::Code;
use crate::yaml::{Kind, Node};

/// The `where` that means this machine.
pub const HERE: &str = "here";

/// How a command gets to a target.
#[derive(Clone, Debug)]
pub enum WrittenVia {
    /// Words that stand before the command, such as `docker exec kyousuke`.
    Prefix(Vec<Text>),
    /// The OpenSSH client, as the user has configured it.
    Ssh,
}

impl Decode for WrittenVia {
    fn shape() -> Shape {
        Shape::Any(vec![Shape::Words(&["ssh"]), Shape::List(Box::new(Text::shape()))])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        match (&node.kind, node.as_scalar().map(|scalar| scalar.text.as_str())) {
            (Kind::Sequence(words), _) if !words.is_empty() => Vec::decode(node, cx).map(Self::Prefix),
            (_, Some("ssh")) => Some(Self::Ssh),
            (_, Some("hand")) => {
                let message = "`via: hand` is part of the format, but this locum cannot do it yet";
                let problem = cx.problem(Code::NotBuiltYet, node.span, message);
                cx.push(problem.help("write a `by_hand` step that says what to type there"));
                None
            }
            _ => {
                cx.wrong_type(node, &Self::shape());
                None
            }
        }
    }
}

record! {
    /// A place where steps run.
    pub struct Target as "target" {
        /// The machine, or several: one name or a list.
        host: OneOrMany,
        /// How a command gets there: `ssh`, or the words that stand before it; without it, on this machine.
        via: Option<WrittenVia>,
        /// The address to connect to, where the name does not lead there; only with `via: ssh`.
        address: Option<Text>,
        /// The machine over which the line goes, as `ssh -J` takes it; only with `via: ssh`.
        jump: Option<Text>,
        /// The account to log in as; only with `via: ssh`.
        login: Option<Text>,
        /// As whom commands run there, by `sudo`.
        user: Option<Text>,
        /// A command that says where it is, asked just before each change.
        prove: Option<Command>,
        /// What `prove` must print; default: the host.
        prints: Option<Text>,
        /// Programs that must be there.
        commands: Vec<Name>,
        /// Environment of each command there.
        env: Env,
        /// The folder of each command there.
        cwd: Option<Text>,
        /// The shell of each command there.
        shell: Option<ShellName>,
    }
}

impl Target {
    /// Whether steps can have more than one machine there.
    pub fn is_several(&self, head: &WrittenRunbook) -> bool {
        match self.host.0.as_slice() {
            [one] => listed(one).is_some_and(|name| head.inputs.get(name).is_some_and(|input| input.list)),
            hosts => hosts.len() > 1,
        }
    }
}

/// The name in a text that is nothing but one hole: `{{ nodes }}`.
pub fn listed(text: &Text) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word.then_some(name)
}
