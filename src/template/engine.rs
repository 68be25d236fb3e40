//! minijinja as templates use it, and the first pass: the text of a template with its holes still open.

use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, OutputSpanKind, UndefinedBehavior, filters};

use super::names::names;
use super::problem::{Problem, ProblemKind};
use super::values::Values;

/// A part of a rendered template.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// What the author wrote, and where it begins in the template.
    Text { text: String, at: usize },
    /// A hole, with the bytes of its expression and what goes into it.
    Hole { range: Range<usize>, filling: Filling },
}

/// What goes into a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    One(String),
    Several(Vec<String>),
}

/// Work one rendering may do; a template of 16 KiB with loops needs a tenth of it.
const FUEL: u64 = 50_000;

/// Renders the control flow of a template. Each name that is not optional must have a value, on whatever branch it
/// stands, so that a branch taken for the first time at night holds no surprise.
pub(super) fn pieces(template: &str, values: &Values) -> Result<Vec<Piece>, Problem> {
    if let Some(name) = names(template)?.into_iter().find(|name| !name.optional && !values.contains(&name.name)) {
        return Err(Problem::undefined(&name.name, name.range));
    }
    if has_no_hole(template) {
        let text = Piece::Text { text: template.to_owned(), at: 0 };
        return Ok(if template.is_empty() { Vec::new() } else { vec![text] });
    }
    rendered(template, values)
}

/// Whether a text has nothing of a template in it, so that it stands for itself: most texts of a runbook do.
pub(super) fn has_no_hole(template: &str) -> bool {
    !template.contains("{{") && !template.contains("{%") && !template.contains(['\r', '\u{fffe}'])
}

/// The pieces as minijinja renders them.
fn rendered(template: &str, values: &Values) -> Result<Vec<Piece>, Problem> {
    let filled: Arc<Mutex<Vec<Value>>> = Arc::default();
    let mut environment = environment();
    let sink = Arc::clone(&filled);
    // the blank is never looked for in the output: the spans say where each hole is
    environment.set_formatter(move |out, _, value| {
        sink.lock().unwrap_or_else(PoisonError::into_inner).push(value.clone());
        out.write_str("_").map_err(Error::from)
    });
    let parsed = environment.template_from_str(template).map_err(|error| problem(&error, template, values))?;
    let (output, spans) =
        parsed.render_with_spans(values.context()).map_err(|error| problem(&error, template, values))?;
    let mut fillings = std::mem::take(&mut *filled.lock().unwrap_or_else(PoisonError::into_inner)).into_iter();
    let mut pieces = Vec::with_capacity(spans.len());
    for span in spans {
        let range = span.source_range();
        if span.kind() == OutputSpanKind::Raw {
            pieces.push(Piece::Text { text: output[span.output_range()].to_owned(), at: range.start });
        } else {
            let value = fillings.next().expect("each hole is formatted once");
            let filling = filling(&value, template, &range)?;
            pieces.push(Piece::Hole { range, filling });
        }
    }
    Ok(pieces)
}

/// The language: no globals, no functions, nothing that escapes, and a limit to its work.
pub(super) fn environment() -> Environment<'static> {
    static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(language);
    LANGUAGE.clone()
}

fn language() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // spans of errors need it
    environment.set_debug(true);
    let syntax = minijinja::syntax::SyntaxConfig::builder()
        .keep_trailing_newline(true)
        // `${#name}` is shell, so there are no comments: letters that no text holds begin and end them
        .comment_delimiters("\u{fffe}", "\u{ffff}")
        .build()
        .expect("no two of these begin alike");
    environment.set_syntax(syntax);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("int", filters::int);
    environment.add_filter("join", filters::join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("undefined", minijinja::tests::is_undefined);
    environment.add_test("startingwith", minijinja::tests::is_startingwith);
    environment.add_test("endingwith", minijinja::tests::is_endingwith);
    environment
}

/// A value as text. What minijinja marks as safe is a text like any other.
fn filling(value: &Value, template: &str, range: &Range<usize>) -> Result<Filling, Problem> {
    let shown = &template[range.clone()];
    if value.kind() != ValueKind::Seq {
        return one(value, shown, range).map(Filling::One);
    }
    let items = value.try_iter().map_err(|error| plain_problem(&error, range.clone()))?;
    items.map(|item| one(&item, shown, range)).collect::<Result<_, _>>().map(Filling::Several)
}

fn one(value: &Value, shown: &str, range: &Range<usize>) -> Result<String, Problem> {
    let wrong = |what: &str, help: &str| {
        Err(Problem::new(ProblemKind::Value, range.clone(), format!("`{shown}` is {what}"), help))
    };
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => wrong(
            "nothing here, expected a text",
            "give it an `else`, a `default`, or put the whole part into `{% if %}`",
        ),
        ValueKind::Map => wrong("a mapping, expected a text", "name one of its entries, as in `host.name`"),
        ValueKind::Bool | ValueKind::Number | ValueKind::String => {
            // booleans as `true`, not as the `True` of Python
            let text = if value.kind() == ValueKind::Bool { value.is_true().to_string() } else { value.to_string() };
            if text.contains('\0') {
                return wrong("a text with a NUL in it", "no program can be given a NUL as an argument; use `stdin:`");
            }
            Ok(text)
        }
        _ => wrong("not a text", "print a text, a number, a flag or a list of them"),
    }
}

/// What minijinja says, as a problem. `template` is the text the error's range belongs to.
pub(super) fn problem(error: &Error, template: &str, values: &Values) -> Problem {
    let range = error.range().filter(|range| template.get(range.clone()).is_some()).unwrap_or(0..template.len());
    if error.kind() == ErrorKind::UndefinedError {
        let shown = &template[range.clone()];
        if !values.contains(shown) && shown.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            return Problem::undefined(shown, range);
        }
        let help = "give it a `default`, or put the whole part into `{% if %}`";
        return Problem::new(ProblemKind::Value, range, format!("`{shown}` has no value"), help);
    }
    plain_problem(error, range)
}

fn plain_problem(error: &Error, range: Range<usize>) -> Problem {
    let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let (kind, help) = match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape => {
            (ProblemKind::Syntax, "for braces that are no template, write `{% raw %}…{% endraw %}` around them")
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            (ProblemKind::NotAllowed, "make the value in a step of its own and capture it")
        }
        ErrorKind::OutOfFuel => {
            return Problem::new(
                ProblemKind::TooLong,
                range,
                "the template does too much work",
                "loop over a shorter list, or give the list to a program by `stdin:`",
            );
        }
        _ => (ProblemKind::Value, "look at what kind of value it is: a text, a flag or a list"),
    };
    Problem::new(kind, range, said, help)
}

#[cfg(test)]
mod tests {
    use super::super::syntax::{Node, parse};
    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.insert_text("node", "kyousuke");
        values.insert_text("nul", "a\0b");
        values.insert_list("hosts", vec!["masato".into(), "riki".into()]);
        values.insert_flag("force", true);
        values.insert_map("host", [("name".to_owned(), "mio".to_owned())].into_iter().collect());
        values
    }

    fn fill(template: &str) -> Vec<Filling> {
        pieces(template, &values())
            .unwrap()
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Text { .. } => None,
                Piece::Hole { filling, .. } => Some(filling),
            })
            .collect()
    }

    fn one(text: &str) -> Filling {
        Filling::One(text.to_owned())
    }

    fn refused(template: &str) -> (ProblemKind, String) {
        let problem = pieces(template, &values()).unwrap_err();
        assert!(!problem.help.is_empty(), "{problem:?}");
        (problem.kind, template[problem.range].to_owned())
    }

    #[test]
    fn values_come_out_as_texts() {
        assert_eq!(
            fill("{{ node }}{{ force }}{{ not force }}{{ 1 + 1 }}"),
            [one("kyousuke"), one("true"), one("false"), one("2")]
        );
        assert_eq!(fill("{{ hosts }}"), [Filling::Several(vec!["masato".into(), "riki".into()])]);
        assert_eq!(
            fill("{{ host.name }}{{ hosts | join(',') }}{{ hosts | length }}"),
            [one("mio"), one("masato,riki"), one("2")]
        );
        assert_eq!(
            fill("{{ other | default('x') }}{{ node | upper }}{{ 'a' }}"),
            [one("x"), one("KYOUSUKE"), one("a")]
        );
    }

    #[test]
    fn nothing_a_mapping_and_a_nul_are_refused_where_they_stand() {
        for (template, place) in [
            ("a {{ none }}", "none"),
            ("{{ node if not force }}", "node if not force"),
            ("{{ host }}", "host"),
            ("{{ nul }}", "nul"),
            ("{{ [none] }}", "[none]"),
            ("{{ [] | first }}", "[] | first"),
        ] {
            assert_eq!(refused(template), (ProblemKind::Value, place.to_owned()), "{template}");
        }
    }

    #[test]
    fn a_name_without_a_value_is_refused_on_every_branch() {
        let undefined = |name: &str| (ProblemKind::Undefined { name: name.to_owned() }, name.to_owned());
        assert_eq!(refused("{{ nmae }}"), undefined("nmae"));
        assert_eq!(refused("{% if not force %}{{ nmae }}{% endif %}"), undefined("nmae"));
        assert_eq!(refused("{{ nmae | length }}"), undefined("nmae"));
        assert_eq!(refused("{{ host.nmae }}"), undefined("host.nmae"));
    }

    #[test]
    fn endless_work_stops() {
        let nested = "{% for a in hosts %}".repeat(16) + "x" + &"{% endfor %}".repeat(16);
        assert_eq!(refused(&nested).0, ProblemKind::TooLong);
    }

    #[test]
    fn what_the_parser_here_lets_through_minijinja_still_reads() {
        assert_eq!(refused("{{ node node }}").0, ProblemKind::Syntax);
        assert_eq!(refused("{{ node | }}").0, ProblemKind::Syntax);
    }

    #[test]
    fn both_parsers_see_the_same_text_and_the_same_holes() {
        for template in [
            "a {{ node }} b\n",
            "  {{- node -}}  b {{ 'x}}' }} {{ {'a': 1}.a }}",
            "{% raw %}{{ x }}{% endraw %}{{ node }}{%- raw -%}  y {%- endraw -%}  z",
            "echo ${#a} {# b #} {{ node }}",
            "\n{%+ raw %} q {%+ endraw +%} \u{a0}{{- node }}",
        ] {
            let ours: Vec<_> = parse(template)
                .unwrap()
                .into_iter()
                .map(|node| match node {
                    Node::Text(range) => range,
                    Node::Hole(hole) => hole.range,
                    Node::If(_) | Node::For(_) => unreachable!("not in these"),
                })
                .collect();
            let theirs: Vec<_> = pieces(template, &values())
                .unwrap()
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text { text, at } => at..at + text.len(),
                    Piece::Hole { range, .. } => range,
                })
                .collect();
            assert_eq!(ours, theirs, "{template}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_text_without_a_hole_is_what_minijinja_makes_of_it(text in "[{}%#$'\"\\\\ \t\na-cé\u{a0}-]{0,24}") {
            proptest::prop_assume!(has_no_hole(&text));
            let shown = |pieces: Result<Vec<Piece>, Problem>| -> Vec<(String, usize)> {
                let texts = pieces.unwrap().into_iter().map(|piece| match piece {
                    Piece::Text { text, at } => (text, at),
                    Piece::Hole { .. } => unreachable!("there is none"),
                });
                texts.collect()
            };
            proptest::prop_assert_eq!(shown(pieces(&text, &values())), shown(rendered(&text, &values())));
        }
    }
}
