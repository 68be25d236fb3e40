//! The site is the one that mdBook would make: every file is compared with those of its own renderer.

use std::collections::BTreeMap;
use std::string::FromUtf8Error;

use mdbook_html::HtmlHandlebars;
use mdbook_renderer::book::{Book, BookItem, Chapter};
use mdbook_renderer::{RenderContext, Renderer as _};

use super::frame::{Drawn, config};
use super::*;
use crate::book::{PageFacts, index, page};
use crate::workspace::Workspace;

/// Everything that Markdown can do, and what can go wrong with links and ids.
const ODD: &str = r##"Text before *any* heading, `code`, <b class="x" title='a "quoted" > one'>bold</b> & more.[^1]

[^1]: A footnote, with [a link](../index/all.md#runbooks).

# One <i class="fa fa-copy"></i> heading {#own .class}

# One heading

## It's "quoted" \ and — ünïcode 日本

<div id="own"><p id="one-heading">The same ids again. <a href="#own">own</a> <a href="odd.html">self</a></p>text</div>

- [ ] to do
- [x] done, [elsewhere](https://example.org/a.md#b), [page](sub/deep.md), [gone](../nowhere.md), [top](/x.md)

![a picture](picture.png "title") [![linked](p.png)](x.md)

| a | b |
|:--|--:|
| 1 | it's \| 2 |

```sh hidelines=#
# a comment-with-hyphens
echo "it's" && printf '\n\\'
```

<script>var notSearched = "<p id='x'>";</script>
<style>p > b { color: red }</style>
<!-- a comment with <b id="no"> in it -->
<svg viewBox="0 0 1 1"><a xlink:href="odd.md#own"><text>words in a picture</text></a><path d="M0"/></svg>

#### Deep

Last     words,	with   space.
***
"##;

/// The book of this repository, and pages that are made to be difficult.
fn parts() -> Vec<Part> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = Workspace::find(None, top).expect("the runbooks");
    let load = |id: String| {
        let loaded = workspace.load(&id).expect("a runbook");
        let text = loaded.file.text().to_owned();
        (loaded.runbook.expect("a valid runbook"), text)
    };
    let runbooks: Vec<_> = workspace.ids().expect("ids").into_iter().map(load).collect();
    let facts =
        PageFacts { ids: runbooks.iter().map(|(runbook, _)| runbook.id.clone()).collect(), ..PageFacts::default() };
    let list: Vec<_> = runbooks.iter().map(|(runbook, _)| runbook).collect();
    let pages = runbooks.iter().map(|(runbook, text)| page(runbook, text, &facts)).collect();
    let odd = |path: &str, title: &str, markdown: &str| Page {
        path: path.to_owned(),
        title: title.to_owned(),
        markdown: markdown.to_owned(),
    };
    let mut parts = chapters::read(&top.join("book/src")).expect("chapters");
    parts.push(Part {
        title: "Odd <ones> & \"others\"".to_owned(),
        pages: vec![
            odd("odd/odd.md", "Odd's \"page\" <b>", ODD),
            odd("odd/sub/deep.md", "Deep", "Without a heading. [Back](../odd.md#own), [up](../../runbooks)\n"),
            odd("odd/empty.md", "Empty", ""),
            odd("odd/again.md", "Empty", ODD),
        ],
    });
    parts.push(Part { title: "Find a runbook".to_owned(), pages: index::pages(&list) });
    parts.push(Part { title: "Runbooks".to_owned(), pages });
    parts
}

/// The same book by mdBook's renderer alone.
fn by_mdbook(parts: &[Part], folder: &Path) -> PathBuf {
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("locum.css"), include_str!("locum.css")).expect("written");
    let mut items = Vec::new();
    for part in parts {
        if !part.title.is_empty() {
            items.push(BookItem::PartTitle(part.title.clone()));
        }
        items.extend(
            part.pages.iter().map(|page| {
                BookItem::Chapter(Chapter::new(&page.title, page.markdown.clone(), &page.path, Vec::new()))
            }),
        );
    }
    let config = config("A book", "locum.css", Drawn::Book).expect("settings");
    let site = folder.join("site");
    let context = RenderContext::new(folder, Book::new_with_items(items), config, &site);
    HtmlHandlebars::new().render(&context).expect("a site");
    site
}

/// Path to contents; the names of two scripts are written without the digest of what they hold.
fn contents(site: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = files_below(site).expect("files");
    let names: Vec<_> = files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let digests: Vec<(&String, String)> = names
        .iter()
        .filter(|name| name.starts_with("toc-") || name.starts_with("searchindex-"))
        .map(|name| (name, format!("{}.js", name.split('-').next().expect("a name"))))
        .collect();
    let plain = |mut text: String| {
        for (name, plain) in &digests {
            text = text.replace(name.as_str(), plain);
        }
        text
    };
    let mut contents = BTreeMap::new();
    for name in &names {
        let bytes = fs::read(site.join(name)).expect("a file");
        let bytes = String::from_utf8(bytes).map_or_else(FromUtf8Error::into_bytes, |text| plain(text).into_bytes());
        contents.insert(plain(name.clone()), bytes);
    }
    contents
}

fn search(script: &[u8]) -> serde_json::Value {
    let script = String::from_utf8_lossy(script);
    let json = script.split_once("JSON.parse('").expect("a script").1.rsplit_once("')").expect("its end").0;
    serde_json::from_str(&json.replace("\\'", "'").replace("\\\\", "\\")).expect("JSON")
}

#[test]
fn every_file_is_as_mdbook_makes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let parts = parts();
    let out = folder.path().join("ours");
    build("A book", &parts, &out, None).expect("a site");
    let (mut ours, theirs) = (contents(&out), contents(&by_mdbook(&parts, folder.path())));
    assert!(ours.remove(MARK).is_some());
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    assert!(ours.len() > 40, "{}", ours.len());
    for (name, bytes) in &ours {
        if name == "searchindex.js" {
            let (ours, theirs) = (search(bytes), search(&theirs[name]));
            assert_eq!(ours["index"]["documentStore"], theirs["index"]["documentStore"]);
            assert!(ours == theirs, "the search index differs");
        } else if *bytes != theirs[name] {
            let (ours, theirs) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&theirs[name]));
            let line = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
            panic!("{name} differs: {line:?}");
        }
    }
}
