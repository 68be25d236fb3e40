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

type Change = (&'static str, fn(&mut Vec<Part>));

/// What becomes of a book, one after the other.
fn changes() -> [Change; 4] {
    [
        ("nothing", |_| {}),
        ("a text, and a title", |parts| {
            parts[1].pages[0].markdown.push_str("\nOne more.\n");
            parts[0].pages[1].title.push_str(" anew");
        }),
        ("the first page, and one more", |parts| {
            parts[0].pages[0].markdown.push_str("\nOne more.\n");
            parts[0].pages.insert(1, plain("x/more.md"));
        }),
        ("the order, a place, and one page less", |parts| {
            parts.reverse();
            parts[0].pages[0].path = "elsewhere/renew.md".to_owned();
            parts[1].pages.remove(1);
        }),
    ]
}

fn plain(path: &str) -> Page {
    Page { path: path.to_owned(), title: "More".to_owned(), markdown: "# More\n\n[All](../index/all.md)\n".to_owned() }
}

#[test]
fn a_site_built_again_is_the_one_built_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (again, cache) = (folder.path().join("again"), folder.path().join("cache"));
    let mut parts = parts();
    for (number, (what, change)) in changes().into_iter().enumerate() {
        change(&mut parts);
        build("A book", &parts, &again, Some(&cache)).expect("a site");
        let anew = folder.path().join(format!("anew-{number}"));
        build("A book", &parts, &anew, None).expect("a site");
        let (again, anew) = (contents(&again), contents(&anew));
        assert!(again == anew, "after {what}: {:?}", again.iter().find(|(path, bytes)| anew.get(*path) != Some(bytes)));
    }
    build("Another title", &parts, &again, Some(&cache)).expect("a site");
    assert!(read(&again.join("elsewhere/renew.html")).contains("- Another title</title>"));
}

/// Two builds with one memory, and something done to the site between them: which pages are the same files as before.
fn kept_after(change: impl Fn(&mut Vec<Part>, &Path)) -> (Vec<String>, String) {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let (out, cache) = (folder.path().join("site"), folder.path().join("cache"));
    let mut parts = parts();
    build("A book", &parts, &out, Some(&cache)).expect("a site");
    let pages: Vec<String> = parts.iter().flat_map(|part| &part.pages).map(|page| url_of(&page.path)).collect();
    // The files stay where they are, so that no number of a file is given out again.
    let before = folder.path().join("before");
    fs::create_dir(&before).expect("a folder");
    for (number, page) in pages.iter().enumerate() {
        fs::hard_link(out.join(page), before.join(number.to_string())).expect("a link");
    }
    change(&mut parts, &out);
    build("A book", &parts, &out, Some(&cache)).expect("a site");
    let inode = |path: PathBuf| fs::metadata(path).expect("a file").ino();
    let same = |(number, page): (usize, &String)| {
        (inode(out.join(page)) == inode(before.join(number.to_string()))).then(|| page.clone())
    };
    (pages.iter().enumerate().filter_map(same).collect(), read(&out.join("runbooks/renew.html")))
}

#[test]
fn only_what_changed_is_drawn_again() {
    let all = kept_after(|_, _| {}).0;
    assert!(all.len() > 3 && all.contains(&"runbooks/renew.html".to_owned()), "{all:?}");
    let rest = kept_after(|parts, _| parts[1].pages[0].markdown.push('x')).0;
    assert_eq!(rest.len() + 1, all.len());
    assert!(!rest.contains(&"runbooks/renew.html".to_owned()));
}

#[test]
fn a_page_that_somebody_changed_in_the_site_is_drawn_again() {
    let text = text_of("runbooks/renew.html");
    let harm: [fn(&Path); 3] = [
        |page| fs::write(page, read(page).replace("renew.sh", "remove.sh")).expect("written"),
        |page| fs::remove_file(page).expect("removed"),
        |page| fs::write(page, [0xff, 0xfe]).expect("written"),
    ];
    for harm in harm {
        let (kept, now) = kept_after(|_, out| {
            // Not in place: the copy to compare with is the same file.
            let page = out.join("runbooks/renew.html");
            let copy = out.join("copy");
            fs::copy(&page, &copy).expect("copied");
            fs::rename(&copy, &page).expect("renamed");
            harm(&page);
        });
        assert_eq!(now, text);
        assert!(!kept.contains(&"runbooks/renew.html".to_owned()));
    }
}

#[test]
fn a_memory_of_another_site_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, cache) = (folder.path().join("site"), folder.path().join("cache"));
    build("A book", &parts(), &out, Some(&cache)).expect("a site");
    fs::remove_dir_all(&out).expect("removed");
    build("A book", &parts(), &out, Some(&cache)).expect("a site");
    assert!(contents(&out) == *SITE);
    fs::write(folder.path().join("no-folder"), "").expect("written");
    build("A book", &parts(), &out, Some(&folder.path().join("no-folder"))).expect("a site without a memory");
}

#[test]
fn a_page_has_a_place_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let parts = [Part { title: String::new(), pages: vec![plain("a.md"), plain("b.md"), plain("a.md")] }];
    let built = build("A book", &parts, &folder.path().join("site"), None);
    assert!(matches!(built, Err(SiteError::Twice(path)) if path == "a.md"));
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
