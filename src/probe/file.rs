//! Does a file exist?

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Probed, Verdict};

/// Follows links, since that is what a program that opens the file does; opens nothing.
pub fn look(path: &Path, exists: bool) -> Probed {
    let shown = path.display();
    let verdict = |found: bool| if found == exists { Verdict::Ok } else { Verdict::Fault };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Probed::new(verdict(true), format!("`{shown}` exists, it is a folder")),
        Ok(found) if found.is_file() => {
            let mut probed = Probed::new(verdict(true), format!("`{shown}` exists, {} bytes", found.len()));
            probed.values.insert("bytes".to_owned(), found.len().to_string());
            probed
        }
        Ok(_) => Probed::new(verdict(true), format!("`{shown}` exists, it is a special file")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let line = match fs::read_link(path) {
                Ok(target) => format!("`{shown}` is a link to `{}`, and nothing is there", target.display()),
                Err(_) => format!("`{shown}` does not exist"),
            };
            Probed::new(verdict(false), line)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let line = format!("cannot look: this account may not enter the folder of `{shown}`");
            Probed::new(Verdict::CannotTell, line)
        }
        Err(error) => Probed::new(Verdict::CannotTell, format!("cannot look at `{shown}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_and_a_folder_exist_and_nothing_does_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), "four").unwrap();
        let said = look(&folder.path().join("f"), true);
        assert_eq!((said.verdict, said.values["bytes"].as_str()), (Verdict::Ok, "4"));
        assert_eq!(look(folder.path(), true).verdict, Verdict::Ok);
        assert_eq!(look(folder.path(), false).verdict, Verdict::Fault);
        assert_eq!(look(&folder.path().join("none"), true).verdict, Verdict::Fault);
        assert_eq!(look(&folder.path().join("none"), false).verdict, Verdict::Ok);
        assert_eq!(look(&folder.path().join("f/below"), false).verdict, Verdict::Ok);
    }

    #[test]
    fn a_link_to_nothing_is_told_as_that() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink("gone", &link).unwrap();
        let said = look(&link, true);
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].ends_with("is a link to `gone`, and nothing is there"), "{said:?}");
    }

    #[test]
    fn a_name_that_cannot_be_a_file_is_no_fault() {
        let long = "x".repeat(5_000);
        assert_eq!(look(Path::new(&long), true).verdict, Verdict::CannotTell);
    }
}
