//! Chapters written by hand: `SUMMARY.md` and what it names, from one folder and from nowhere else.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::{Part, SiteError};
use crate::book::Page;

/// The largest chapter, in bytes.
const MAX_CHAPTER: u64 = 4 << 20;

/// The parts that a `SUMMARY.md` lists, in its order; nothing where the folder has none.
///
/// Of the format of mdBook these are read: `# Part` and `- [Title](file.md)`, indented or not.
pub fn read(folder: &Path) -> Result<Vec<Part>, SiteError> {
    let summary = folder.join("SUMMARY.md");
    if !summary.is_file() {
        return Ok(Vec::new());
    }
    let root = fs::canonicalize(folder).map_err(reading(folder))?;
    let mut parts = vec![Part { title: String::new(), pages: Vec::new() }];
    for line in text(&root, &summary)?.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix("# ").filter(|title| *title != "Summary") {
            parts.push(Part { title: title.to_owned(), pages: Vec::new() });
        } else if let (Some((title, path)), Some(part)) = (entry(line), parts.last_mut()) {
            let path = path.trim_start_matches("./");
            if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(SiteError::Outside { path: PathBuf::from(path), root });
            }
            let markdown = text(&root, &folder.join(path))?;
            part.pages.push(Page { path: path.to_owned(), title: title.to_owned(), markdown });
        }
    }
    parts.retain(|part| !part.pages.is_empty());
    Ok(parts)
}

/// `- [Title](file.md)` or, before and after the list, `[Title](file.md)`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("- ").unwrap_or(line).strip_prefix('[')?;
    let (title, rest) = rest.split_once("](")?;
    let path = rest.strip_suffix(')')?;
    path.strip_suffix(".md").is_some().then_some((title, path))
}

/// A file, if it lies under `root` with every link followed.
pub fn text(root: &Path, path: &Path) -> Result<String, SiteError> {
    let real = inside(root, path)?;
    let mut text = String::new();
    let file = fs::File::open(&real).map_err(reading(path))?;
    file.take(MAX_CHAPTER).read_to_string(&mut text).map_err(reading(path))?;
    Ok(text)
}

/// Where a path leads, if that is under `root`.
pub fn inside(root: &Path, path: &Path) -> Result<PathBuf, SiteError> {
    let root = fs::canonicalize(root).map_err(reading(root))?;
    let real = fs::canonicalize(path).map_err(reading(path))?;
    if real.starts_with(&root) { Ok(real) } else { Err(SiteError::Outside { path: path.to_owned(), root }) }
}

fn reading(path: &Path) -> impl FnOnce(io::Error) -> SiteError + use<> {
    let path = path.to_owned();
    move |source| SiteError::Read { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    #[test]
    fn a_summary_gives_parts_in_its_order() {
        let summary = "# Summary\n\n[Intro](intro.md)\n\n# To use it\n\n- [B](b.md)\n  - [A](a.md)\n- [Later]()\n";
        let folder = folder(&[("SUMMARY.md", summary), ("intro.md", "# I"), ("a.md", "# A"), ("b.md", "# B")]);
        let parts = read(folder.path()).expect("parts");
        let seen: Vec<_> = parts
            .iter()
            .map(|part| (part.title.as_str(), part.pages.iter().map(|page| page.path.as_str()).collect::<Vec<_>>()))
            .collect();
        assert_eq!(seen, [("", vec!["intro.md"]), ("To use it", vec!["b.md", "a.md"])]);
    }

    #[test]
    fn without_a_summary_there_are_no_chapters() {
        assert!(read(folder(&[]).path()).expect("nothing").is_empty());
    }

    #[test]
    fn a_chapter_that_leads_out_is_not_opened() {
        let folder = folder(&[("SUMMARY.md", "- [X](x.md)")]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("x.md")).expect("a link");
        assert!(matches!(read(folder.path()), Err(SiteError::Outside { .. })));
        fs::write(folder.path().join("SUMMARY.md"), "- [X](../../../../../etc/hosts.md)").expect("written");
        assert!(matches!(read(folder.path()), Err(SiteError::Outside { .. })));
    }

    #[test]
    fn a_page_is_written_into_the_site_and_nowhere_else() {
        let folder = folder(&[("a.md", "# A")]);
        let name = folder.path().file_name().and_then(|name| name.to_str()).expect("a name");
        fs::write(folder.path().join("SUMMARY.md"), format!("- [A](../{name}/a.md)")).expect("written");
        assert!(matches!(read(folder.path()), Err(SiteError::Outside { .. })), "its page would lie beside the site");
        fs::write(folder.path().join("SUMMARY.md"), "- [A](./a.md)").expect("written");
        assert_eq!(read(folder.path()).expect("parts")[0].pages[0].path, "a.md");
    }
}
