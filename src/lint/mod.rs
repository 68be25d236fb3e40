//! Advice on a runbook that could be run: one file a rule.
//!
//! What keeps a runbook from being run is found by `load`; the rules here only warn.

mod comment_cut;
mod never_taken;
mod no_deputy;
mod no_review;
mod no_way_back;
mod repair_unproved;
#[cfg(test)]
mod shown;
mod typographic;
mod unquoted_value;

use crate::diagnostic::Diagnostic;
use crate::load::Loaded;
use crate::model::Runbook;
use crate::source::SourceFile;

/// A rule pushes what it finds.
type Rule = fn(&Ground, &mut Vec<Diagnostic>);

const RULES: [Rule; 8] = [
    comment_cut::check,
    never_taken::check,
    no_deputy::check,
    no_review::check,
    no_way_back::check,
    repair_unproved::check,
    typographic::check,
    unquoted_value::check,
];

/// What a rule looks at.
struct Ground<'a> {
    file: &'a SourceFile,
    runbook: &'a Runbook,
}

/// Every problem of a file, errors of the loader and warnings of the rules, in the order of the file.
pub fn lint(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut problems = loaded.diagnostics.clone();
    if let Some(runbook) = loaded.draft.as_ref().or(loaded.runbook.as_ref()) {
        let ground = Ground { file: &loaded.file, runbook };
        for rule in RULES {
            rule(&ground, &mut problems);
        }
    }
    problems.sort_by_key(|problem| problem.primary.span);
    problems
}

/// Warnings as `line:column code: message`, for the tests of the rules.
#[cfg(test)]
fn warnings_in(rest: &str) -> Vec<String> {
    let file = SourceFile::new("a.yaml", format!("locum: 1\ntitle: A test\n{rest}"));
    let loaded = crate::load::load("a", file);
    let problems = lint(&loaded);
    let line = |problem: &Diagnostic| {
        assert!(!problem.help.is_empty(), "no remedy: {}", problem.message);
        let place = loaded.file.place(problem.primary.span.start);
        format!("{}:{} {}: {}", place.line, place.column, problem.code.name(), problem.message)
    };
    problems.iter().filter(|problem| !problem.is_error()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::load::load;

    /// What is shown by `locum explain`: each example has its problem, and no other.
    #[test]
    fn every_code_has_an_example_with_just_this_problem() {
        let mut wrong = Vec::new();
        for code in Code::ALL {
            let (file, problem) = crate::yaml::read_text("example.yaml", code.example().to_vec());
            let problems = problem.map_or_else(|| lint(&load("example", file)), |problem| vec![problem]);
            let found: Vec<_> =
                problems.iter().map(|problem| (problem.code.name(), problem.message.as_str())).collect();
            if found.is_empty() || found.iter().any(|(name, _)| *name != code.name()) {
                wrong.push(format!("{}: {found:?}", code.name()));
            }
            assert!(problems.iter().all(|problem| !problem.help.is_empty()), "{}: no remedy", code.name());
            assert!(code.explanation().ends_with('.') && code.explanation().len() > 30, "{}", code.name());
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_code_is_known_by_its_name() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(*code));
        }
        assert_eq!(Code::from_name("no-such-code"), None);
    }

    /// The two examples at the top of the format's description.
    #[test]
    fn small_runbooks_have_no_problem() {
        for text in [
            "locum: 1\ntitle: The forum is slow\nrepair:\n  - Restart the queue worker.\n",
            r#"locum: 1
title: A client certificate for the API server is about to expire
alerts: [KubeClientCertificateExpiration]
diagnose:
  - check: { certificate: ~/.kube/config, valid_for: 7d }
  - Look at the service accounts and their tokens.
repair: [ "Update the client certificate. For clients in the cluster, recreate their pods." ]
verify: [ { check: { certificate: ~/.kube/config, valid_for: 30d } } ]
"#,
        ] {
            let problems = lint(&load("a", SourceFile::new("a.yaml", text)));
            assert!(problems.is_empty(), "{}", problems[0].message);
        }
    }

    #[test]
    fn errors_and_warnings_stand_in_the_order_of_the_file() {
        let text = "locum: 1\ntitle: t\nowner: komari\nrepair:\n  - { change: x, then: nowhere }\n";
        let problems = lint(&load("a", SourceFile::new("a.yaml", text)));
        let codes: Vec<_> = problems.iter().map(|problem| problem.code.name()).collect();
        assert_eq!(codes, ["no-review", "no-deputy", "no-way-back", "repair-unproved", "unknown-destination"]);
    }
}
