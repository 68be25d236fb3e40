//! Any bytes as a runbook: every problem has its place, can be shown, and what is accepted is accepted again.

use locum::diagnostic::Diagnostic;
use locum::diagnostic::render::{Colour, Format, render};
use locum::lint::lint;
use locum::load::{Loaded, load_with};
use locum::source::{SourceFile, Span};
use locum::yaml::read_text;

/// Before the name of another runbook of the same folder.
const NEXT: &str = "\n%%% ";

/// A runbook; after each line `%%% name`, another one that it may include.
pub fn judge(input: &[u8]) {
    let (whole, problem) = read_text("a.yaml", input.to_vec());
    if let Some(problem) = problem {
        is_sound(&problem);
        can_be_shown(&[problem]);
        return;
    }
    let loaded = loaded(&whole);
    assert_eq!(
        loaded.runbook.is_some(),
        loaded.tree.is_some() && !loaded.diagnostics.iter().any(Diagnostic::is_error),
        "there is a runbook exactly where there is no error"
    );
    let problems = lint(&loaded);
    for problem in &problems {
        is_sound(problem);
    }
    can_be_shown(&problems);
    let again = self::loaded(&whole);
    assert_eq!(format!("{:?}", again.runbook), format!("{:?}", loaded.runbook), "the same bytes are another runbook");
    assert_eq!(said(&again.diagnostics), said(&loaded.diagnostics));
}

fn loaded(whole: &SourceFile) -> Loaded {
    let mut files = whole.text().split(NEXT);
    let own = SourceFile::new("a.yaml", files.next().unwrap_or_default());
    let others: Vec<_> = files.filter_map(|file| file.split_once('\n')).collect();
    let other = |id: &str| {
        let (id, text) = others.iter().find(|(name, _)| *name == id)?;
        Some(SourceFile::new(format!("{id}.yaml"), *text))
    };
    load_with("a", own, &other)
}

fn is_sound(problem: &Diagnostic) {
    let file = &problem.file;
    let spans = std::iter::once(&problem.primary).chain(&problem.secondary).map(|label| label.span);
    for Span { start, end } in spans {
        let text = file.text();
        assert!(start <= end && end <= text.len(), "{start}..{end} of {} bytes: {}", text.len(), problem.message);
        assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{start}..{end}: {}", problem.message);
        let place = file.place(start);
        assert!(place.line >= 1 && place.line <= file.line_count() && place.column >= 1);
    }
    assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{:?}", problem.message);
    assert!(!problem.help.is_empty(), "no remedy: {}", problem.message);
}

fn can_be_shown(problems: &[Diagnostic]) {
    for format in [Format::Full, Format::Concise] {
        let shown = render(problems, format, Colour::Off);
        assert_eq!(shown.is_empty(), problems.is_empty());
        let control = shown.chars().find(|c| *c != '\n' && c.is_control());
        assert_eq!(control, None, "a control character reaches the terminal: {shown:?}");
    }
    let lines = render(problems, Format::Concise, Colour::Off).lines().count();
    assert_eq!(lines, problems.len(), "one line for each problem");
    let json: serde_json::Value =
        serde_json::from_str(&render(problems, Format::Json, Colour::Off)).expect("what is said in JSON is JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(problems.len()));
}

fn said(problems: &[Diagnostic]) -> Vec<(&str, Span)> {
    problems.iter().map(|problem| (problem.message.as_str(), problem.primary.span)).collect()
}
