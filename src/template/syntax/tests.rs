//! What is read, and what is refused where.

use super::*;

fn shape(source: &str, nodes: &[Node]) -> String {
    nodes
        .iter()
        .map(|node| match node {
            Node::Text(range) => format!("[{}]", &source[range.clone()]),
            Node::Hole(hole) => format!("({})", &source[hole.range.clone()]),
            Node::If(arms) => {
                let arms: Vec<_> = arms.iter().map(|arm| shape(source, &arm.body)).collect();
                format!("if<{}>", arms.join("|"))
            }
            Node::For(each) => format!("for {}<{}>", each.names.join(","), shape(source, &each.body)),
        })
        .collect()
}

fn read(source: &str) -> String {
    shape(source, &parse(source).unwrap())
}

fn refused(source: &str) -> (ProblemKind, String) {
    let problem = parse(source).unwrap_err();
    assert!(!problem.help.is_empty());
    (problem.kind, source[problem.range].to_owned())
}

#[test]
fn texts_holes_branches_and_loops_are_found() {
    assert_eq!(read("a {{ b | upper }} c"), "[a ](b | upper)[ c]");
    assert_eq!(read("{% if a %}x{% elif b %}y{% else %}z{% endif %}"), "if<[x]|[y]|[z]>");
    assert_eq!(read("{% if a %}x{% endif %}"), "if<[x]|>");
    assert_eq!(read("{% for h in hosts if h %}{{ h }}{% endfor %}!"), "for h<(h)>[!]");
}

#[test]
fn white_space_is_cut_where_a_minus_says_so() {
    assert_eq!(read("a  {{- b -}}  c"), "[a](b)[c]");
    assert_eq!(read("a {%- if b -%} x {%- endif +%} c"), "[a]if<[x]|>[ c]");
}

#[test]
fn raw_text_and_the_length_of_a_shell_variable_are_text() {
    assert_eq!(read("f '{% raw %}{{.Names}}{% endraw %}' {{ x }}"), "[f '][{{.Names}}][' ](x)");
    assert_eq!(read("echo ${#name} {# no #}"), "[echo ${#name} {# no #}]");
    assert_eq!(read("{%- raw -%} a {%- endraw -%} b"), "[a][b]");
}

#[test]
fn every_other_tag_is_refused_at_its_place() {
    for tag in [
        "set x = 1",
        "macro m()",
        "include 'a'",
        "import 'a' as b",
        "block a",
        "call m()",
        "autoescape true",
        "filter upper",
        "with a=1",
        "do x()",
    ] {
        let (kind, place) = refused(&format!("a {{% {tag} %}} b"));
        assert_eq!(kind, ProblemKind::NotAllowed, "{tag}");
        assert_eq!(place, format!("{{% {tag} %}}"));
    }
}

#[test]
fn every_other_filter_test_and_call_is_refused_at_its_name() {
    for (source, place) in [
        ("{{ x | safe }}", "safe"),
        ("{{ x | tojson }}", "tojson"),
        ("{{ x | default(y|escape) }}", "escape"),
        ("{% if x is iterable %}{% endif %}", "iterable"),
        ("{% if x is not safe %}{% endif %}", "safe"),
        ("{{ range(3) }}", "range"),
        ("{{ x.upper() }}", "upper"),
        ("{% for a in debug() %}{% endfor %}", "debug"),
        ("{% for a in b recursive %}{% endfor %}", "recursive"),
    ] {
        assert_eq!(refused(source), (ProblemKind::NotAllowed, place.to_owned()), "{source}");
    }
}

#[test]
fn what_does_not_end_is_named_where_it_begins() {
    for (source, place) in [
        ("a {{ b", "{{"),
        ("{% if a %}b", "{% if a %}"),
        ("{% for a in b %}", "{% for a in b %}"),
        ("{% raw %}x", "{% raw %}"),
        ("a{% endif %}", "{% endif %}"),
        ("{{ }}", "{{ }}"),
        ("{{ 'a }}", "'"),
        ("{% if %}{% endif %}", "{% if %}"),
        ("{% for in b %}{% endfor %}", "{% for in b %}"),
    ] {
        assert_eq!(refused(source), (ProblemKind::Syntax, place.to_owned()), "{source}");
    }
}

#[test]
fn tags_nest_only_so_deep() {
    let source = "{% if a %}".repeat(20_000);
    assert_eq!(parse(&source).unwrap_err().kind, ProblemKind::TooLong);
}
