//! The environment of a drill: nothing in it leads to a real system.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The folder that the lab's own program works in.
pub(super) const SITE: &str = "site";
/// The folder for temporary files.
pub(super) const TEMPORARY: &str = "tmp";
/// The variable that names the lab's folder; it marks every process of a drill too.
pub(super) const MARK: &str = "LOCUM_LAB";

/// All that a lab and the steps of a drill get: no agents, no kubeconfig, no cloud, no language, a home of their own.
#[expect(clippy::disallowed_methods, reason = "what little a lab gets of the environment is chosen here")]
pub fn environment(folder: &Path) -> BTreeMap<String, String> {
    let of_here = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let text = |path: &Path| path.to_string_lossy().into_owned();
    BTreeMap::from([
        ("PATH".to_owned(), of_here("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
        ("TERM".to_owned(), of_here("TERM", "dumb")),
        ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ("HOME".to_owned(), text(folder)),
        ("TMPDIR".to_owned(), text(&folder.join(TEMPORARY))),
        (MARK.to_owned(), text(&folder.join(SITE))),
    ])
}

/// `NAME=value` in the environment of every process of a drill, and of no other.
pub fn mark(folder: &Path) -> String {
    format!("{MARK}={}", folder.join(SITE).to_string_lossy())
}

/// Those of the commands that are not on the PATH, in the order given.
pub fn missing(commands: &[&str]) -> Vec<String> {
    let path = environment(Path::new("/")).remove("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).collect::<Vec<_>>();
    let runs =
        |file: &Path| file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    let found = |command: &str| {
        if command.contains('/') {
            return runs(Path::new(command));
        }
        folders.iter().any(|folder| runs(&folder.join(command)))
    };
    commands.iter().filter(|command| !found(command)).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_operator_is_in_the_environment_of_a_drill() {
        let environment = environment(Path::new("/lab"));
        let names = environment.keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(names, ["HOME", "LC_ALL", "LOCUM_LAB", "PATH", "TERM", "TMPDIR"]);
        assert_eq!(mark(Path::new("/lab")), format!("LOCUM_LAB={}", environment["LOCUM_LAB"]));
        assert_eq!((environment["HOME"].as_str(), environment["TMPDIR"].as_str()), ("/lab", "/lab/tmp"));
    }

    #[test]
    fn commands_that_are_not_there_are_named_in_order() {
        let asked = ["locum-no-such", "sh", "/bin/sh", "/locum/none", "/etc/passwd"];
        assert_eq!(missing(&asked), ["locum-no-such", "/locum/none", "/etc/passwd"]);
    }
}
