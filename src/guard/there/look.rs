//! The measure of a scope over there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::read::read;
use super::words::{HEAD, octal};
use super::{Ask, there};
use crate::guard::{GuardError, Measure, Progress, Roots};

/// How often something that changes under the reading is read.
const TRIES: u32 = 3;

/// For many paths at once: their names, then a line of `stat` for each.
const ENTRIES: &str = r#"s=$(stat -c "$F" -- "$@") || { printf 'Xsomething vanished, or cannot be looked at\0'; exit 1; }
printf 'A%s\0' $#; printf '%s\0' "$@"; printf '%s\n' "$s""#;

/// For many files at once: `stat` before, digests, `stat` after. Only a name with a line break or a backslash makes
/// what `sha256sum` prints ambiguous, so such files are given to it without a name.
const FILES: &str = r#"x() { printf 'Xa file vanished, or cannot be read\0'; exit 1; }
n='
'
b=$(stat -c "$F" -- "$@") || x
case "$*" in
*"$n"*|*\\*) h=$(for f do sha256sum < "$f" || exit 1; done) || x ;;
*) h=$(sha256sum -- "$@") || x ;;
esac
a=$(stat -c "$F" -- "$@") || x
printf 'B%s\0' $#; printf '%s\0' "$@"; printf '%s\n' "$b" "$h" "$a""#;

/// For many links: each with where it leads.
const LINKS: &str = r#"printf 'L%s\0' $#
for f do t=$(readlink -- "$f" && printf .) || { printf 'Xa link vanished\0'; exit 1; }; t=${t%.}; printf '%s\0%s\0' "$f" "${t%?}"; done"#;

/// Looks at everything below the roots over there; opens nothing but files and folders, follows no link.
///
/// # Errors
/// Whatever cannot be read, vanishes or keeps changing, and whatever the machine lacks to say it.
pub fn measure_there(roots: &Roots, progress: &Progress, ask: &Ask) -> Result<Measure, GuardError> {
    let script = script(roots);
    let mut tries = 1;
    let (measure, inner) = loop {
        let answer = ask(&script).map_err(there)?;
        match read(&answer) {
            Err(GuardError::Moving(_)) if tries < TRIES => tries += 1,
            found => break found?,
        }
    };
    let measure = beside(roots, measure, &inner)?;
    for _ in 0..measure.len() {
        progress.one_more();
    }
    Ok(measure)
}

/// Roots inside others: walked with them, or missing, or behind a link.
fn beside(
    roots: &Roots,
    mut measure: Measure,
    exist: &BTreeMap<std::path::PathBuf, bool>,
) -> Result<Measure, GuardError> {
    for root in roots.inner().filter(|root| !measure.entries.contains_key(*root)).collect::<Vec<_>>() {
        match exist.get(root) {
            Some(false) => _ = measure.missing.insert(root.to_owned()),
            Some(true) => return Err(GuardError::BehindLink(root.to_owned())),
            None => return Err(super::words::cut()),
        }
    }
    let asked = |root: &std::path::Path| measure.entries.contains_key(root) || measure.missing.contains(root);
    if roots.outermost().all(asked) { Ok(measure) } else { Err(super::words::cut()) }
}

fn script(roots: &Roots) -> String {
    let quoted = crate::text::shell::single_quote;
    let mut script = format!(
        "{HEAD}need find stat sha256sum readlink\nF='%f %u %g %s %t %T %i %Y %Z'; export F\n\
         [ \"$(stat -c %f / 2>/dev/null)\" ] || fault 'its stat does not know -c'\n\
         look() {{\n\
         {{ [ -e \"$p\" ] || [ -L \"$p\" ]; }} || {{ printf 'M\\0%s\\0' \"$p\"; return; }}\n\
         find \"$p\" -exec sh -c {} sh {{}} + || fault \"not everything in $p can be read by $(id -un)\"\n\
         find \"$p\" -type f -exec sh -c {} sh {{}} + || fault \"not every file in $p can be read by $(id -un)\"\n\
         find \"$p\" -type l -exec sh -c {} sh {{}} + || fault \"not every link in $p can be read\"\n\
         }}\n",
        quoted(ENTRIES),
        quoted(FILES),
        quoted(LINKS)
    );
    for root in roots.outermost() {
        let _ = writeln!(script, "name {}; look", octal(root));
    }
    for root in roots.inner() {
        let _ = writeln!(
            script,
            "name {}; e=0; {{ [ -e \"$p\" ] || [ -L \"$p\" ]; }} && e=1; printf 'I%s\\0%s\\0' $e \"$p\"",
            octal(root)
        );
    }
    script.push_str("printf 'Z\\0'\n");
    script
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use super::super::testing::ask_in;
    use super::*;
    use crate::guard::measure;

    fn scope() -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("pki");
        fs::create_dir_all(root.join("etcd")).unwrap();
        fs::create_dir_all(root.join("empty")).unwrap();
        fs::write(root.join("ca.crt"), "the authority").unwrap();
        fs::write(root.join("etcd/ca key"), vec![7; 200_000]).unwrap();
        fs::set_permissions(root.join("ca.crt"), fs::Permissions::from_mode(0o4640)).unwrap();
        symlink("../ca.crt", root.join("etcd/up")).unwrap();
        symlink("gone\n", root.join("broken")).unwrap();
        (folder, Roots::new([root]).unwrap())
    }

    fn look(folder: &Path, roots: &Roots) -> Result<Measure, GuardError> {
        measure_there(roots, &Progress::default(), &ask_in(folder))
    }

    #[test]
    fn over_there_and_here_the_same_is_measured() {
        let (folder, roots) = scope();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pki/pipe"), rustix::fs::Mode::RUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("pki/socket")).unwrap();
        assert_eq!(look(folder.path(), &roots).unwrap(), measure(&roots).unwrap());
        let devices = Roots::new([PathBuf::from("/dev/null"), PathBuf::from("/dev/gone")]).unwrap();
        assert_eq!(look(folder.path(), &devices).unwrap(), measure(&devices).unwrap());
    }

    #[test]
    fn a_name_is_never_taken_for_something_else() {
        let (folder, roots) = scope();
        let forged = format!("x\n{}  /etc/passwd", "0".repeat(64));
        for name in [
            &b"line\nbreak"[..],
            b"back\\slash",
            b"-rf",
            b" ",
            b"odd\xff\x1b[2J",
            b"$(touch owned)",
            b"`id`",
            b"*",
            b"'\"",
            forged.replace('/', "_").as_bytes(),
        ] {
            fs::write(folder.path().join("pki").join(OsString::from_vec(name.to_vec())), name).unwrap();
        }
        fs::create_dir(folder.path().join("pki/dir\nA9")).unwrap();
        fs::write(folder.path().join("pki/dir\nA9/file"), "x").unwrap();
        symlink("a\nb\n\n", folder.path().join("pki/li\nnk")).unwrap();
        assert_eq!(look(folder.path(), &roots).unwrap(), measure(&roots).unwrap());
        assert!(!folder.path().join("owned").exists() && !Path::new("owned").exists());
    }

    #[test]
    fn roots_that_are_missing_links_or_inside_others_are_as_here() {
        let (folder, _) = scope();
        let at = |name: &str| folder.path().join(name);
        symlink("pki", at("link")).unwrap();
        for roots in [
            vec![at("gone")],
            vec![at("link")],
            vec![at("pki"), at("pki/etcd"), at("pki/none")],
            vec![at("pki/ca.crt"), at("gone/a")],
        ] {
            let roots = Roots::new(roots).unwrap();
            assert_eq!(look(folder.path(), &roots).unwrap(), measure(&roots).unwrap(), "{roots:?}");
        }
        symlink("../pki/etcd", at("pki/back")).unwrap();
        let behind = Roots::new([at("pki"), at("pki/back/ca key")]).unwrap();
        assert!(matches!(look(folder.path(), &behind), Err(GuardError::BehindLink(_))));
    }

    #[test]
    fn a_machine_that_lacks_a_tool_is_not_measured() {
        let (folder, roots) = scope();
        let ask = ask_in(folder.path());
        let bare = |script: &str| ask(&script.replace("need find", "need no-such-tool find"));
        let error = measure_there(&roots, &Progress::default(), &bare).unwrap_err();
        assert_eq!(error.to_string(), "over there: there is no no-such-tool");
        let silent = |_: &str| Ok(Vec::new());
        assert!(
            measure_there(&roots, &Progress::default(), &silent)
                .unwrap_err()
                .to_string()
                .contains("cannot be read to its end")
        );
    }

    #[test]
    fn an_answer_that_is_cut_anywhere_is_no_measure() {
        let (folder, roots) = scope();
        let whole = ask_in(folder.path())(&script(&roots)).unwrap();
        for cut in (0..whole.len()).step_by(7) {
            let ask = |_: &str| Ok(whole[..cut].to_vec());
            assert!(measure_there(&roots, &Progress::default(), &ask).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_file_that_keeps_changing_is_tried_three_times_and_refused() {
        let (folder, roots) = scope();
        let ask = ask_in(folder.path());
        let asked = std::cell::Cell::new(0);
        let changing = |script: &str| {
            asked.set(asked.get() + 1);
            ask(&script.replace("a=$(stat", "printf x >> \"$1\"; a=$(stat"))
        };
        let error = measure_there(&roots, &Progress::default(), &changing).unwrap_err();
        assert!(matches!(error, GuardError::Moving(_)), "{error}");
        assert_eq!(asked.get(), 3);
    }
}
