//! Where a secret comes from. The value itself is never part of a runbook.

use super::command::Command;
use super::decode::{Cx, Decode, record};
use super::runbook::Runbook;
use super::scalar::{Located, Name};
use super::shape::Shape;
use super::step::Step;
use crate::diagnostic::Code;
use crate::template::lone_name;
use crate::yaml::{Kind, Node};

record! {
    /// Where a secret comes from: exactly one of these.
    pub struct FullOrigin as "from" {
        /// A command that prints it; it runs on this machine, as the operator, before the run begins.
        command: Option<Command>,
        /// A variable in the environment of `locum`.
        env: Option<Name>,
        /// A file descriptor that `locum` was started with, such as `3`.
        fd: Option<Located<i64>>,
    }
}

/// Where a secret comes from; short form: the command that prints it.
#[derive(Clone, Debug)]
pub enum Origin {
    Command(Command),
    Env(Name),
    Fd(u32),
}

impl Decode for Origin {
    fn shape() -> Shape {
        Shape::Any(vec![Command::shape(), FullOrigin::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if !matches!(node.kind, Kind::Mapping(_)) {
            return Command::decode(node, cx).map(Self::Command);
        }
        let full = FullOrigin::decode(node, cx)?;
        match (full.command, full.env, full.fd) {
            (Some(command), None, None) => Some(Self::Command(command)),
            (None, Some(name), None) => Some(Self::Env(name)),
            (None, None, Some(fd)) => {
                let number = u32::try_from(fd.value).ok();
                if number.is_none() {
                    let problem = cx.problem(Code::OutOfRange, fd.span, format!("there is no descriptor {}", fd.value));
                    cx.push(problem.help("name one that locum is started with, such as `3`"));
                }
                number.map(Self::Fd)
            }
            _ => {
                let message = "`from` needs exactly one of `command`, `env` and `fd`";
                let problem = cx.problem(Code::Contradiction, node.span, message);
                cx.push(problem.help("without `from`, a person is asked and nothing is shown of what is typed"));
                None
            }
        }
    }
}

impl Runbook {
    /// The full name of a secret that is called so at a step: that of an input or capture of the outermost runbook which
    /// it goes back to, or of the step that captures it. `None` where the name is no secret.
    pub fn secret(&self, step: &str, name: &str) -> Option<String> {
        let captured = |name: &str| {
            let of =
                |step: &Step| step.fields.capture.0.iter().any(|capture| capture.secret && capture.name.value == name);
            self.steps().into_iter().any(|(_, step)| of(step))
        };
        let Some((around, frame)) = self.frame_of(step) else {
            let input = self.head.inputs.get(name).is_some_and(|input| input.secret);
            return (input || captured(name)).then(|| name.to_owned());
        };
        if frame.inputs.get(name).is_some_and(|input| input.secret) {
            return self.secret(around, &lone_name(frame.given.get(name)?)?);
        }
        Some(format!("{around}.{name}")).filter(|name| captured(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    fn origin(text: &str) -> Result<Origin, Vec<String>> {
        let file = SourceFile::new("a.yaml", text);
        let (tree, _) = crate::yaml::parse(&file);
        let mut cx = Cx::new(&file);
        let origin = Origin::decode(&tree.expect("YAML").get("from").expect("a key").value, &mut cx);
        origin.ok_or_else(|| cx.diagnostics.iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn a_command_is_written_short() {
        assert!(matches!(origin("from: pass show ops/api\n"), Ok(Origin::Command(Command::Script(_)))));
        assert!(matches!(origin("from: [pass, show, ops/api]\n"), Ok(Origin::Command(Command::Argv(..)))));
        assert!(matches!(origin("from: { command: pass show x }\n"), Ok(Origin::Command(_))));
    }

    #[test]
    fn a_variable_and_a_descriptor_are_named() {
        assert!(matches!(origin("from: { env: API_TOKEN }\n"), Ok(Origin::Env(name)) if name.value == "API_TOKEN"));
        assert!(matches!(origin("from: { fd: 3 }\n"), Ok(Origin::Fd(3))));
        assert_eq!(origin("from: { fd: -1 }\n").unwrap_err(), ["there is no descriptor -1"]);
    }

    #[test]
    fn it_comes_from_one_place() {
        for text in ["from: { env: A, fd: 3 }\n", "from: {}\n"] {
            assert_eq!(origin(text).unwrap_err(), ["`from` needs exactly one of `command`, `env` and `fd`"], "{text}");
        }
    }
}
