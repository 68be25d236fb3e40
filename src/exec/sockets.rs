//! Where the sockets of shared ssh connections are: a folder that only this person can enter.

use std::fs::{DirBuilder, symlink_metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The longest path of a socket, in bytes, with the zero at its end: `sun_path` of unix(7).
const LONGEST: usize = 108;
/// What OpenSSH puts behind the folder: a slash, `%C`, and the letters of a name that is not final yet.
const BEHIND: usize = 1 + 40 + 17;

/// What is known of where they may be. Given on as a value: a process that stands in for a command has no environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sockets {
    /// `XDG_RUNTIME_DIR`, where it is set.
    pub runtime: Option<String>,
}

impl Sockets {
    /// The folder, made where it was not; without one, no connection is shared.
    pub fn folder(&self) -> Option<String> {
        let uid = rustix::process::geteuid().as_raw();
        let folders = [self.runtime.clone(), Some(format!("/run/user/{uid}"))].into_iter().flatten();
        let private = folders.filter(|folder| is_ours_alone(Path::new(folder), uid)).map(|at| format!("{at}/locum"));
        private.chain([format!("/tmp/locum-ssh-{uid}")]).find(|folder| {
            fits(folder) && {
                let _ = DirBuilder::new().mode(0o700).create(folder);
                is_ours_alone(Path::new(folder), uid)
            }
        })
    }
}

/// A folder, no link to one, of this person, which nobody else can enter.
fn is_ours_alone(folder: &Path, uid: u32) -> bool {
    let private = |at: std::fs::Metadata| at.is_dir() && at.uid() == uid && at.mode() & 0o7777 == 0o700;
    folder.is_absolute() && symlink_metadata(folder).is_ok_and(private)
}

/// Whether the path of a socket in it is short enough, and none that OpenSSH would read in another way.
fn fits(folder: &str) -> bool {
    folder.len() + BEHIND < LONGEST && !folder.chars().any(|c| c == '%' || c.is_whitespace() || "\"'\\$".contains(c))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder_of(runtime: &Path) -> Option<String> {
        Sockets { runtime: Some(runtime.display().to_string()) }.folder()
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder whose path is short, as that of a runtime folder is.
    fn short() -> tempfile::TempDir {
        let folder = tempfile::Builder::new().prefix("lc").rand_bytes(6).tempdir_in("/tmp").unwrap();
        mode(folder.path(), 0o700);
        folder
    }

    #[test]
    fn they_are_in_the_runtime_folder_that_is_set_and_only_for_this_person() {
        let runtime = short();
        let folder = folder_of(runtime.path()).unwrap();
        assert_eq!(folder, format!("{}/locum", runtime.path().display()));
        assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        assert_eq!(folder_of(runtime.path()), Some(folder), "it is found again");
    }

    #[test]
    fn a_runtime_folder_that_others_can_enter_or_that_is_a_link_or_too_long_is_not_used() {
        let runtime = short();
        mode(runtime.path(), 0o755);
        let used = |runtime: &Path| folder_of(runtime).is_some_and(|folder| Path::new(&folder).starts_with(runtime));
        assert!(!used(runtime.path()));
        mode(runtime.path(), 0o700);
        let link = runtime.path().join("l");
        std::os::unix::fs::symlink(runtime.path(), &link).unwrap();
        assert!(!used(&link));
        let long = runtime.path().join("x".repeat(40));
        DirBuilder::new().mode(0o700).create(&long).unwrap();
        assert!(!used(&long));
        assert!(!used(Path::new("relative")));
        assert!(used(runtime.path()));
    }

    #[test]
    fn a_folder_in_it_that_somebody_else_prepared_is_not_used() {
        let runtime = short();
        let other = short();
        std::os::unix::fs::symlink(other.path(), runtime.path().join("locum")).unwrap();
        let found = folder_of(runtime.path());
        assert!(found.is_none_or(|folder| !folder.starts_with(runtime.path().to_str().unwrap())));
    }

    #[test]
    fn the_longest_path_is_that_of_a_socket() {
        assert!(fits(&format!("/{}", "x".repeat(48))));
        assert!(!fits(&format!("/{}", "x".repeat(49))));
        assert!(!fits("/run/%h"), "OpenSSH would put a name in its place");
    }
}
