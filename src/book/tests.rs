//! Pages as Markdown, and beside them the text of `show`.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use super::sample::{SOURCE, runbook};
use super::*;

fn facts() -> PageFacts {
    PageFacts {
        digest: "sha256:ab".to_owned(),
        changed: vec![Change {
            day: "2026-11-01".to_owned(),
            by: "komari".to_owned(),
            what: "a <b> change".to_owned(),
        }],
        today: Some("2026-11-25".parse().expect("a day")),
        people: People::from_yaml("pepe: { zone: America/Santiago, reach: <phone> }").expect("people"),
        ids: ["other".to_owned(), "renew".to_owned()].into(),
        files: [("renew.sh".to_owned(), Ok("#!/bin/sh\necho {{#include x}} ``` </pre>\n".to_owned()))].into(),
    }
}

fn markdown() -> String {
    page(&runbook(), SOURCE, &facts()).markdown
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_GFM
}

/// The blocks of code of a page, in order, directives read back.
fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => open = Some(String::new()),
            Event::Text(text) => open.iter_mut().for_each(|open| open.push_str(&text)),
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            Event::Html(html) if html.starts_with("<pre><code") => {
                open =
                    Some(html.split_once("\">").or(html.split_once("code>")).map_or("", |(_, rest)| rest).to_owned());
            }
            Event::Html(html) if html.trim_end() == "</code></pre>" => {
                blocks.extend(open.take().map(|text| unescape(&text)));
            }
            Event::Html(html) => open.iter_mut().for_each(|open| open.push_str(&html)),
            _ => {}
        }
    }
    blocks
}

fn unescape(html: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#123;", "{"),
        ("&#125;", "}"),
        ("&amp;", "&"),
    ];
    pairs.iter().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn raw_html_of_a_runbook_is_text() {
    let markdown = markdown();
    for event in Parser::new_ext(&markdown, options()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                for tag in ["<script", "<b>ran", "<img", "<i>", "<em>one", "<phone", "onerror", "href=\"javascript"] {
                    assert!(!html.contains(tag), "{tag} in {html}");
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("a link to {dest_url}"),
            _ => {}
        }
    }
}

#[test]
fn no_directive_is_left_anywhere() {
    assert!(SOURCE.contains("{{#include"));
    assert!(!markdown().contains("{{#"), "also not in the file shown at the end, nor in a script");
}

#[test]
fn the_commands_of_a_page_are_the_bytes_that_show_prints() {
    let runbook = runbook();
    let shown = show(&runbook, &BTreeMap::new());
    let blocks = blocks(&markdown());
    let commands = [
        "./renew.sh -- {{ node }}",
        "./renew.sh --back -- {{ node }}",
        "crictl stop -- {{ pod }}",
        "curl -sf https://kyousuke:6443 <&-",
        "certificate {{ pki }}/leaf.crt valid_for 7 d",
        "cat /etc/passwd",
    ];
    for command in commands {
        let block = blocks
            .iter()
            .find(|block| block.trim_end().ends_with(command))
            .unwrap_or_else(|| panic!("{command} is not in {blocks:#?}"));
        assert!(shown.contains(&format!(":\n{block}")), "{block} is not in {shown}");
    }
}

#[test]
fn a_command_with_backticks_and_tags_is_whole() {
    let block =
        "cat <<'END' | tee /dev/null\n``` </code></pre><script>alert(3)</script>\nEND\n./renew.sh -- {{ node }}\n";
    assert!(blocks(&markdown()).iter().any(|found| found == block), "{:#?}", blocks(&markdown()));
}

#[test]
fn a_name_that_is_not_given_stays_as_written() {
    let shown = show(&runbook(), &BTreeMap::new());
    assert!(shown.contains("\n./renew.sh -- {{ node }}\n"), "{shown}");
    assert!(shown.contains("\ncrictl stop -- {{ pod }}\n"), "{shown}");
}

#[test]
fn every_step_has_its_anchor() {
    let runbook = runbook();
    let markdown = markdown();
    for (_, step) in runbook.steps() {
        let id = &step.id.value;
        assert!(
            markdown.lines().any(|line| line.starts_with("### ") && line.ends_with(&format!(" {{#{id}}}"))),
            "{id}"
        );
        assert!(markdown.contains(&format!("<a href=\"#{id}\"><rect")), "{id} in the picture");
    }
}

#[test]
fn people_have_their_clocks_and_reviews_their_due_day() {
    let markdown = markdown();
    assert!(markdown.contains("pepe (America/Santiago, UTC-3), &lt;phone&gt;"), "{markdown}");
    assert!(markdown.contains("reviewed 2026-11-01, every 90 d, due 2027-01-30"));
}

#[test]
fn branches_lead_to_steps_phases_and_runbooks() {
    let markdown = markdown();
    assert!(
        markdown.contains(
            "<b>if not</b>: go to <a href=\"#_repair\">Repair</a>. It ran out. See <a href=\"other.html\">other</a>."
        ),
        "{markdown}"
    );
    assert!(markdown.contains("<b>the CA</b>: STOP: stand still and ask. Renew nothing. See <a href=\"https://example.org/ca\">https://example.org/ca</a>."));
    assert!(markdown.contains("<b>if not</b>: go to <a href=\"#renew-again\">renew-again</a>"));
    assert!(
        markdown.contains("<a href=\"#\">javascript:alert(4)</a>") || markdown.contains("<br>javascript:alert(4)"),
        "{markdown}"
    );
}

#[test]
fn what_is_guarded_and_forbidden_is_said() {
    let markdown = markdown();
    for text in [
        "nothing in the scope",
        "Must not change",
        "A new &lt;CA&gt;.",
        "kubeadm init phase certs: it makes a new CA",
        "May change",
        "<code>!ca.*</code>",
    ] {
        assert!(text == "nothing in the scope" || markdown.contains(text), "{text}");
    }
    assert!(markdown.contains("<div>nothing in the scope</div>"), "the restart lists nothing");
}

#[test]
fn the_same_runbook_gives_the_same_page() {
    assert_eq!(markdown(), markdown());
}

#[test]
fn the_picture_is_one_line_and_balanced() {
    let markdown = markdown();
    let svg = markdown.lines().find(|line| line.contains("<svg")).expect("a picture");
    assert!(svg.ends_with("</svg></div>"));
    for tag in ["a", "rect", "text", "path"] {
        assert_eq!(svg.matches(&format!("<{tag} ")).count(), svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert!(svg.contains("&lt;script&gt;") || !svg.contains("<script"), "{svg}");
    assert!(svg.contains("the CA: STOP"), "{svg}");
}

#[test]
fn indexes_lead_to_the_pages() {
    let runbook = runbook();
    let pages = index::pages(&[&runbook]);
    let paths: Vec<_> = pages.iter().map(|page| page.path.as_str()).collect();
    assert_eq!(paths, ["index/all.md", "index/services.md", "index/symptoms.md", "index/alerts.md"]);
    for page in &pages {
        assert!(page.markdown.contains("](../runbooks/renew.md) (critical)"), "{}", page.markdown);
        assert!(!page.markdown.contains("<script") && !page.markdown.contains("<i>"), "{}", page.markdown);
    }
    assert_eq!(index::pages(&[]).len(), 1);
}

#[test]
fn inputs_can_be_lists() {
    let inputs =
        BTreeMap::from([("pods".to_owned(), Value::from(vec!["etcd"])), ("node".to_owned(), Value::from("kyousuke"))]);
    let values = commands::values_of(&runbook(), &inputs);
    assert_eq!(values.get_list("pods"), Some(vec!["etcd".to_owned()]));
    assert_eq!(values.get_text("node").as_deref(), Some("kyousuke"));
}

#[test]
fn with_all_inputs_a_page_shows_what_a_run_executes() {
    use std::sync::Arc;

    use crate::engine::record::{Mode, RunbookRef, Who};
    use crate::engine::resolve::Resolver;
    use crate::engine::run::Opened;
    use crate::engine::{Key, Plan, Run};

    let inputs =
        BTreeMap::from([("node".to_owned(), Value::from("kyo usuke")), ("pods".to_owned(), Value::from(vec!["etcd"]))]);
    let (who, runbook_ref) = (Who::default(), RunbookRef::default());
    let mut run = Run::new("x");
    run.opened = Some(Opened {
        who,
        tz: "UTC".to_owned(),
        runbook: runbook_ref,
        mode: Mode::Live,
        inputs: inputs.clone(),
        lab: None,
        cwd: "/".to_owned(),
        at: String::new(),
    });
    let plan = Plan::new(Arc::new(runbook()));
    let shown = show(&runbook(), &inputs);
    for id in ["clock", "leaf", "renew", "served"] {
        let executed = Resolver::new(&plan, &run, None).step(&Key::new(id)).expect("all is known").shown();
        assert!(shown.contains(&format!(":\n{}\n", executed.trim_end())), "{executed} is not in {shown}");
    }
    assert!(shown.contains("./renew.sh -- 'kyo usuke'"), "{shown}");
}
