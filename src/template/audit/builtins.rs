//! What the shell itself reads again: names of variables, `[[ ]]` and `[ ]`.

use super::{Argument, Audit, FindingKind, Subject};
use crate::template::programs;

impl Audit<'_> {
    /// `export NAME={{ value }}` is an assignment; everything else that holds a value is a name.
    pub(super) fn variables(&mut self, name: &str, arguments: &[Argument<'_>]) {
        let special = arguments.iter().filter_map(Argument::text).find(|text| {
            text.starts_with(['-', '+']) && !text.starts_with("--") && text.contains(['a', 'A', 'i', 'n'])
        });
        for argument in arguments {
            match argument.word.assigned() {
                Some(_) if special.is_some() => {
                    self.again(argument.word, &format!("{name} {}", special.unwrap_or_default()));
                }
                Some(variable) if programs::is_evaluated(variable) => self.again(argument.word, variable),
                Some(_) => {}
                None => self.again(argument.word, name),
            }
        }
    }

    /// `[[ ]]`, in which numbers are computed.
    pub(super) fn condition(&mut self, arguments: &[Argument<'_>]) {
        let computes = |at: Option<usize>| {
            at.and_then(|at| arguments.get(at)?.text())
                .is_some_and(|text| matches!(text, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge"))
        };
        for (at, argument) in arguments.iter().enumerate() {
            let named = at.checked_sub(1).is_some_and(|at| arguments[at].is("-v") || arguments[at].is("-R"));
            if named || computes(Some(at + 1)) || computes(at.checked_sub(1)) {
                self.again(argument.word, "[[ ]]");
            }
        }
    }

    /// `[ ]`, which reads values as operators when there are many.
    pub(super) fn test(&mut self, name: &str, arguments: &[Argument<'_>]) {
        let end = arguments.len() - usize::from(name == "[" && arguments.last().is_some_and(|last| last.is("]")));
        let arguments = &arguments[..end];
        let literal = |argument: &Argument<'_>| argument.word.holes.is_empty();
        let skipped = arguments.iter().take_while(|argument| literal(argument) && argument.is("!")).count();
        match &arguments[skipped..] {
            [_] => {}
            [operator, operand] if operator.is("-v") || operator.is("-R") => self.again(operand.word, name),
            [operator, _] if literal(operator) && operator.is_option() => {}
            [_, operator, _] if literal(operator) && operator.whole => {}
            all => {
                for hole in all.iter().flat_map(|argument| argument.word.holes.clone()) {
                    self.found(Subject::Hole(hole), FindingKind::Conditions);
                }
            }
        }
    }
}
