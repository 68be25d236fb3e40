//! Diagnostics as rustc draws them: the line, a caret under the place, labels, help.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::Colour;
use super::excerpt::Excerpt;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Place;
use crate::text::plain;

pub fn render(diagnostics: &[Diagnostic], colour: Colour) -> String {
    let renderer = match colour {
        Colour::On => Renderer::styled().hyperlink(false),
        Colour::Off => Renderer::plain(),
    };
    let texts: Vec<_> = diagnostics.iter().map(|diagnostic| draw(diagnostic, &renderer) + "\n").collect();
    texts.join("\n")
}

fn draw(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let labels: Vec<_> = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).collect();
    let spans: Vec<_> = labels.iter().map(|label| label.span).collect();
    let excerpt = Excerpt::of(&diagnostic.file, &spans);
    let annotations = labels.iter().zip(&excerpt.places).enumerate().map(|(at, (label, place))| {
        let kind = if at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        kind.span(place.clone()).label((!label.text.is_empty()).then(|| plain(&label.text)))
    });
    let name = plain(diagnostic.file.name());
    let snippet = Snippet::source(&excerpt.text).path(&name).line_start(excerpt.first_line).annotations(annotations);
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(plain(help)));
    let title = level.primary_title(plain(&diagnostic.message)).id(diagnostic.code.name());
    let drawn = renderer.render(&[title.element(snippet).elements(help)]);
    with_column(&drawn, &name, diagnostic.file.place(diagnostic.primary.span.start), excerpt.column())
}

/// The column is counted in the excerpt, which may be cut and rewritten; here it becomes that of the file.
fn with_column(drawn: &str, name: &str, place: Place, counted: usize) -> String {
    let Some((title, rest)) = drawn.split_once('\n') else { return drawn.to_owned() };
    let (line, column) = (place.line, place.column);
    let rest = rest.replacen(&format!("{name}:{line}:{counted}"), &format!("{name}:{line}:{column}"), 1);
    format!("{title}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{SourceFile, Span};

    const RUNBOOK: &str = "locum: 1\ntitle: Renew\nrepair:\n  - id: drain\n    comand: kubeadm certs renew all\n  - id: drain\n    change: \"true\"\n";

    fn at(text: &str, needle: &str, message: &str) -> Diagnostic {
        let file = SourceFile::new("runbooks/renew.yaml", text);
        let start = text.find(needle).expect("it is there");
        Diagnostic::new(Code::UnknownKey, &file, Span::new(start, start + needle.len()), message)
    }

    fn drawn(diagnostic: Diagnostic) -> String {
        render(&[diagnostic], Colour::Off)
    }

    #[test]
    fn it_looks_as_rustc_does() {
        let diagnostic = at(RUNBOOK, "comand", "unknown key `comand` in step `drain`")
            .label("not a key of a step")
            .help("did you mean `command`?");
        insta::assert_snapshot!(drawn(diagnostic), @r"
        error[unknown-key]: unknown key `comand` in step `drain`
         --> runbooks/renew.yaml:5:5
          |
        5 |     comand: kubeadm certs renew all
          |     ^^^^^^ not a key of a step
          |
          = help: did you mean `command`?
        ");
    }

    #[test]
    fn other_places_and_several_remedies_are_shown() {
        let second = RUNBOOK.rfind("drain").expect("it is there");
        let diagnostic = at(RUNBOOK, "drain", "two steps have the id `drain`")
            .label("first here")
            .also(Span::new(second, second + 5), "and again here")
            .help("give one of them another id")
            .help("or remove it");
        insta::assert_snapshot!(drawn(diagnostic), @r"
        error[unknown-key]: two steps have the id `drain`
         --> runbooks/renew.yaml:4:9
          |
        4 |   - id: drain
          |         ^^^^^ first here
        5 |     comand: kubeadm certs renew all
        6 |   - id: drain
          |         ----- and again here
          |
          = help: give one of them another id
          = help: or remove it
        ");
    }

    #[test]
    fn a_long_line_is_cut_and_keeps_its_column() {
        let text = format!("a: {}HERE{}\n", "x".repeat(1000), "y".repeat(1000));
        insta::assert_snapshot!(drawn(at(&text, "HERE", "too long").label("this")), @r"
        error[unknown-key]: too long
         --> runbooks/renew.yaml:1:1004
          |
        1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxHEREyyyyyyyyyyyyyyyyyyyyyyyyyy...
          |                                                                                                        ^^^^ this
        ");
    }

    #[test]
    fn a_long_place_on_a_long_line_does_not_explode() {
        let text = format!("a: {}\n", "x".repeat(1_000_000));
        let shown = drawn(at(&text, text[3..].trim_end(), "too long").label("this"));
        assert!(shown.len() < 2_000, "{}", shown.len());
    }

    #[test]
    fn hidden_characters_are_shown_above_their_caret() {
        insta::assert_snapshot!(drawn(at("ti\u{202e}tel:\tx\n", "\u{202e}", "invisible character")), @r"
        error[unknown-key]: invisible character
         --> runbooks/renew.yaml:1:3
          |
        1 | ti<U+202E>tel:    x
          |   ^^^^^^^^
        ");
    }

    #[test]
    fn the_end_of_the_file_can_be_pointed_at() {
        let file = SourceFile::new("a.yaml", "title: x\n");
        let missing = Diagnostic::new(Code::Syntax, &file, Span::new(9, 9), "no step, expected at least one");
        insta::assert_snapshot!(drawn(missing), @r"
        error[yaml-syntax]: no step, expected at least one
         --> a.yaml:2:1
          |
        2 |
          | ^
        ");
        let empty = SourceFile::new("a.yaml", "");
        let nothing = Diagnostic::new(Code::Syntax, &empty, Span::new(0, 0), "the file is empty");
        insta::assert_snapshot!(drawn(nothing), @r"
        error[yaml-syntax]: the file is empty
         --> a.yaml:1:1
          |
        1 |
          | ^
        ");
    }

    #[test]
    fn several_lines_are_joined_at_the_side() {
        insta::assert_snapshot!(drawn(at(RUNBOOK, "- id: drain\n    comand: kubeadm certs renew all\n", "a step does two things")), @r"
        error[unknown-key]: a step does two things
         --> runbooks/renew.yaml:4:3
          |
        4 | /   - id: drain
        5 | |     comand: kubeadm certs renew all
          | |___________________________________^
        ");
    }

    #[test]
    fn colours_are_those_of_rustc_and_the_text_is_the_same() {
        let diagnostics = [at(RUNBOOK, "comand", "unknown key"), at(RUNBOOK, "title", "unknown key")];
        let coloured = render(&diagnostics, Colour::On);
        assert!(coloured.contains("\x1b[1m\x1b[91merror"), "{coloured:?}");
        let mut text = String::new();
        let mut sanitizer = crate::text::Sanitizer::new(crate::text::Colours::Drop);
        sanitizer.push(coloured.as_bytes(), &mut text);
        assert_eq!(text, render(&diagnostics, Colour::Off));
    }

    proptest::proptest! {
        #[test]
        fn any_place_in_any_text_is_drawn(text in "[a-c \n\t\r\u{202e}é]{0,60}", spans in proptest::collection::vec((0_usize..70, 0_usize..70), 1..4)) {
            let file = SourceFile::new("a.yaml", text);
            let mut diagnostic = Diagnostic::new(Code::Syntax, &file, Span::new(spans[0].0, spans[0].1), "wrong");
            for (start, end) in &spans[1..] {
                diagnostic = diagnostic.also(Span::new(*start, *end), "here");
            }
            let place = file.place(spans[0].0);
            let shown = drawn(diagnostic);
            let said = format!("--> a.yaml:{}:{}", place.line, place.column);
            proptest::prop_assert!(shown.contains(&said), "{}", shown);
        }
    }
}
