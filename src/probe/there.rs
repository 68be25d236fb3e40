//! Probes of another machine: what a file there holds is read over the line and judged here, as if it were here.
//!
//! Of a file only its certificates come, and of a kubeconfig the lines that lead to them: a key never leaves its machine.
//! What only this machine could ask (the network, a clock) is not asked in the name of another one.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{Probe, Probed, Verdict, certificate, net, systemd};

/// What of a file travels, as a program for `sed -n`: blocks of certificates, the first line of a key without the key,
/// and of a kubeconfig the names and certificates. A block ends at the next border, whatever border it is.
pub const ONLY_CERTIFICATES: &str = "/^-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[[:space:]]*$/,/-----/p
/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[[:space:]]*$/p
/^[ -]*\\(clusters\\|contexts\\|users\\|name\\|cluster\\|context\\|user\\|current-context\\|certificate-authority-data\\|client-certificate-data\\):/p";

/// What reaches the other machine.
pub struct Reach<'a> {
    /// Its name.
    pub host: &'a str,
    /// The certificates of a file there; in words, why not.
    pub certificates: &'a dyn Fn(&Path) -> Result<Vec<u8>, String>,
    /// What a script for `sh` prints there; in words, why not.
    pub script: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
}

/// Looks over there.
pub fn probe_there(probe: &Probe, reach: &Reach, now: DateTime<Utc>) -> Probed {
    let probed = match probe {
        Probe::Certificate { at, valid_for, signed_by, is_ca, name } => {
            let asked = (*valid_for, *is_ca, name.as_deref());
            certificates(at, signed_by.as_deref(), asked, reach, now)
        }
        Probe::File { path, exists } => file(path, *exists, reach),
        Probe::Systemd { unit, state } => systemd::look_by(unit, *state, |script| (reach.script)(script)),
        Probe::Http { .. } | Probe::Tcp { .. } | Probe::Dns { .. } | Probe::Clock { .. } => {
            cannot(format!("locum asks the network from this machine, not from {}", reach.host))
        }
        Probe::Disk { .. } | Probe::Process { .. } => cannot(format!("this probe cannot look at {}", reach.host)),
    };
    probed.cleaned()
}

fn cannot(reason: String) -> Probed {
    Probed::new(Verdict::CannotTell, reason)
}

/// The same file here, for as long as it is looked at.
struct Mirror {
    folder: tempfile::TempDir,
    /// Each with the path it has there.
    files: Vec<(String, String)>,
}

impl Mirror {
    fn take(&mut self, path: &Path, reach: &Reach) -> Result<PathBuf, String> {
        let shown = path.display();
        if !path.is_absolute() {
            return Err(format!("`{shown}` is no whole path, and nothing says where it starts on {}", reach.host));
        }
        let bytes = (reach.certificates)(path).map_err(|why| format!("`{shown}`: {why}"))?;
        let here = self.folder.path().join(self.files.len().to_string());
        std::fs::write(&here, bytes).map_err(|error| format!("cannot keep what came: {error}"))?;
        self.files.push((here.display().to_string(), shown.to_string()));
        Ok(here)
    }

    /// A text with the paths that are meant; the longest first, since one can be the beginning of another.
    fn say(&self, text: &str) -> String {
        self.files.iter().rev().fold(text.to_owned(), |text, (here, there)| text.replace(here, there))
    }
}

fn certificates(
    at: &[String],
    signed_by: Option<&Path>,
    (valid_for, is_ca, name): (Option<std::time::Duration>, Option<bool>, Option<&str>),
    reach: &Reach,
    now: DateTime<Utc>,
) -> Probed {
    let folder = match tempfile::Builder::new().prefix("locum-probe-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return cannot(format!("cannot look: {error}")),
    };
    let mut mirror = Mirror { folder, files: Vec::new() };
    let mut all = Probed { verdict: Verdict::Ok, lines: Vec::new(), values: std::collections::BTreeMap::new() };
    let signed_by = match signed_by.map(|path| mirror.take(path, reach)).transpose() {
        Ok(signed_by) => signed_by,
        Err(reason) => return cannot(format!("cannot tell who signed it: {reason}")),
    };
    let mut here = Vec::new();
    for place in at {
        let taken = match net::host_port(place) {
            Some(_) => Err(format!("{place}: locum asks the network from this machine, not from {}", reach.host)),
            None => mirror.take(Path::new(place), reach),
        };
        match taken {
            Ok(path) => here.push(path.display().to_string()),
            Err(reason) => all.add(Verdict::CannotTell, format!("cannot look: {reason}")),
        }
    }
    if !here.is_empty() {
        let question = certificate::Question { valid_for, signed_by: signed_by.as_deref(), is_ca, name };
        let found = certificate::look(&here, &question, now);
        all.verdict = all.verdict.max(found.verdict);
        all.lines.extend(found.lines.iter().map(|line| mirror.say(line)));
        all.values.extend(found.values.into_iter().map(|(name, value)| (mirror.say(&name), mirror.say(&value))));
    }
    all
}

fn file(path: &Path, exists: bool, reach: &Reach) -> Probed {
    let shown = path.display();
    let Some(text) = path.to_str().filter(|_| path.is_absolute()) else {
        return cannot(format!("`{shown}` is no whole path, and nothing says where it starts on {}", reach.host));
    };
    // As over here: a link is followed, and a folder that may not be entered hides what is in it.
    let script = format!(
        "p={}\nif [ -d \"$p\" ]; then echo folder\nelif [ -f \"$p\" ]; then echo file\nelif [ -e \"$p\" ]; then echo special\n\
         elif [ -L \"$p\" ]; then echo link\nelse d=$p; while d=${{d%/*}}; [ -n \"$d\" ]; do\n\
         [ ! -d \"$d\" ] || {{ [ -x \"$d\" ] && echo none || echo closed; exit; }}\ndone; echo none; fi\n",
        crate::text::shell::single_quote(text)
    );
    let answer = match (reach.script)(&script) {
        Ok(answer) => String::from_utf8_lossy(&answer).trim().to_owned(),
        Err(why) => return cannot(format!("cannot look at `{shown}`: {why}")),
    };
    let verdict = |found: bool| if found == exists { Verdict::Ok } else { Verdict::Fault };
    match answer.as_str() {
        "folder" => Probed::new(verdict(true), format!("`{shown}` exists, it is a folder")),
        "file" => Probed::new(verdict(true), format!("`{shown}` exists")),
        "special" => Probed::new(verdict(true), format!("`{shown}` exists, it is a special file")),
        "link" => Probed::new(verdict(false), format!("`{shown}` is a link, and nothing is there")),
        "none" => Probed::new(verdict(false), format!("`{shown}` does not exist")),
        "closed" => cannot(format!("cannot look: this account may not enter the folder of `{shown}`")),
        _ => cannot(format!("cannot look at `{shown}`: what {} said cannot be read", reach.host)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::super::chain::tests::Authority;
    use super::*;
    use crate::model::probe::UnitState;

    /// A machine over there is a shell of this one.
    fn look(probe: &Probe) -> (Probed, String) {
        let said = std::cell::RefCell::new(Vec::new());
        let certificates = |path: &Path| {
            let out = duct::cmd("sed", ["-n", ONLY_CERTIFICATES]).stdin_path(path).stdout_capture().run();
            let out = out.map_err(|_| "it is not there".to_owned())?.stdout;
            said.borrow_mut().extend_from_slice(&out);
            Ok(out)
        };
        let script = |script: &str| {
            let out = duct::cmd("sh", ["-c", script]).stdout_capture().unchecked().run();
            Ok(out.map_err(|error| error.to_string())?.stdout)
        };
        let reach = Reach { host: "masato", certificates: &certificates, script: &script };
        let probed = probe_there(probe, &reach, crate::host::Clock.now());
        (probed, String::from_utf8(said.into_inner()).unwrap())
    }

    fn certificate(at: &Path, signed_by: Option<&Path>) -> Probe {
        Probe::Certificate {
            at: vec![at.display().to_string()],
            valid_for: Some(Duration::from_hours(1)),
            signed_by: signed_by.map(Path::to_owned),
            is_ca: None,
            name: None,
        }
    }

    #[test]
    fn a_certificate_over_there_is_judged_and_its_key_stays_there() {
        let ca = Authority::new("komari's CA");
        let (crt, key) = (fs::read_to_string(ca.crt()).unwrap(), fs::read_to_string(ca.key()).unwrap());
        let both = ca.path("both.pem");
        fs::write(&both, format!("{key}{crt}")).unwrap();
        let (probed, travelled) = look(&certificate(&both, Some(&ca.crt())));
        assert_eq!(probed.verdict, Verdict::Ok, "{:?}", probed.lines);
        assert!(!probed.lines.join("\n").contains("locum-probe"), "{:?}", probed.lines);
        let secret = key.lines().nth(1).unwrap();
        assert!(travelled.contains("BEGIN CERTIFICATE") && !travelled.contains(secret), "{travelled}");
        let (probed, travelled) = look(&certificate(&ca.key(), None));
        assert_eq!(probed.verdict, Verdict::CannotTell);
        assert!(probed.lines[0].contains("holds a private key and no certificate"), "{:?}", probed.lines);
        assert!(!travelled.contains(secret));
    }

    #[test]
    fn a_block_that_is_not_closed_lets_no_key_through() {
        let ca = Authority::new("komari's CA");
        let key = fs::read_to_string(ca.key()).unwrap();
        let odd = ca.path("odd.pem");
        fs::write(&odd, format!("-----BEGIN CERTIFICATE-----\n{key}")).unwrap();
        let (probed, travelled) = look(&certificate(&odd, None));
        assert_eq!(probed.verdict, Verdict::CannotTell);
        assert!(!travelled.contains(key.lines().nth(1).unwrap()), "{travelled}");
    }

    #[test]
    fn of_a_kubeconfig_only_what_leads_to_its_certificates_travels() {
        let ca = Authority::new("komari's CA");
        let coded = crate::text::base64(&fs::read(ca.crt()).unwrap());
        let config = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {coded}\n    server: https://x:6443\n  name: k\n\
             contexts:\n- context:\n    cluster: k\n    user: admin\n  name: a@k\ncurrent-context: a@k\nkind: Config\npreferences: {{}}\n\
             users:\n- name: admin\n  user:\n    client-certificate-data: {coded}\n    client-key-data: c2VjcmV0\n    token: hunter2\n"
        );
        let path = ca.path("admin.conf");
        fs::write(&path, config).unwrap();
        let (probed, travelled) = look(&certificate(&path, None));
        assert_eq!(probed.verdict, Verdict::Ok, "{:?}", probed.lines);
        assert!(!travelled.contains("c2VjcmV0") && !travelled.contains("hunter2"), "{travelled}");
    }

    #[test]
    fn a_file_over_there_exists_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's here");
        fs::write(&path, "x").unwrap();
        let verdict = |path: &Path, exists| look(&Probe::File { path: path.to_owned(), exists }).0.verdict;
        assert_eq!(verdict(&path, true), Verdict::Ok);
        assert_eq!(verdict(&path, false), Verdict::Fault);
        assert_eq!(verdict(folder.path(), true), Verdict::Ok);
        assert_eq!(verdict(&folder.path().join("none/at/all"), false), Verdict::Ok);
        assert_eq!(verdict(Path::new("relative"), false), Verdict::CannotTell);
    }

    #[test]
    fn what_only_this_machine_could_ask_is_not_asked_for_another() {
        let within = Duration::from_secs(1);
        let tcp = Probe::Tcp { at: "127.0.0.1:1".to_owned(), open: true, within };
        let (probed, _) = look(&tcp);
        assert_eq!(probed.verdict, Verdict::CannotTell);
        assert!(probed.lines[0].contains("from this machine, not from masato"), "{:?}", probed.lines);
        let none = |_: &str| Err("exit 127".to_owned());
        let reach = Reach { host: "masato", certificates: &|_| Err(String::new()), script: &none };
        let unit = Probe::Systemd { unit: "kubelet".to_owned(), state: UnitState::Active };
        assert_eq!(probe_there(&unit, &reach, crate::host::Clock.now()).verdict, Verdict::CannotTell);
    }
}
