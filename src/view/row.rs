//! The rows of a card: what is said under which label.

use super::words;

/// What a row is about. The order of a card is that of its rows, not of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    What,
    Why,
    How,
    Before,
    Where,
    Review,
    /// That nothing holds a look.
    Fence,
    Runs,
    /// What people are told, to the letter.
    Tells,
    LooksAlike,
    MayChange,
    MustNot,
    WayBack,
    /// Every way back of the run, newest first.
    Ledger,
    Known,
    Answers,
    GoodIs,
    ShouldLookLike,
    YouGot,
    Printed,
    Caution,
    IfNot,
    Read,
    Found,
    Next,
    Changed,
    Means,
    Worse,
    DoNot,
    WaysOn,
    Ask,
    HandOver,
    TellPeople,
    Daylight,
    Report,
    OneThing,
}

impl Label {
    /// As it is written on a card.
    pub const fn text(self) -> &'static str {
        match self {
            Self::What => "What",
            Self::Why => "Why",
            Self::How => "How",
            Self::Before => "First",
            Self::Where => "Where",
            Self::Review => "Review",
            Self::Fence => "Fence",
            Self::Runs => "Runs",
            Self::Tells => "Tells",
            Self::LooksAlike => "LOOKS ALIKE",
            Self::MayChange => "May change",
            Self::MustNot => "Must not",
            Self::WayBack => "Way back",
            Self::Ledger => "Ledger",
            Self::Known => "Known",
            Self::Answers => "Answers",
            Self::GoodIs => "Good is",
            Self::ShouldLookLike => "Should look",
            Self::YouGot => "You got",
            Self::Printed => "It said",
            Self::Caution => "Caution",
            Self::IfNot => "If not",
            Self::Read => "Read",
            Self::Found => "Found",
            Self::Next => "Next",
            Self::Changed => "Changed",
            Self::Means => "It means",
            Self::Worse => "With time",
            Self::DoNot => "DO NOT",
            Self::WaysOn => "Ways on",
            Self::Ask => "Ask first",
            Self::HandOver => "Hand over",
            Self::TellPeople => "Tell people",
            Self::Daylight => "In daylight",
            Self::Report => "Report",
            Self::OneThing => "One thing",
        }
    }

    /// Whether a person must have seen the row to its end before a change may be confirmed.
    pub const fn is_vital(self) -> bool {
        matches!(
            self,
            Self::Where
                | Self::Runs
                | Self::Tells
                | Self::LooksAlike
                | Self::MayChange
                | Self::MustNot
                | Self::WayBack
                | Self::Changed
                | Self::DoNot
        )
    }

    /// Whether the lines are bytes for a machine: shown as they are, never run together.
    pub const fn is_verbatim(self) -> bool {
        matches!(self, Self::Runs | Self::Tells | Self::LooksAlike | Self::ShouldLookLike | Self::Printed)
    }
}

/// One labelled row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub label: Label,
    /// Sanitized, without line breaks.
    pub lines: Vec<String>,
}

/// Rows in the making; a row without a line is left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows(pub Vec<Row>);

impl Rows {
    /// Adds texts from outside, each with as many lines as it has.
    pub fn add(&mut self, label: Label, texts: impl IntoIterator<Item = impl AsRef<str>>) {
        let lines: Vec<_> = texts.into_iter().flat_map(|text| words::lines(text.as_ref())).collect();
        if !lines.is_empty() {
            self.0.push(Row { label, lines });
        }
    }

    /// Adds one text.
    pub fn one(&mut self, label: Label, text: impl AsRef<str>) {
        self.add(label, [text]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_clean_lines_and_an_empty_one_is_left_out() {
        let mut rows = Rows::default();
        rows.one(Label::Why, "  \n");
        rows.add(Label::What, ["a\nb\x07", "c"]);
        assert_eq!(rows.0, [Row { label: Label::What, lines: vec!["a".into(), "b\\x07".into(), "c".into()] }]);
    }

    #[test]
    fn a_command_a_guard_and_the_way_back_are_vital() {
        for label in [Label::Runs, Label::LooksAlike, Label::MayChange, Label::MustNot, Label::WayBack] {
            assert!(label.is_vital(), "{label:?}");
        }
        assert!(!Label::Why.is_vital());
    }
}
