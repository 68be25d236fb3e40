//! Reports of whole runs.

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::sample::{ATTACK, broken, done, plan, run};
use super::*;
use crate::engine::record::Mode;

fn tokyo() -> Zone {
    "Asia/Tokyo".parse().expect("a zone")
}

fn report(records: &[crate::engine::Record]) -> String {
    markdown(&plan(), &run(records), Reader { zone: tokyo() })
}

#[test]
fn the_first_ten_lines_say_what_has_to_be_known() {
    let report = report(&broken(Mode::Live));
    let head: Vec<_> = report.lines().take(10).collect();
    insta::assert_snapshot!(head.join("\n"), @"
    # LIVE: Renew the certificate of forum, run 7f3a-k2

    - **Where:** kyousuke, in `/srv`
    - **Who:** pepe (claimed, not proved), as user 1000, zone Europe/Berlin
    - **When:** began 2026-11-25 03:20:00 CET (02:20:00 UTC; 11:20 JST yours); newest record 2026-11-25 03:27:00 CET (02:27:00 UTC; 11:27 JST yours)
    - **State:** **FROZEN: a guard is broken**, 2 of 4 steps reached
    - **Found:** 0 ok, 1 FAULT, 0 cannot tell
    - **Open:** 1 guarded thing is not as it was
    - **Do not touch:** <code>/srv/&#123;&#123; x &#125;&#125;/tls</code>; **do not restart the server**
    - **Next:** `locum resume 7f3a-k2`: go the way back, or ask first. Change nothing by hand
    ");
}

#[test]
fn a_broken_guard_is_said_with_both_values_and_what_it_means() {
    let report = report(&broken(Mode::Live));
    assert!(
        report.contains("`/srv/tls/ca.crt` contents, was `sha256:a1a1a1a1a1a1…`, is `sha256:b2b2b2b2b2b2…`"),
        "{report}"
    );
    assert!(report.contains("**BROKEN**, measured 2026-11-25 03:26:00 CET"), "{report}");
    assert!(report.contains("- **What it means:** A new CA is trusted by nobody."));
    assert!(report.contains("the copy of 63 files, read back; **open**, can be taken"));
}

#[test]
fn who_did_what_is_said_with_command_and_confirmation() {
    let report = report(&done());
    assert!(report.contains("pepe **changed**, attempt `1-5-aaaa`."));
    assert!(report.contains("```sh\n./renew -- forum\n```\n"));
    assert!(report.contains("- confirmed: typed `renew`"));
    assert!(
        report.contains("- passed, exit 0, after 5.2 s, 2026-11-25 03:26:00 CET (02:26:00 UTC; 11:26 JST yours)"),
        "{report}"
    );
    assert!(report.contains("- by `renew`:\n  - `/srv/tls/leaf.crt` contents"));
    assert!(report.contains("`blobs/1-5-aaaa.out`, 4096 bytes, **cut**, 1024 bytes kept, sha256 `abab"));
}

#[test]
fn a_run_that_went_well_says_so_and_says_what_was_skipped() {
    let report = report(&done());
    assert!(
        report.contains("- **State:** **closed: done, every verify step passed**, 4 of 4 steps reached"),
        "{report}"
    );
    assert!(report.contains("- **skipped** (all asleep): Tell people (`tell`)"));
    assert!(report.contains("- **Open:** nothing"));
    assert!(
        report.ends_with("2026-11-25 03:30:00 CET (02:30:00 UTC; 11:30 JST yours): done, every verify step passed.\n"),
        "{report}"
    );
}

#[test]
fn a_drill_is_loud() {
    let report = report(&broken(Mode::Drill));
    assert!(report.starts_with("# DRILL: "));
    assert!(report.contains("- **Where:** the lab default on kyousuke"));
    assert!(report.contains("**This was a DRILL"));
}

#[test]
fn what_was_typed_or_printed_is_text() {
    let report = report(&broken(Mode::Live));
    assert!(!report.contains("{{#") && !report.contains('\x1b') && !report.contains('\u{202e}'));
    let events = || Parser::new_ext(&report, Options::ENABLE_TABLES | Options::ENABLE_GFM);
    for event in events() {
        let active = matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Table(_)));
        assert!(!active, "{event:?}");
        if let Event::Html(html) | Event::InlineHtml(html) = event {
            assert!(matches!(&*html, "<code>" | "</code>"), "{html}");
        }
    }
    let text: String = events()
        .filter_map(|event| match event {
            Event::Text(text) => Some(text.to_string()),
            _ => None,
        })
        .collect();
    let seen = ATTACK.replace('\u{202e}', "<U+202E>").replace("\x1b[2J", "");
    assert_eq!(text.matches(seen.trim()).count(), 3, "as a finding, as what a look found, as a note: {text}");
}

#[test]
fn a_report_depends_on_records_alone() {
    let records = broken(Mode::Live);
    let lines: Vec<_> = records.iter().map(|record| serde_json::to_string(record).expect("a record is JSON")).collect();
    let read: Vec<_> = lines.iter().map(|line| serde_json::from_str(line).expect("it reads back")).collect();
    assert_eq!(report(&records), report(&read));
}

#[test]
fn a_run_of_which_nothing_is_known_has_a_report() {
    let report = markdown(&plan(), &Run::new("x"), Reader { zone: tokyo() });
    assert!(report.contains("- **Who:** not known"));
    assert!(report.contains("Not measured: nothing was changed yet."));
}

#[test]
fn each_record_is_one_line_in_the_readers_zone() {
    let lines: Vec<_> = broken(Mode::Drill).iter().map(|record| log_line(record, tokyo())).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    1.1   2026-11-25 11:20:00 JST  pepe opened a DRILL run of site 1.2.0 on kyousuke -> look
    1.2   2026-11-25 11:21:00 JST  look: look began: test -e x
    1.3   2026-11-25 11:22:00 JST  look: FAILED, exit 1: <script>x</script> | [a](http://b) {{#include /etc/passwd}} `x` <U+202E> -> before repair
    1.4   2026-11-25 11:23:00 JST  note: I fear <script>x</script> | [a](http://b) {{#include /etc/passwd}} `x` <U+202E>
    1.5   2026-11-25 11:24:00 JST  went on: entered repair -> renew
    1.6   2026-11-25 11:25:00 JST  renew: change began, confirmed typed "renew": ./renew -- forum
    1.7   2026-11-25 11:26:00 JST  guards after: BROKEN: /srv/tls/ca.crt contents
    1.8   2026-11-25 11:27:00 JST  renew: passed, exit 0 -> FROZEN
    "#);
}

#[test]
fn runs_are_a_table() {
    let rows = [
        Row { id: "7f3a-k2".to_owned(), run: Ok(run(&done())) },
        Row { id: "8b01-x9".to_owned(), run: Ok(run(&broken(Mode::Drill))) },
        Row { id: "torn".to_owned(), run: Err("line 3 is damaged".to_owned()) },
    ];
    insta::assert_snapshot!(runs_table(&rows, Zone::UTC, usize::MAX), @"
    RUN      RUNBOOK  MODE   STATE         STANDS                                  SINCE                 BY
    7f3a-k2  site     LIVE   closed        closed: done, every verify step passed  2026-11-25 02:30 UTC  pepe@kyousuke
    8b01-x9  site     DRILL  GUARD BROKEN  FROZEN: a guard is broken               2026-11-25 02:27 UTC  pepe@kyousuke
    torn     -        -      UNREADABLE    line 3 is damaged                       -                     -
    ");
    assert_eq!(runs_table(&[], Zone::UTC, usize::MAX), "no runs\n");
}

#[test]
fn without_room_for_a_table_each_run_is_a_few_lines() {
    let rows = [Row { id: "7f3a-k2".to_owned(), run: Ok(run(&done())) }];
    insta::assert_snapshot!(runs_table(&rows, Zone::UTC, 40), @"
    7f3a-k2  LIVE  closed
      site
      closed: done, every verify step passed
      2026-11-25 02:30 UTC
      pepe@kyousuke
    ");
}
