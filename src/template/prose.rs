//! Templates in prose, file names and titles: values as they are.

use super::TEXT_LIMIT;
use super::engine::{Filling, Piece, pieces};
use super::problem::{Problem, ProblemKind};
use super::values::Values;

/// Renders a text for people or for `stdin:`, with values as they are. A list is written as `a, b, c`.
pub fn render_text(template: &str, values: &Values) -> Result<String, Problem> {
    let mut text = String::with_capacity(template.len());
    for piece in pieces(template, values)? {
        match piece {
            Piece::Text { text: own, .. } => text.push_str(&own),
            Piece::Hole { filling: Filling::One(value), .. } => text.push_str(&value),
            Piece::Hole { filling: Filling::Several(items), .. } => text.push_str(&items.join(", ")),
        }
        if text.len() > TEXT_LIMIT {
            let message = format!("the text is longer than {} KiB", TEXT_LIMIT / 1024);
            return Err(Problem::new(ProblemKind::TooLong, 0..template.len(), message, "keep it in a file"));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.insert_text("node", "$(kyousuke) `x` \"y\"");
        values.insert_list("hosts", vec!["masato".into(), "riki".into()]);
        values.insert_text("big", &"x".repeat(1 << 18));
        values
    }

    #[test]
    fn prose_holds_values_as_they_are() {
        assert_eq!(render_text("On {{ node }}.\n", &values()).unwrap(), "On $(kyousuke) `x` \"y\".\n");
        assert_eq!(render_text("{{ hosts }}", &values()).unwrap(), "masato, riki");
        assert_eq!(render_text("<b>{{ '<&>' }}</b>", &values()).unwrap(), "<b><&></b>");
    }

    #[test]
    fn a_value_is_not_a_template() {
        let mut values = Values::default();
        values.insert_text("a", "{{ b }}{% if %}");
        assert_eq!(render_text("{{ a }}", &values).unwrap(), "{{ b }}{% if %}");
    }

    #[test]
    fn a_text_has_a_limit() {
        let problem = render_text("{{ big }}!", &values()).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::TooLong);
    }
}
