//! Colours (`ESC [ … m`, "select graphic rendition"): which of them may reach a terminal.
//!
//! They are the only control sequence that may. One of them hides text, *conceal* (8), and is taken out.

/// A colour sequence that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sgr {
    /// The parameters that are left, between `ESC [` and `m`.
    pub parameters: String,
    /// What the terminal is left in.
    pub leaves: Leaves,
}

/// The state of a terminal after a colour sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// As it was at the start.
    Plain,
    /// Some colour or weight.
    Coloured,
}

impl Sgr {
    /// Reads parameters; `None` when they hold anything but digits, `;` and `:`, or when nothing is left to pass.
    pub fn read(parameters: &str) -> Option<Self> {
        if !parameters.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ';' | ':')) {
            return None;
        }
        let kept: Vec<_> = attributes(parameters).into_iter().filter(|attribute| !conceals(attribute)).collect();
        let leaves = if number(kept.last()?).is_empty() { Leaves::Plain } else { Leaves::Coloured };
        Some(Self { parameters: kept.join(";"), leaves })
    }
}

/// Parameters grouped to attributes: the 8 of `38;5;8` is a colour, a single 8 conceals.
fn attributes(parameters: &str) -> Vec<String> {
    let mut attributes = Vec::new();
    let mut rest = parameters.split(';').peekable();
    while let Some(first) = rest.next() {
        let mut attribute = vec![first];
        if matches!(first.trim_start_matches('0'), "38" | "48" | "58") {
            let more = match rest.peek().map(|kind| kind.trim_start_matches('0')) {
                Some("5") => 2,
                Some("2") => 4,
                _ => 0,
            };
            attribute.extend(rest.by_ref().take(more));
        }
        attributes.push(attribute.join(";"));
    }
    attributes
}

fn conceals(attribute: &str) -> bool {
    number(attribute) == "8"
}

/// The first number of an attribute without leading zeros: nothing stands for zero.
fn number(attribute: &str) -> &str {
    let first = attribute.split([';', ':']).next().unwrap_or_default();
    first.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(parameters: &str) -> Option<String> {
        Sgr::read(parameters).map(|sgr| sgr.parameters)
    }

    #[test]
    fn colours_pass_as_they_are() {
        for parameters in ["", "0", "1;31", "38;5;8", "38;2;8;8;8", "48;5;8;1", "4:3", "38:2::8:8:8", "31;"] {
            assert_eq!(kept(parameters).as_deref(), Some(parameters));
        }
    }

    #[test]
    fn conceal_is_taken_out() {
        assert_eq!(kept("8"), None);
        assert_eq!(kept("08"), None);
        assert_eq!(kept("8:1"), None);
        assert_eq!(kept("31;8;1").as_deref(), Some("31;1"));
        assert_eq!(kept("38;5;1;8").as_deref(), Some("38;5;1"));
        assert_eq!(kept("38;8").as_deref(), Some("38"));
    }

    #[test]
    fn private_and_odd_parameters_do_not_pass() {
        for parameters in [">4;2", "?4", "3 1", "31!"] {
            assert_eq!(kept(parameters), None);
        }
    }

    #[test]
    fn it_is_known_whether_the_terminal_is_left_coloured() {
        let leaves = |parameters| Sgr::read(parameters).expect("colours").leaves;
        for parameters in ["", "0", "00", "31;0", "1;"] {
            assert_eq!(leaves(parameters), Leaves::Plain, "{parameters}");
        }
        for parameters in ["31", "0;31", "38;5;0", "7"] {
            assert_eq!(leaves(parameters), Leaves::Coloured, "{parameters}");
        }
    }
}
