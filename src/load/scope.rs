//! Which names a template can see at a place, and which of their values can begin with a dash.

use indexmap::IndexMap;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::model::fields::{Capture, Items};
use crate::model::runbook::Input;
use crate::model::{Choices, Step, Text};
use crate::template::NameRule;

/// The names that are known at a place, in the order in which they became known.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a>(IndexMap<&'a str, Lead>);

/// How a value can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Nothing is said about it.
    Any,
    /// Never with `-`, so that no program reads it as an option.
    NoDash,
}

impl<'a> Scope<'a> {
    pub(super) fn add(&mut self, name: &'a str, lead: Lead) {
        self.0.insert(name, lead);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.shift_remove(name);
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    pub(super) fn rule(&self, name: &str) -> NameRule {
        let lead = self.0.get(name);
        // Of a name that nobody knows nothing more is said.
        NameRule { known: lead.is_some(), may_lead: lead != Some(&Lead::Any) }
    }
}

/// How the value of an input can begin.
pub(super) fn of_input(input: &Input) -> Lead {
    let choices = !input.choices.is_empty() && input.choices.iter().all(|choice| !choice.starts_with('-'));
    if choices { Lead::NoDash } else { of_pattern(input.pattern.as_ref()) }
}

/// How a constant can begin: a hole at its start can be anything.
pub(super) fn of_text(text: &Text) -> Lead {
    if text.starts_with(['-', '{']) || text.is_empty() { Lead::Any } else { Lead::NoDash }
}

/// How a captured value can begin.
pub(super) fn of_capture(step: &Step, capture: &Capture) -> Lead {
    if let Some(Choices::Listed(choices)) = &step.fields.choices {
        let values = choices.iter().map(|choice| choice.value.as_ref().unwrap_or(&choice.answer));
        return values.map(of_text).find(|lead| *lead == Lead::Any).unwrap_or(Lead::NoDash);
    }
    of_pattern(capture.pattern.as_ref())
}

/// How the value of a loop can begin.
pub(super) fn of_items(items: &Items, scope: &Scope) -> Lead {
    match items {
        Items::Listed(texts) => texts.iter().map(of_text).find(|lead| *lead == Lead::Any).unwrap_or(Lead::NoDash),
        Items::Named(list) => scope.0.get(list.value.as_str()).copied().unwrap_or(Lead::Any),
    }
}

fn of_pattern(pattern: Option<&Text>) -> Lead {
    let Some(pattern) = pattern.filter(|pattern| !pattern.contains("{{")) else { return Lead::Any };
    match regex_syntax::parse(pattern) {
        Ok(hir) if !begins(&hir).dash => Lead::NoDash,
        Ok(_) | Err(_) => Lead::Any,
    }
}

/// What a match can begin with.
#[derive(Clone, Copy)]
struct Begin {
    dash: bool,
    /// It can be empty, so that what follows begins.
    empty: bool,
}

fn begins(hir: &Hir) -> Begin {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Begin { dash: false, empty: true },
        HirKind::Literal(literal) => Begin { dash: literal.0.first() == Some(&b'-'), empty: literal.0.is_empty() },
        HirKind::Class(Class::Unicode(class)) => {
            Begin { dash: class.iter().any(|range| (range.start()..=range.end()).contains(&'-')), empty: false }
        }
        HirKind::Class(Class::Bytes(class)) => {
            Begin { dash: class.iter().any(|range| (range.start()..=range.end()).contains(&b'-')), empty: false }
        }
        HirKind::Repetition(repetition) => {
            let inner = begins(&repetition.sub);
            Begin { empty: inner.empty || repetition.min == 0, ..inner }
        }
        HirKind::Capture(capture) => begins(&capture.sub),
        HirKind::Concat(parts) => {
            let mut whole = Begin { dash: false, empty: true };
            for part in parts {
                let part = begins(part);
                whole = Begin { dash: whole.dash || part.dash, empty: part.empty };
                if !part.empty {
                    break;
                }
            }
            whole
        }
        HirKind::Alternation(parts) => {
            parts.iter().map(begins).fold(Begin { dash: false, empty: false }, |whole, part| Begin {
                dash: whole.dash || part.dash,
                empty: whole.empty || part.empty,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_tells_whether_a_value_can_begin_with_a_dash() {
        for (pattern, lead) in [
            ("[a-z]+", Lead::NoDash),
            ("[a-z-]+", Lead::Any),
            (".*", Lead::Any),
            ("-?[0-9]+", Lead::Any),
            ("[0-9]*[a-z]", Lead::NoDash),
            ("[0-9]*-", Lead::Any),
            ("(a|b|-c)", Lead::Any),
            ("^(a|b)-$", Lead::NoDash),
            ("(?i)node-[0-9]", Lead::NoDash),
            ("(", Lead::Any),
        ] {
            assert_eq!(of_pattern(Some(&Text::literal(pattern))), lead, "{pattern}");
        }
        assert_eq!(of_pattern(None), Lead::Any);
    }

    #[test]
    fn a_text_tells_by_its_first_character() {
        assert_eq!(of_text(&Text::literal("pki/{{ x }}")), Lead::NoDash);
        assert_eq!(of_text(&Text::literal("{{ x }}")), Lead::Any);
        assert_eq!(of_text(&Text::literal("-x")), Lead::Any);
    }
}
