//! Facts of a runbook that can be seen to be wrong: its version, its days, its guards, its files.

use chrono::NaiveDate;

use super::words::key_span;
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::{Name, Runbook};
use crate::yaml::Node;

/// Checks what stands above the steps.
pub(super) fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    let head = &runbook.head;
    if let Some(version) = &head.version {
        check_version(version, cx);
    }
    let review = head.review.iter().filter_map(|review| review.last.as_ref());
    let expiries = head.expires.iter().filter_map(|expiry| expiry.date.as_ref());
    for day in review.chain(expiries) {
        check_day(day, cx);
    }
    for expiry in &head.expires {
        exactly_one(
            ["certificate", "date"],
            [expiry.certificate.is_some(), expiry.date.is_some()],
            "expiry",
            expiry.what.span,
            cx,
        );
    }
    for guard in &head.must_not_change {
        exactly_one(
            ["files", "output_of"],
            [guard.files.is_some(), guard.output_of.is_some()],
            "guard",
            guard.what.span,
            cx,
        );
    }
    if let Some(people) = head.practice.as_ref().and_then(|practice| practice.people)
        && people < 1
    {
        let problem = cx.problem(
            Code::OutOfRange,
            key_span(tree, &["practice", "people"]),
            format!("practice by {people} people, expected at least 1"),
        );
        cx.push(problem.help("a bus factor of two needs `people: 2`"));
    }
    for path in &head.files {
        check_path(path, cx);
    }
}

fn check_version(version: &Name, cx: &mut Cx) {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| {
        !part.is_empty()
            && part.len() <= 9
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let rest = &version[core.len()..];
    let rest_fits =
        rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+')) && rest.len() != 1;
    if core.split('.').count() == 3 && core.split('.').all(number) && rest_fits {
        return;
    }
    let problem = cx.problem(
        Code::BadVersion,
        version.span,
        format!("version `{}`, expected three numbers such as `1.2.0`", version.value),
    );
    let parts: Vec<_> = core.split('.').collect();
    cx.push(if parts.len() < 3 && parts.iter().all(|part| number(part)) {
        problem.help(format!("write `{core}{}`", ".0".repeat(3 - parts.len())))
    } else {
        problem.help("the first number rises when people must read it anew, the second with new steps, the third with small mends")
    });
}

fn check_day(day: &Name, cx: &mut Cx) {
    let whole = day.len() == 10 && NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok();
    if !whole {
        let problem = cx.problem(
            Code::BadDate,
            day.span,
            format!("`{}` is no day, expected one such as `\"2026-11-01\"`", day.value),
        );
        cx.push(problem.help("write year, month and day, each with its zeros"));
    }
}

fn exactly_one(keys: [&str; 2], there: [bool; 2], record: &str, span: crate::source::Span, cx: &mut Cx) {
    let [one, other] = keys;
    match there {
        [true, true] => {
            let problem = cx.problem(Code::Contradiction, span, format!("`{record}` with both `{one}` and `{other}`"));
            cx.push(problem.help("make two of it, one for each"));
        }
        [false, false] => {
            let problem = cx.problem(Code::MissingKey, span, format!("missing key `{one}` or `{other}` in `{record}`"));
            cx.push(problem.help(format!("add `{one}:` or `{other}:`")));
        }
        [true, false] | [false, true] => {}
    }
}

/// `files` lie beside the runbook or below.
fn check_path(path: &Name, cx: &mut Cx) {
    let out = path.starts_with(['/', '~'])
        || path.split('/').any(|part| part == "..")
        || path.contains('\\')
        || path.is_empty();
    if out {
        let problem = cx.problem(Code::OutsidePath, path.span, format!("`{}` leads out of the repository", path.value));
        cx.push(problem.help("name a file below the top of the repository, such as `scripts/rotate.sh`"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{load, problems_in};
    use crate::source::SourceFile;

    #[test]
    fn a_version_has_three_numbers() {
        for good in ["1.2.0", "0.0.1", "1.0.0-rc.1", "1.0.0+a"] {
            assert!(problems_in(&format!("version: {good}\nrepair: [x]\n")).is_empty(), "{good}");
        }
        for bad in ["1.2", "1", "v1.2.3", "01.2.3", "1.2.3.4", "1.2.x", "1.2.3-"] {
            assert_eq!(problems_in(&format!("version: {bad}\nrepair: [x]\n")).len(), 1, "{bad}");
        }
        let loaded = load("a", SourceFile::new("a.yaml", "locum: 1\ntitle: t\nversion: 1.10\nrepair: [x]\n"));
        assert_eq!(loaded.diagnostics[0].help, ["write `1.10.0`"]);
    }

    #[test]
    fn days_are_days() {
        let rest = "review: { last: 2026-02-30 }\nexpires: [{ what: x, date: 1.2.2026 }, { what: y }, { what: z, date: '2026-02-28', certificate: a }]\nrepair: [x]\n";
        assert_eq!(
            problems_in(rest),
            [
                "3:17 bad-date: `2026-02-30` is no day, expected one such as `\"2026-11-01\"`",
                "4:28 bad-date: `1.2.2026` is no day, expected one such as `\"2026-11-01\"`",
                "4:48 missing-key: missing key `certificate` or `date` in `expiry`",
                "4:61 contradiction: `expiry` with both `certificate` and `date`",
            ]
        );
    }

    #[test]
    fn a_guard_measures_one_thing() {
        let rest = "must_not_change: [{ what: a }, { what: b, files: [/x], output_of: y }]\npractice: { people: 0 }\nrepair: [x]\n";
        assert_eq!(
            problems_in(rest),
            [
                "3:27 missing-key: missing key `files` or `output_of` in `guard`",
                "3:40 contradiction: `guard` with both `files` and `output_of`",
                "4:13 out-of-range: practice by 0 people, expected at least 1",
            ]
        );
    }

    #[test]
    fn files_stay_in_the_repository() {
        assert_eq!(
            problems_in("files: [scripts/a.sh, /etc/x, a/../../b, ~/c]\nrepair: [x]\n"),
            [
                "3:23 outside-path: `/etc/x` leads out of the repository",
                "3:31 outside-path: `a/../../b` leads out of the repository",
                "3:42 outside-path: `~/c` leads out of the repository",
            ]
        );
    }
}
