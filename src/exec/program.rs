//! From the first word of a command to a file that can be executed, before anything is recorded as started.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::spec::CommandSpec;

/// The search path of a command whose environment has none.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The file that a command executes, or in words why there is none.
pub(super) fn resolve(spec: &CommandSpec) -> Result<PathBuf, String> {
    let name = spec.argv.first().filter(|name| !name.is_empty()).ok_or("the command is empty")?;
    if spec.argv.iter().chain(spec.env.iter().flat_map(|(name, value)| [name, value])).any(|text| text.contains('\0')) {
        return Err("the command or its environment holds a NUL byte, which no program can be given".to_owned());
    }
    if !spec.cwd.is_absolute() || access(&spec.cwd, Access::EXEC_OK).is_err() || !spec.cwd.is_dir() {
        return Err(format!("cannot enter the folder `{}`", spec.cwd.display()));
    }
    if name.contains('/') {
        let path = spec.cwd.join(name);
        return if runnable(&path) { Ok(path) } else { Err(why_not(&path, name)) };
    }
    let search = spec.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    // An empty entry means the current folder to a shell; here it means nothing, so that no repository brings its own `ls`.
    let folders = search.split(':').filter(|folder| !folder.is_empty());
    folders
        .map(|folder| spec.cwd.join(folder).join(name))
        .find(|path| runnable(path))
        .ok_or_else(|| format!("command not found: `{name}`"))
}

fn runnable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn why_not(path: &Path, name: &str) -> String {
    if path.is_file() { format!("`{name}` is not executable") } else { format!("command not found: `{name}`") }
}

/// What a command reads: the bytes as a file without a name, so that nobody has to feed a pipe; or nothing.
pub(super) fn standard_input(bytes: Option<&[u8]>) -> io::Result<File> {
    let Some(bytes) = bytes else { return File::open("/dev/null") };
    let mut file = nameless_file()?;
    io::Write::write_all(&mut file, bytes)?;
    io::Seek::rewind(&mut file)?;
    Ok(file)
}

/// In memory, since it may hold a secret.
#[cfg(target_os = "linux")]
fn nameless_file() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    Ok(memfd_create("locum-stdin", MemfdFlags::CLOEXEC)?.into())
}

#[cfg(not(target_os = "linux"))]
fn nameless_file() -> io::Result<File> {
    tempfile::tempfile()
}

/// The path of this program, good also after the file was replaced by a newer version.
pub fn this_binary() -> PathBuf {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { itself } else { std::env::current_exe().unwrap_or_else(|_| PathBuf::from("locum")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn spec(program: &str, path: &str, cwd: &Path) -> CommandSpec {
        let env = BTreeMap::from([("PATH".to_owned(), path.to_owned())]);
        CommandSpec::new(vec![program.to_owned()], env, cwd)
    }

    fn executable(path: &Path) {
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_word_is_looked_for_in_the_commands_own_path() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        executable(&bin.join("tool"));
        std::fs::write(bin.join("text"), "").unwrap();
        let path = format!("/nowhere:{}", bin.display());
        assert_eq!(resolve(&spec("tool", &path, folder.path())), Ok(bin.join("tool")));
        assert_eq!(resolve(&spec("text", &path, folder.path())), Err("command not found: `text`".into()));
        assert_eq!(resolve(&spec("tool", "", folder.path())), Err("command not found: `tool`".into()));
    }

    #[test]
    fn an_empty_entry_of_the_path_is_not_the_current_folder() {
        let folder = tempfile::tempdir().unwrap();
        executable(&folder.path().join("ls"));
        assert_eq!(resolve(&spec("ls", ":/nowhere:", folder.path())), Err("command not found: `ls`".into()));
        assert_eq!(resolve(&spec("./ls", "", folder.path())), Ok(folder.path().join("./ls")));
    }

    #[test]
    fn what_cannot_run_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("text"), "").unwrap();
        assert_eq!(resolve(&spec("./text", "", folder.path())), Err("`./text` is not executable".into()));
        assert_eq!(resolve(&spec("./none", "", folder.path())), Err("command not found: `./none`".into()));
        assert!(resolve(&spec("ls", "/bin", Path::new("/no/such"))).unwrap_err().contains("cannot enter"));
        assert!(resolve(&spec("", "/bin", Path::new("/"))).unwrap_err().contains("empty"));
        assert!(resolve(&spec("a\0b", "/bin", Path::new("/"))).unwrap_err().contains("NUL"));
    }

    #[test]
    fn input_is_read_from_its_start_and_may_be_longer_than_a_pipe() {
        let bytes = vec![7; 300_000];
        let mut read = Vec::new();
        standard_input(Some(&bytes)).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        assert_eq!(standard_input(None).unwrap().read_to_end(&mut read).unwrap(), 0);
    }
}
