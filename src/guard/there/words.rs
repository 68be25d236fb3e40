//! What the scripts are made of: paths as words of a shell, and the frames in which they answer.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Ask, there};
use crate::guard::GuardError;
use crate::text::sha256;

/// The head of every script: bytes are bytes, what is made is private, and a fault is said in a frame of its own.
pub(super) const HEAD: &str = r#"LC_ALL=C; export LC_ALL; umask 077
fault() { printf 'X%s\0' "$1"; exit 0; }
need() { for t do command -v "$t" >/dev/null 2>&1 || fault "there is no $t"; done; }
name() { p=$(printf "$1."); p=${p%.}; }
"#;

/// The largest file that is fetched, in bytes.
const LARGEST: usize = 1 << 20;

/// A path for `name`, which only printf reads: every byte that is not plain as octal digits.
pub(super) fn octal(path: &Path) -> String {
    let mut text = String::from("'");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "\\{byte:03o}").expect("a String takes every write");
        }
    }
    text.push('\'');
    text
}

/// What a script said, frame by frame.
pub(super) struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    /// The answer of a script, which has to end as it should.
    pub fn of(answer: &'a [u8]) -> Self {
        Self(answer)
    }

    /// Up to the next NUL.
    pub fn text(&mut self) -> Result<&'a [u8], GuardError> {
        self.until(0)
    }

    /// Up to the end of a line.
    pub fn line(&mut self) -> Result<&'a str, GuardError> {
        std::str::from_utf8(self.until(b'\n')?).map_err(|_| cut())
    }

    fn until(&mut self, end: u8) -> Result<&'a [u8], GuardError> {
        let at = self.0.iter().position(|byte| *byte == end).ok_or_else(cut)?;
        let found = &self.0[..at];
        self.0 = &self.0[at + 1..];
        Ok(found)
    }

    /// What kind of frame comes, and its text; a fault that the script itself found is an error.
    pub fn next(&mut self) -> Result<(u8, &'a str), GuardError> {
        let frame = self.text()?;
        let (kind, rest) = frame.split_first().ok_or_else(cut)?;
        if *kind == b'X' {
            return Err(there(String::from_utf8_lossy(rest)));
        }
        Ok((*kind, std::str::from_utf8(rest).map_err(|_| cut())?))
    }

    /// Everything that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// An answer that is not whole.
pub(super) fn cut() -> GuardError {
    there("what it said cannot be read to its end")
}

/// The bytes of a plain file over there, for a probe or an edit. `keep` is a filter: what it takes out never leaves
/// the machine; without one, the digest over there proves that all of it came.
///
/// # Errors
/// What is no plain file, is too large, or came otherwise than it is.
pub fn file_there(path: &Path, keep: Option<&str>, ask: &Ask) -> Result<Vec<u8>, GuardError> {
    let filter =
        keep.map_or_else(|| "cat".to_owned(), |keep| format!("sed -n {}", crate::text::shell::single_quote(keep)));
    let script = format!(
        "{HEAD}need sha256sum\nname {path}\n\
         {{ [ -e \"$p\" ] || [ -L \"$p\" ]; }} || fault 'it is not there'\n\
         [ ! -L \"$p\" ] || [ -n '{follow}' ] || fault 'it is not a plain file; name the file itself, not a link to it'\n\
         [ -f \"$p\" ] || fault 'it is not a plain file'\n\
         [ -r \"$p\" ] || fault 'it cannot be read by this account'\n\
         [ \"$(wc -c < \"$p\")\" -le {LARGEST} ] || fault 'it is larger than {LARGEST} bytes'\n\
         s=$(sha256sum < \"$p\") || fault 'it cannot be read'\n\
         printf 'S%s\\0' \"${{s%% *}}\"\n{filter} < \"$p\"\n",
        path = octal(path),
        follow = if keep.is_some() { "1" } else { "" },
    );
    let answer = ask(&script).map_err(there)?;
    let mut frames = Frames::of(&answer);
    let (b'S', digest) = frames.next()? else { return Err(cut()) };
    let digest = digest.to_owned();
    let bytes = frames.rest();
    if keep.is_none() && sha256(bytes) != digest {
        return Err(there("it does not come as it is over there: it changes, or it holds a secret of this run"));
    }
    Ok(bytes.to_vec())
}

/// A script that replaces a plain file by what it reads, in base64: whole or not at all, with its mode and owner. The
/// digests are those that were confirmed. It ends as a command does, with what it did as its output.
pub fn write_there(path: &Path, before: &str, after: &str) -> String {
    format!(
        r#"{HEAD}say() {{ echo "$1" >&2; exit 1; }}
for t in stat sha256sum base64; do command -v "$t" >/dev/null 2>&1 || say "there is no $t"; done
sum() {{ s=$(sha256sum < "$1") || say "cannot read the file"; s=${{s%% *}}; }}
name {path}
{{ [ -f "$p" ] && [ ! -L "$p" ]; }} || say 'it is not a plain file; nothing was replaced'
sum "$p"
[ "$s" != {after} ] || {{ echo 'it has the new content already'; exit 0; }}
[ "$s" = {before} ] || say 'it was changed by somebody else meanwhile; nothing was replaced'
[ "$(stat -c %h -- "$p")" = 1 ] || say 'it has a second name (a hard link), which would keep the old content'
old=$(stat -c '%i %s %Y %Z %u:%g %a' -- "$p") || say 'it cannot be looked at'
set -- $old
b=${{p%/*}}/.locum-$$.new
trap 'rm -f -- "$b"' EXIT
( set -C; : > "$b" ) || say 'a file cannot be made beside it'
base64 -d > "$b" || say 'it cannot be written beside it'
sum "$b"
[ "$s" = {after} ] || say 'what came is not what was confirmed; nothing was replaced (does the way there pass standard input on?)'
[ "$(stat -c %u:%g -- "$b")" = "$5" ] || chown "$5" -- "$b" || say 'its owner cannot be kept; nothing was replaced'
chmod "$6" -- "$b" || say 'its mode cannot be kept; nothing was replaced'
sync
[ "$(stat -c '%i %s %Y %Z %u:%g %a' -- "$p")" = "$old" ] || say 'it was changed by somebody else meanwhile; nothing was replaced'
mv -f -- "$b" "$p" || say 'it cannot be replaced'
trap - EXIT
sync
echo "replaced, $(wc -c < "$p") bytes"
"#,
        path = octal(path)
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::testing::ask_in;
    use super::*;

    #[test]
    fn a_path_is_no_word_of_the_shell_whatever_it_is_made_of() {
        assert_eq!(octal(Path::new("/etc/a-b_c.d")), "'/etc/a-b_c.d'");
        assert_eq!(octal(Path::new("/a b'$(x)%s\n")), "'/a\\040b\\047\\044\\050x\\051\\045s\\012'");
    }

    #[test]
    fn a_file_comes_byte_for_byte_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd name\n'$x'");
        fs::write(&path, b"a\0b\xff\n\n").unwrap();
        let ask = ask_in(folder.path());
        assert_eq!(file_there(&path, None, &ask).unwrap(), b"a\0b\xff\n\n");
        let altered = |script: &str| {
            ask(script).map(|mut said| {
                said.push(b'x');
                said
            })
        };
        assert!(file_there(&path, None, &altered).unwrap_err().to_string().contains("does not come as it is"));
        let gone = file_there(&folder.path().join("gone"), None, &ask).unwrap_err();
        assert!(gone.to_string().contains("it is not there"), "{gone}");
        symlink(&path, folder.path().join("link")).unwrap();
        let link = file_there(&folder.path().join("link"), None, &ask).unwrap_err();
        assert!(link.to_string().contains("not a link to it"), "{link}");
    }

    #[test]
    fn what_a_filter_takes_out_never_leaves_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("both.pem");
        fs::write(&path, "-----BEGIN X-----\nsecret\n-----END X-----\nkeep this\n").unwrap();
        let ask = ask_in(folder.path());
        let seen = std::cell::RefCell::new(Vec::new());
        let watched = |script: &str| ask(script).inspect(|said| seen.borrow_mut().extend_from_slice(said));
        assert_eq!(file_there(&path, Some("/^keep/p"), &watched).unwrap(), b"keep this\n");
        assert!(!String::from_utf8_lossy(&seen.borrow()).contains("secret"));
    }

    fn replace(path: &Path, before: &str, after: &str, content: &[u8]) -> (bool, String) {
        let script = write_there(path, &sha256(before), &sha256(after));
        let sent = crate::text::base64(content);
        let out = duct::cmd("sh", ["-c", &script])
            .stdin_bytes(sent)
            .stderr_to_stdout()
            .stdout_capture()
            .unchecked()
            .run()
            .unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site conf");
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let (ok, said) = replace(&path, "other\n", "new\n", b"new\n");
        assert!(!ok && said.contains("changed by somebody else"), "{said}");
        let (ok, said) = replace(&path, "old\n", "new\n", b"");
        assert!(!ok && said.contains("not what was confirmed"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
        let (ok, said) = replace(&path, "old\n", "new\n", b"new\n");
        assert!(ok && said.contains("replaced, 4 bytes"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        let (ok, said) = replace(&path, "old\n", "new\n", b"new\n");
        assert!(ok && said.contains("already"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
    }
}
