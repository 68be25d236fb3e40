//! Values that a program could read as options.

use super::{Argument, Audit, FindingKind, Reading, Subject};
use crate::template::engine::Filling;
use crate::template::lexer::{Part, Word};
use crate::template::programs::{self, Operands};

impl Audit<'_> {
    /// Words that could be read as options.
    pub(super) fn dashes(&mut self, arguments: &[Argument<'_>], at: usize) {
        let mut over = false;
        let name = arguments.get(at).and_then(Argument::text).map_or("the program", programs::base).to_owned();
        let program = arguments.get(at).and_then(Argument::text).and_then(programs::find);
        let separator = programs::has_separator(&name);
        let mut carried = false;
        // the shell is given its program as a word of its own; nothing reads options there
        for (index, argument) in arguments.iter().enumerate().skip(1) {
            if argument.is("--") && (separator || index < at) {
                // behind the first `--` of `kubectl exec` another program has options of its own
                over = carried
                    || !arguments
                        .get(at..index)
                        .unwrap_or_default()
                        .iter()
                        .any(|word| word.is("exec") || word.is("debug"));
                carried = true;
                continue;
            }
            if !over && let Some(hole) = self.may_lead_in(argument.word) {
                let kind = FindingKind::Dash { program: name.clone(), separator };
                self.found(Subject::Hole(hole), kind);
            }
            over &= index != at;
            let scripted = program.is_some_and(|program| {
                matches!(program.operands, Operands::Script | Operands::File)
                    || (program.operands == Operands::First && name == "printf")
            });
            over |= index > at && scripted && !argument.is_option();
        }
    }

    /// The hole, if any, whose value may put a `-` at the beginning of the word.
    fn may_lead_in(&self, word: &Word) -> Option<usize> {
        for part in &word.parts {
            match part {
                Part::Text { text, .. } if text.is_empty() => {}
                Part::Hole(hole) => match self.reading {
                    Reading::Values(fillings) => match &fillings[*hole] {
                        Filling::One(value) if value.is_empty() => {}
                        Filling::One(value) => return value.starts_with('-').then_some(*hole),
                        Filling::Several(items) => {
                            return items.iter().any(|item| item.starts_with('-')).then_some(*hole);
                        }
                    },
                    Reading::Rules(rules) => return (!rules[*hole]).then_some(*hole),
                },
                Part::Text { .. } | Part::Variable { .. } | Part::Other => return None,
            }
        }
        None
    }
}
