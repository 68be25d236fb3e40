//! What is remembered of a site, so that the next build draws only what changed: for each page, what it was drawn from
//! and what came out, both as digests.
//!
//! It lies in the user's cache and not beside the pages, so that nobody can bring both. A page is taken from the older
//! site only if both digests fit; whatever is missing, damaged or made by another version is drawn again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::journal::Digest;

/// The first line: another version's memory is not used.
const HEAD: &str = concat!("locum book ", env!("CARGO_PKG_VERSION"), " 1");

/// What is remembered of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Of everything that the page was drawn from.
    pub source: Digest,
    /// Of the page itself.
    pub html: Digest,
}

/// What is remembered of a site: the address of a page within it, and the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(pub BTreeMap<String, Page>);

impl Kept {
    /// Where the memory of the site in `out` lies, below the user's cache.
    pub fn path(cache: &Path, out: &Path) -> PathBuf {
        let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
        let digest = Digest::of(out.as_os_str().as_encoded_bytes());
        cache.join("book").join(&digest.to_string()[..32])
    }

    /// What is remembered; nothing if that cannot be read.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let (body, seal) = text.trim_end_matches('\n').rsplit_once('\n').unwrap_or_default();
        if Digest::parse(seal.as_bytes()) != Some(Digest::of(body.as_bytes())) {
            return Self::default();
        }
        let Some(lines) = body.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix('\n')) else {
            return Self::default();
        };
        Self(lines.lines().filter_map(entry).collect())
    }

    /// Remembers, for the next build.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let lines = self.0.iter().map(|(url, page)| format!("\n{} {} {url}", page.source, page.html));
        let body = format!("{HEAD}\n{}", lines.collect::<String>().trim_start_matches('\n'));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, format!("{body}\n{}\n", Digest::of(body.as_bytes())).as_bytes())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// The page of the older site, if it is still what was drawn from this source.
    pub fn page(&self, url: &str, source: Digest, older: &Path) -> Option<String> {
        let page = self.0.get(url).filter(|page| page.source == source)?;
        let bytes = fs::read(older.join(url)).ok()?;
        if Digest::of(&bytes) == page.html { String::from_utf8(bytes).ok() } else { None }
    }
}

fn entry(line: &str) -> Option<(String, Page)> {
    let (source, rest) = line.split_once(' ')?;
    let (html, url) = rest.split_once(' ')?;
    let page = Page { source: Digest::parse(source.as_bytes())?, html: Digest::parse(html.as_bytes())? };
    Some((url.to_owned(), page))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let page = |text: &str| Page { source: Digest::of(b"source"), html: Digest::of(text.as_bytes()) };
        Kept(BTreeMap::from([("a.html".to_owned(), page("A")), ("b c.html".to_owned(), page("B"))]))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Kept::path(folder.path(), Path::new("site"));
        assert_eq!(Kept::read(&path), Kept::default());
        kept().write(&path).expect("written");
        assert_eq!(Kept::read(&path), kept());
        Kept::default().write(&path).expect("written");
        assert_eq!(Kept::read(&path), Kept::default());
    }

    #[test]
    fn one_wrong_byte_and_nothing_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("kept");
        kept().write(&path).expect("written");
        let bytes = fs::read(&path).expect("bytes");
        for at in 0..bytes.len() - 1 {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).expect("written");
            assert_eq!(Kept::read(&path), Kept::default(), "byte {at}");
            fs::write(&path, &bytes[..at]).expect("written");
            assert_eq!(Kept::read(&path), Kept::default(), "cut at {at}");
        }
    }

    #[test]
    fn a_page_is_taken_only_if_both_digests_fit() {
        let older = tempfile::tempdir().expect("a folder");
        fs::write(older.path().join("a.html"), "A").expect("written");
        let source = Digest::of(b"source");
        assert_eq!(kept().page("a.html", source, older.path()).as_deref(), Some("A"));
        assert_eq!(kept().page("a.html", Digest::of(b"other"), older.path()), None);
        assert_eq!(kept().page("b c.html", source, older.path()), None, "it is not there");
        fs::write(older.path().join("a.html"), "X").expect("written");
        assert_eq!(kept().page("a.html", source, older.path()), None);
    }

    #[test]
    fn two_sites_are_remembered_apart() {
        let cache = Path::new("/cache");
        assert_ne!(Kept::path(cache, Path::new("/a/site")), Kept::path(cache, Path::new("/b/site")));
    }
}
