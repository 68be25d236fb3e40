//! One line a diagnostic: `file:line:column: error[code]: message (help: …)`.

use super::{Colour, name};
use crate::diagnostic::{Diagnostic, Severity};
use crate::text::plain;

pub fn render(diagnostics: &[Diagnostic], colour: Colour) -> String {
    diagnostics.iter().map(|diagnostic| line(diagnostic, colour)).collect()
}

fn line(diagnostic: &Diagnostic, colour: Colour) -> String {
    let place = diagnostic.file.place(diagnostic.primary.span.start);
    let kind = format!("{}[{}]", name(diagnostic.severity), diagnostic.code.name());
    let kind = match colour {
        Colour::On => format!("\x1b[1;{}m{kind}\x1b[0m", colour_of(diagnostic.severity)),
        Colour::Off => kind,
    };
    let remedies: Vec<_> = diagnostic.help.iter().map(|help| plain(help)).collect();
    let help = if remedies.is_empty() { String::new() } else { format!(" (help: {})", remedies.join("; ")) };
    let (file, message) = (plain(diagnostic.file.name()), plain(&diagnostic.message));
    format!("{file}:{}:{}: {kind}: {message}{help}\n", place.line, place.column)
}

/// The colours of the full form, as parameters of a terminal sequence.
const fn colour_of(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 91,
        Severity::Warning => 33,
        Severity::Note => 92,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{SourceFile, Span};

    fn diagnostic() -> Diagnostic {
        let file = SourceFile::new("a.yaml", "é: x\ntitel: y\n");
        Diagnostic::new(Code::UnknownKey, &file, Span::new(6, 11), "unknown key `titel`").help("did you mean `title`?")
    }

    #[test]
    fn a_diagnostic_is_one_line() {
        let text = render(&[diagnostic(), diagnostic().help("or\nremove it")], Colour::Off);
        assert_eq!(
            text,
            "a.yaml:2:1: error[unknown-key]: unknown key `titel` (help: did you mean `title`?)\n\
             a.yaml:2:1: error[unknown-key]: unknown key `titel` (help: did you mean `title`?; or\\nremove it)\n"
        );
    }

    #[test]
    fn the_kind_is_coloured() {
        assert!(render(&[diagnostic()], Colour::On).contains(": \x1b[1;91merror[unknown-key]\x1b[0m: unknown"));
    }
}
