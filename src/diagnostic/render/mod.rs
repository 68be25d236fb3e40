//! Renderers: full (as rustc draws it), concise (one line), json.
//!
//! A message may hold anything that a file holds, so whatever leaves here is harmless to a terminal.

mod concise;
mod excerpt;
mod full;
mod json;

use super::{Diagnostic, Severity};

/// How diagnostics are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// With the lines of the file and carets, for people.
    #[default]
    Full,
    /// One line each, for editors and `grep`.
    Concise,
    /// One array, for programs.
    Json,
}

/// Whether the text is coloured; JSON never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// With colours, for a terminal.
    On,
    /// Text alone.
    #[default]
    Off,
}

/// All diagnostics in their order, ending in a line break. Without diagnostics the text is empty, or an empty array.
pub fn render(diagnostics: &[Diagnostic], format: Format, colour: Colour) -> String {
    match format {
        Format::Full => full::render(diagnostics, colour),
        Format::Concise => concise::render(diagnostics, colour),
        Format::Json => json::render(diagnostics),
    }
}

/// How many there are: `2 errors, 1 warning`; `no problems` when there is none.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let counted = |severity: Severity| {
        let count = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", name(severity)))
    };
    let counts: Vec<_> = [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(counted).collect();
    if counts.is_empty() { "no problems".to_owned() } else { counts.join(", ") }
}

const fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{SourceFile, Span};

    fn some(severity: Severity) -> Diagnostic {
        let file = SourceFile::new("a.yaml", "title: x\n");
        Diagnostic { severity, ..Diagnostic::new(Code::UnknownKey, &file, Span::new(0, 5), "unknown key `titel`") }
    }

    #[test]
    fn the_summary_counts_what_there_is() {
        use Severity::{Error, Note, Warning};
        assert_eq!(summary(&[]), "no problems");
        assert_eq!(summary(&[some(Error), some(Warning), some(Error)]), "2 errors, 1 warning");
        assert_eq!(summary(&[some(Note), some(Note)]), "2 notes");
    }

    #[test]
    fn without_diagnostics_there_is_nothing_to_say() {
        assert_eq!(render(&[], Format::Full, Colour::Off), "");
        assert_eq!(render(&[], Format::Concise, Colour::On), "");
        assert_eq!(render(&[], Format::Json, Colour::Off), "[]\n");
    }

    #[test]
    fn no_format_lets_a_file_attack_the_terminal() {
        let file = SourceFile::new("\x1b]0;a\x07.yaml", "ti\x1b[2J\u{202e}tel: \u{9b}1m\r x\u{200b}\n");
        let diagnostic = Diagnostic::new(Code::UnknownKey, &file, Span::new(0, 12), "unknown key `\x1b[2J\nb`")
            .label("\x1b]52;c;x\x07")
            .also(Span::new(14, 16), "\u{202e}")
            .help("use `\x1bc`");
        for (format, colour) in
            [(Format::Full, Colour::Off), (Format::Concise, Colour::Off), (Format::Json, Colour::Off)]
        {
            let text = render(std::slice::from_ref(&diagnostic), format, colour);
            let bad = text.chars().find(|c| *c != '\n' && (c.is_control() || crate::text::invisible::is_invisible(*c)));
            assert_eq!(bad, None, "{text}");
        }
        let coloured = render(&[diagnostic], Format::Full, Colour::On);
        let mut clean = String::new();
        let mut sanitizer = crate::text::Sanitizer::new(crate::text::Colours::Keep);
        sanitizer.push(coloured.as_bytes(), &mut clean);
        sanitizer.finish(&mut clean);
        assert_eq!(clean, coloured, "only colours are in it");
    }
}
