//! The book says what the code does: tables are written from the code, and the shipped runbooks have pages.
//!
//! `UPDATE=1 cargo test chapters` writes the tables anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use locum::book::{PageFacts, page, show};
use locum::diagnostic::{Code, Severity};
use locum::engine::Exit;
use locum::model::Target;
use locum::model::branch::{FullBranch, FullChoice};
use locum::model::fields::{FullCapture, FullExpect, FullUndo};
use locum::model::probe::{
    CertificateProbe, ClockProbe, DiskProbe, DnsProbe, FileProbe, HttpProbe, ProcessProbe, SystemdProbe, TcpProbe,
};
use locum::model::runbook::{
    Expiry, Forbidden, FullInput, Guard, IfBroken, Lab, Practice, Review, Scope, WrittenRunbook,
};
use locum::model::shape::{Field, Needed};
use locum::model::step::WrittenStep;
use locum::workspace::Workspace;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "a test is an edge: whoever calls it says that tables are to be written")]
fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// What stands between `<!-- generated: NAME -->` and `<!-- end -->` is `text`; with UPDATE it is made so.
fn holds(chapter: &str, name: &str, text: &str) {
    let path = root().join("book/src").join(chapter);
    let whole = std::fs::read_to_string(&path).expect("the chapter");
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = whole.split_once(&begin).unwrap_or_else(|| panic!("{chapter} has no `{name}`"));
    let (found, after) = rest.split_once("<!-- end -->").expect("an end");
    let wanted = format!("\n{}\n\n", text.trim());
    if found != wanted && update() {
        std::fs::write(&path, format!("{before}{begin}{wanted}<!-- end -->{after}")).expect("written");
        return;
    }
    assert!(
        found == wanted,
        "{chapter}: the part `{name}` is not what the code says; run `UPDATE=1 cargo test chapters`\n{wanted}"
    );
}

fn table(fields: &[Field]) -> String {
    let row = |out: &mut String, field: &Field| {
        let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
        let needed = if field.needed == Needed::Required { ", **required**" } else { "" };
        let _ =
            writeln!(out, "| `{}` | {}{needed} | {} |", field.name, cell(&field.shape.expected()), cell(field.about));
    };
    let mut out = "| key | value | meaning |\n|---|---|---|\n".to_owned();
    for field in fields {
        row(&mut out, field);
    }
    out
}

fn later(keys: &[&str]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("\nPart of the format, but not built yet: {}.\n", keys.join(", "))
}

#[test]
fn the_chapter_on_the_format_has_every_key() {
    holds("format.md", "runbook", &(table(&WrittenRunbook::fields()) + &later(WrittenRunbook::LATER)));
    holds("format.md", "step", &(table(&WrittenStep::fields()) + &later(WrittenStep::LATER)));
    let records: [(&str, Vec<Field>, &[&str]); 24] = [
        ("inputs", FullInput::fields(), FullInput::LATER),
        ("review", Review::fields(), Review::LATER),
        ("practice", Practice::fields(), Practice::LATER),
        ("scope", Scope::fields(), Scope::LATER),
        ("targets", Target::fields(), Target::LATER),
        ("must_not_change", Guard::fields(), Guard::LATER),
        ("if_broken", IfBroken::fields(), IfBroken::LATER),
        ("forbidden", Forbidden::fields(), Forbidden::LATER),
        ("expires", Expiry::fields(), Expiry::LATER),
        ("labs", Lab::fields(), Lab::LATER),
        ("expect", FullExpect::fields(), FullExpect::LATER),
        ("capture", FullCapture::fields(), FullCapture::LATER),
        ("undo", FullUndo::fields(), FullUndo::LATER),
        ("if_not", FullBranch::fields(), FullBranch::LATER),
        ("choices", FullChoice::fields(), FullChoice::LATER),
        ("certificate", CertificateProbe::fields(), CertificateProbe::LATER),
        ("http", HttpProbe::fields(), HttpProbe::LATER),
        ("tcp", TcpProbe::fields(), TcpProbe::LATER),
        ("dns", DnsProbe::fields(), DnsProbe::LATER),
        ("disk", DiskProbe::fields(), DiskProbe::LATER),
        ("file", FileProbe::fields(), FileProbe::LATER),
        ("process", ProcessProbe::fields(), ProcessProbe::LATER),
        ("systemd", SystemdProbe::fields(), SystemdProbe::LATER),
        ("clock", ClockProbe::fields(), ClockProbe::LATER),
    ];
    let mut sections = String::new();
    for (name, fields, keys) in &records {
        let _ = writeln!(sections, "### `{name}`\n\n{}{}", table(fields), later(keys));
    }
    holds("format.md", "records", &sections);
}

#[test]
fn the_chapter_on_exit_codes_is_the_table_of_the_code() {
    let mut table = "| code | meaning |\n|---|---|\n".to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(table, "| {} | {} |", exit.code(), exit.meaning());
    }
    holds("exit-codes.md", "exit codes", &table);
}

#[test]
fn every_code_of_lint_has_its_paragraph() {
    let mut text = String::new();
    for code in Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "Error.",
            Severity::Warning => "Warning.",
            Severity::Note => "Note.",
        };
        let _ = writeln!(text, "## `{}`\n\n{severity} {}\n", code.name(), code.explanation());
    }
    holds("codes.md", "codes", &text);
}

#[test]
fn chapters_are_linked_and_lead_somewhere() {
    let folder = root().join("book/src");
    let summary = std::fs::read_to_string(folder.join("SUMMARY.md")).expect("the summary");
    for entry in std::fs::read_dir(&folder).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is in no list");
    }
    let parts = locum::site::chapters::read(&folder).expect("the chapters");
    let pages: Vec<_> = parts.iter().flat_map(|part| &part.pages).collect();
    assert_eq!(pages[0].path, "introduction.md");
    for page in &pages {
        for link in page.markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let known = pages.iter().any(|page| page.path == link) || link.starts_with("index/");
            assert!(known, "{}: {link} leads nowhere", page.path);
        }
    }
}

#[test]
fn examples_of_runbooks_in_the_chapters_load() {
    let text = std::fs::read_to_string(root().join("book/src/format.md")).expect("the chapter");
    let examples: Vec<_> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|text| text.starts_with("locum:"))
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        let loaded = locum::load::load("example", locum::source::SourceFile::new("example.yaml", example));
        assert!(
            loaded.runbook.is_some(),
            "{:?}",
            loaded.diagnostics.iter().map(|problem| &problem.message).collect::<Vec<_>>()
        );
    }
    assert!(locum::book::People::from_yaml("komari: { zone: Europe/Copenhagen, reach: \"the phone list, first page\" }\npepe: { zone: America/Santiago }\n").is_ok());
}

#[test]
fn every_shipped_runbook_has_a_page_with_the_commands_that_show_prints() {
    let workspace = Workspace::find(Some(Path::new("runbooks")), &root()).expect("the runbooks");
    let ids = workspace.ids().expect("their ids");
    assert!(ids.iter().any(|id| id == "certificate-expired"), "{ids:?}");
    for id in ids {
        let loaded = workspace.load(&id).expect("it loads");
        let source = loaded.file.text().to_owned();
        let runbook = loaded.runbook.unwrap_or_else(|| panic!("{id} is invalid"));
        let page = page(&runbook, &source, &PageFacts::default());
        let shown = show(&runbook, &BTreeMap::new());
        assert_eq!(page.path, format!("runbooks/{id}.md"));
        let fences: Vec<_> = page
            .markdown
            .split("\n```sh\n")
            .skip(1)
            .filter_map(|rest| rest.split("\n```\n").next())
            .filter(|text| !text.starts_with("locum "))
            .collect();
        for command in &fences {
            assert!(shown.contains(&format!(":\n{command}\n")), "{id}: `{command}` is not what show prints");
        }
        for (_, step) in runbook.steps() {
            assert!(page.markdown.contains(&format!("{{#{}}}", step.id.value)), "{id}: {}", step.id.value);
        }
    }
}
