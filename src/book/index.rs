//! Pages that lead to a runbook: all of them, by service, by what one sees, by alert.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Page, title_of};
use crate::model::Runbook;
use crate::text::markdown::{code, inline};

/// The index pages, those without entries left out. The list of all runbooks comes first.
pub fn pages(runbooks: &[&Runbook]) -> Vec<Page> {
    let services = |runbook: &Runbook| runbook.head.service.iter().map(|name| inline(&name.value)).collect();
    let symptoms = |runbook: &Runbook| runbook.head.symptoms.iter().map(|text| code(text)).collect();
    let alerts = |runbook: &Runbook| runbook.head.alerts.iter().map(|name| code(&name.value)).collect();
    let mut pages = vec![all(runbooks)];
    pages.extend(by("services", "By service", runbooks, &services));
    pages.extend(by("symptoms", "By what you see", runbooks, &symptoms));
    pages.extend(by("alerts", "By alert", runbooks, &alerts));
    pages
}

fn link(runbook: &Runbook) -> String {
    let severity = runbook.head.severity.map_or_else(String::new, |severity| format!(" ({})", severity.word()));
    format!("[{}](../runbooks/{}.md){severity}", inline(title_of(runbook)), runbook.id)
}

fn all(runbooks: &[&Runbook]) -> Page {
    let mut markdown = "# Runbooks\n\n".to_owned();
    if runbooks.is_empty() {
        markdown.push_str("There are none yet.\n");
    }
    for runbook in runbooks {
        let summary = runbook.head.summary.as_ref().map_or_else(String::new, |text| format!(": {}", inline(text)));
        let draft = if runbook.head.status.is_some() { " **draft**" } else { "" };
        let _ = writeln!(markdown, "- {}{draft}{summary}", link(runbook));
    }
    Page { path: "index/all.md".to_owned(), title: "All runbooks".to_owned(), markdown }
}

type Keys<'a> = &'a dyn Fn(&Runbook) -> Vec<String>;

fn by(name: &str, title: &str, runbooks: &[&Runbook], keys: Keys) -> Option<Page> {
    let mut entries: BTreeMap<String, Vec<&Runbook>> = BTreeMap::new();
    for runbook in runbooks {
        for key in keys(runbook) {
            entries.entry(key).or_default().push(runbook);
        }
    }
    if entries.is_empty() {
        return None;
    }
    let mut markdown = format!("# {title}\n\n");
    for (key, runbooks) in entries {
        let links: Vec<_> = runbooks.into_iter().map(link).collect();
        let _ = writeln!(markdown, "- {key}: {}", links.join(", "));
    }
    Some(Page { path: format!("index/{name}.md"), title: title.to_owned(), markdown })
}
