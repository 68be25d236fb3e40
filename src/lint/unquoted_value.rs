//! Values that other tools do not read as they stand: days, `no`, `0755`, `1.10`, `22:30`.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    let head = &ground.runbook.head;
    let days = head
        .review
        .iter()
        .filter_map(|review| review.last.as_ref())
        .chain(head.expires.iter().filter_map(|expiry| expiry.date.as_ref()));
    let values =
        head.inputs.values().flat_map(|input| input.default.iter().chain(&input.choices)).chain(head.values.values());
    let days = days.map(|day| (day.span, day.value.as_str()));
    for (span, text) in days.chain(values.map(|text| (text.span, text.source.as_str()))) {
        let Some(read_as) = read_as(text).filter(|_| is_plain(ground, span)) else { continue };
        let problem = Diagnostic::new(
            Code::UnquotedValue,
            ground.file,
            span,
            format!("`{text}` without quotes: other tools read it as {read_as}"),
        );
        problems.push(problem.help(format!("write `\"{text}\"`")));
    }
}

fn is_plain(ground: &Ground, span: Span) -> bool {
    !ground.file.slice(span).starts_with(['\'', '"'])
}

/// As what YAML 1.1 or 1.2 reads it, where that is not what was written.
fn read_as(text: &str) -> Option<&'static str> {
    if matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n") {
        return Some("true or false");
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = |separator| text.split(separator).all(digits);
    if parts('-') && text.len() == 10 && text.split('-').count() == 3 {
        return Some("a date");
    }
    if parts(':') && text.contains(':') {
        return Some("a number to the base of 60");
    }
    if digits(text) && text.len() > 1 && text.starts_with('0') {
        return Some("an octal number");
    }
    (parts('.') && text.split('.').count() == 2 && (text.ends_with('0') || text.starts_with("00")))
        .then_some("a number without its last zero")
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn days_are_quoted() {
        let rest = "review: { last: 2026-11-01 }\nexpires: [{ what: x, date: '2026-11-01' }]\nrepair: [x]\n";
        assert_eq!(
            warnings_in(rest),
            ["3:17 unquoted-value: `2026-11-01` without quotes: other tools read it as a date"]
        );
    }

    #[test]
    fn values_that_others_read_otherwise_are_quoted() {
        let rest = "inputs: { a: { default: no }, b: { choices: [on, \"off\", 8080] } }\nvalues: { c: 0755, d: 22:30, e: 1.10, f: 1.5, g: ca }\nrepair: [x]\n";
        assert_eq!(
            warnings_in(rest),
            [
                "3:25 unquoted-value: `no` without quotes: other tools read it as true or false",
                "3:46 unquoted-value: `on` without quotes: other tools read it as true or false",
                "4:14 unquoted-value: `0755` without quotes: other tools read it as an octal number",
                "4:23 unquoted-value: `22:30` without quotes: other tools read it as a number to the base of 60",
                "4:33 unquoted-value: `1.10` without quotes: other tools read it as a number without its last zero",
            ]
        );
    }
}
