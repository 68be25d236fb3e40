//! Whole sites in a folder of their own, and what stands in their HTML.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::*;
use crate::book::sample::{SOURCE, runbook};
use crate::book::{PageFacts, index, page};

fn parts() -> Vec<Part> {
    let runbook = runbook();
    let facts = PageFacts { ids: BTreeSet::from(["renew".to_owned()]), ..PageFacts::default() };
    let index = Part { title: String::new(), pages: index::pages(&[&runbook]) };
    vec![index, Part { title: "Runbooks".to_owned(), pages: vec![page(&runbook, SOURCE, &facts)] }]
}

fn built() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("site");
    build("A book", &parts(), &out, None).expect("a site");
    (folder, out)
}

/// A site that several tests read and none changes: path to text.
static SITE: LazyLock<BTreeMap<PathBuf, Vec<u8>>> = LazyLock::new(|| contents(&built().1));

fn contents(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(out)
        .into_iter()
        .map(|path| (path.strip_prefix(out).expect("inside").to_owned(), fs::read(&path).expect("read")))
        .collect()
}

fn text_of(page: &str) -> String {
    let bytes = SITE.get(Path::new(page)).unwrap_or_else(|| panic!("{page} is not in {:?}", SITE.keys()));
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn a_page_has_its_steps_commands_and_anchors() {
    let html = text_of("runbooks/renew.html");
    for text in [
        "id=\"renew\"",
        "id=\"restart\"",
        "./renew.sh -- {{ node }}",
        "class=\"language-sh\"",
        "<svg class=\"locum-flow\"",
        "href=\"#renew-again\"",
    ] {
        assert!(html.contains(text), "{text}");
    }
    for (page, text) in [
        ("index.html", "<h1 id=\"runbooks\">"),
        ("print.html", "Renew the leaf"),
        ("index/symptoms.html", "certificate has expired"),
    ] {
        assert!(text_of(page).contains(text), "{text} in {page}");
    }
}

#[test]
fn text_of_a_runbook_is_no_html_in_the_site() {
    for page in ["runbooks/renew.html", "print.html", "index/all.html", "toc.html", "index.html"] {
        let html = text_of(page);
        for text in ["<script>alert", "<b>ran", "<em>one", "onerror", "<img", "href=\"javascript:"] {
            assert!(!html.contains(text), "{text} in {page}");
        }
    }
    let html = text_of("runbooks/renew.html");
    assert!(html.contains("&lt;script&gt;alert(3)&lt;/script&gt;"), "it is there as text");
    assert!(html.contains("{{#include /etc/passwd}}") && !html.contains("root:x:"), "a directive is text");
}

#[test]
fn the_site_loads_nothing_from_a_network() {
    for path in SITE.keys() {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "html" | "css") {
            continue;
        }
        let text = text_of(&path.to_string_lossy());
        for part in [
            "src=\"http",
            "src=\"//",
            "url(http",
            "url(\"http",
            "url(//",
            "@import",
            "<link rel=\"stylesheet\" href=\"http",
            "cdnjs",
        ] {
            assert!(!text.contains(part), "{part} in {}", path.display());
        }
    }
}

#[test]
fn a_search_finds_a_symptom() {
    let index = SITE.keys().find(|path| path.to_string_lossy().starts_with("searchindex")).expect("a search index");
    assert!(text_of(&index.to_string_lossy()).contains("certificate has expired"));
}

#[test]
fn the_same_book_gives_the_same_site() {
    let second = contents(&built().1);
    assert_eq!(SITE.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    let differ: Vec<_> = SITE.iter().filter(|(path, bytes)| second[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("letter.txt"), "dear").expect("written");
    assert!(matches!(build("A book", &parts(), folder.path(), None), Err(SiteError::NotOurs(_))));
    assert_eq!(read(&folder.path().join("letter.txt")), "dear");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/tmp", &link).expect("a link");
    assert!(matches!(build("A book", &parts(), &link, None), Err(SiteError::NotOurs(_))));
}

#[test]
fn an_older_site_is_replaced_and_nothing_is_left_beside_it() {
    let (folder, out) = built();
    fs::write(out.join("old.html"), "old").expect("written");
    build("A book", &parts(), &out, None).expect("a site");
    assert!(!out.join("old.html").exists());
    let beside: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(beside, ["site"]);
}

#[test]
fn a_book_without_a_page_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(build("A book", &[], &folder.path().join("site"), None), Err(SiteError::Empty)));
}

/// The text of a page as a browser shows it from `file://`.
fn browse(page: &Path) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let address = format!("file://{}", page.display());
    let user = format!("--user-data-dir={}", profile.path().display());
    let options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--dump-dom",
    ];
    let words = options.iter().map(|word| (*word).to_owned()).chain([user, address]);
    duct::cmd("chromium", words).stderr_null().read().expect("chromium runs")
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_shows_a_page_from_its_file() {
    let (_folder, out) = built();
    let page = browse(&out.join("runbooks/renew.html"));
    assert!(page.contains("Renew the leaf") && page.contains("clip-button"), "the page and its copy buttons");
    assert!(!page.contains("<script>alert"), "nothing of the runbook runs");
    assert!(page.contains("All runbooks"), "the list of chapters is filled in by its script");
}
