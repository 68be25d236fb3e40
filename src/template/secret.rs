//! Texts with secrets in them. A secret is never a value of a template: its hole stays a hole until just before the
//! process begins, so that no record, screen or digest can hold it.

use serde::{Deserialize, Serialize};

use super::names::{names, of_expression};
use super::problem::{Problem, ProblemKind};
use super::prose::render_text;
use super::syntax::{Expression, Node, parse};
use super::values::Values;

/// A part of a text that holds secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// As it is.
    Text(String),
    /// The value of the secret of this name.
    Secret(String),
}

/// The names of a text that are secrets, as they stand in it; none where it cannot be read.
pub fn secrets_in(template: &str, is_secret: &dyn Fn(&str) -> bool) -> Vec<super::Name> {
    names(template).unwrap_or_default().into_iter().filter(|name| is_secret(&name.name)).collect()
}

/// Why the secrets of a text cannot be put in, if they cannot: only a hole that is nothing but the name of a secret is
/// filled in.
pub fn check_secrets(template: &str, is_secret: &dyn Fn(&str) -> bool) -> Result<(), Problem> {
    for node in parse(template)? {
        if let Node::Hole(expression) = &node
            && alone(expression).is_some()
        {
            continue;
        }
        if let Some(name) = secrets_of(template, &node, is_secret) {
            let message = format!("the secret `{}` stands in an expression", name.name);
            let help = format!("write `{{{{ {} }}}}` and nothing else between the braces", name.name);
            return Err(Problem::new(ProblemKind::Value, name.range, message, help));
        }
    }
    Ok(())
}

/// Renders everything but the secrets. `secret` gives the full name of what is one.
pub fn render_parts(
    template: &str,
    values: &Values,
    secret: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Part>, Problem> {
    check_secrets(template, &|name| secret(name).is_some())?;
    let mut parts = Vec::new();
    for node in parse(template)? {
        match &node {
            Node::Text(range) => parts.push(Part::Text(template[range.clone()].to_owned())),
            Node::Hole(expression) => parts.push(if let Some(name) = alone(expression).and_then(secret) {
                Part::Secret(name)
            } else {
                let hole = format!("{{{{ {} }}}}", &template[expression.range.clone()]);
                Part::Text(render_text(&hole, values)?)
            }),
            Node::If(_) | Node::For(_) => {
                let message = "a branch or a loop in a text with a secret";
                let help = "write the text without `{% %}`, or make two steps of it";
                return Err(Problem::new(ProblemKind::Value, 0..template.len(), message, help));
            }
        }
    }
    Ok(parts)
}

/// The name, where a text is one hole with a name in it and nothing else.
pub fn lone_name(template: &str) -> Option<String> {
    match parse(template).ok()?.as_slice() {
        [Node::Hole(expression)] => alone(expression).map(str::to_owned),
        _ => None,
    }
}

/// The name, where an expression is one and nothing else.
fn alone(expression: &Expression) -> Option<&str> {
    match expression.tokens.as_slice() {
        [token] => token.name(),
        _ => None,
    }
}

/// The first secret that a node reads.
fn secrets_of(template: &str, node: &Node, is_secret: &dyn Fn(&str) -> bool) -> Option<super::Name> {
    let read = match node {
        Node::Text(_) => Vec::new(),
        Node::Hole(expression) => of_expression(expression),
        // A branch and what is in it are one.
        Node::If(_) | Node::For(_) => names(template).unwrap_or_default(),
    };
    read.into_iter().find(|name| is_secret(&name.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_secret(name: &str) -> bool {
        name == "token"
    }

    fn rendered(template: &str) -> Result<Vec<Part>, String> {
        let mut values = Values::default();
        values.insert_text("user", "pepe");
        let full = |name: &str| is_secret(name).then(|| format!("kubelet.{name}"));
        render_parts(template, &values, &full).map_err(|problem| problem.message)
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    #[test]
    fn a_secret_stays_a_hole_and_everything_else_is_filled_in() {
        let secret = Part::Secret("kubelet.token".to_owned());
        assert_eq!(
            rendered("{{ user }}:{{ token }}\n").unwrap(),
            [text("pepe"), text(":"), secret.clone(), text("\n")]
        );
        assert_eq!(rendered("a  {{- token -}}  b").unwrap(), [text("a"), secret, text("b")]);
        assert_eq!(rendered("plain").unwrap(), [text("plain")]);
    }

    #[test]
    fn a_value_is_not_read_as_a_hole() {
        let mut values = Values::default();
        values.insert_text("user", "{{ token }}");
        let parts = render_parts("{{ user }}", &values, &|name| Some(name.to_owned()).filter(|name| is_secret(name)));
        assert_eq!(parts.unwrap(), [text("{{ token }}")]);
    }

    #[test]
    fn a_secret_is_not_reckoned_with() {
        for template in ["{{ token | upper }}", "{{ token ~ 'x' }}", "{% if token %}x{% endif %}", "{{ token.a }}"] {
            assert_eq!(rendered(template).unwrap_err(), "the secret `token` stands in an expression", "{template}");
        }
        assert_eq!(
            rendered("{% if user == 'a' %}x{% endif %}{{ token }}").unwrap_err(),
            "the secret `token` stands in an expression",
            "a branch beside a secret is not told from one around it"
        );
        assert!(rendered("{{ user | upper }}").is_ok());
    }

    #[test]
    fn a_text_can_be_one_name() {
        assert_eq!(lone_name("{{ token }}").as_deref(), Some("token"));
        assert_eq!(lone_name("{{ token }} "), None);
        assert_eq!(lone_name("{{ token | upper }}"), None);
        assert_eq!(lone_name("token"), None);
    }

    #[test]
    fn secrets_are_found_with_their_places() {
        let found = secrets_in("x {{ token }} {{ user }}", &is_secret);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].range, 5..10);
        assert!(secrets_in("{{ token", &is_secret).is_empty());
    }
}
