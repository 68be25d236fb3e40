//! The certificates of a kubeconfig: of the user and of the cluster of its current context. No key of it is kept.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::pem;

/// The certificate of the user of the current context.
pub fn client(file: impl Read, path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let config = read(file, path)?;
    let user = config.of_current(&config.users, |context| &context.user);
    let user = user.ok_or_else(|| format!("`{}` names no user for its context", path.display()))?;
    user.holds
        .certificates(path)
        .unwrap_or_else(|| Err(format!("user `{}` in `{}` has no client certificate", user.name, path.display())))
}

/// The authority by which the server of the current context is known; none where the file names none.
pub fn authority(file: impl Read, path: &Path) -> Result<Option<Vec<Vec<u8>>>, String> {
    let config = read(file, path)?;
    let cluster = config.of_current(&config.clusters, |context| &context.cluster);
    cluster.and_then(|cluster| cluster.holds.certificates(path)).transpose()
}

#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context", default)]
    current: String,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    users: Vec<Named>,
    #[serde(default)]
    clusters: Vec<Named>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    user: String,
    #[serde(default)]
    cluster: String,
}

/// A user or a cluster.
#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(alias = "user", alias = "cluster")]
    holds: Holds,
}

/// Keys are not among the fields: they are passed over.
#[derive(Deserialize)]
struct Holds {
    #[serde(alias = "client-certificate", alias = "certificate-authority")]
    file: Option<String>,
    #[serde(alias = "client-certificate-data", alias = "certificate-authority-data")]
    data: Option<String>,
}

impl Kubeconfig {
    /// The entry that the current context names; where there is no such context, the first.
    fn of_current<'a>(&self, all: &'a [Named], name: impl Fn(&Context) -> &String) -> Option<&'a Named> {
        let context = self.contexts.iter().find(|context| context.name == self.current);
        all.iter().find(|one| context.is_none_or(|context| *name(&context.context) == one.name))
    }
}

impl Holds {
    /// Of the data, else of the file that is named; none where it has neither.
    fn certificates(&self, path: &Path) -> Option<Result<Vec<Vec<u8>>, String>> {
        if let Some(data) = self.data.as_deref().filter(|data| !data.trim().is_empty()) {
            return Some(pem::of_base64(data, path));
        }
        let file = self.file.as_deref().filter(|file| !file.is_empty())?;
        Some(pem::only_certificates(&path.parent().unwrap_or(Path::new("/")).join(file)))
    }
}

fn read(file: impl Read, path: &Path) -> Result<Kubeconfig, String> {
    serde_yaml::from_reader(file).map_err(|error| format!("`{}` is no kubeconfig: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use chrono::Utc;

    use super::super::chain::tests::Authority;
    use super::super::{Probe, Probed, Verdict, pem, probe};

    /// A kubeconfig with both as data, and keys that are no keys.
    fn config(ca: &Authority, user: &str) -> PathBuf {
        let data = |name: &str| {
            ca.sh(&format!("base64 <{name} | tr -d '\\n' >b64"));
            fs::read_to_string(ca.path("b64")).unwrap()
        };
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: b\n\
             contexts:\n- name: a\n  context: {{cluster: d, user: nobody}}\n- name: b\n  context: {{cluster: c, user: pepe}}\n\
             clusters:\n- name: d\n  cluster: {{server: 'https://riki:6443'}}\n- name: c\n  cluster:\n    server: https://kyousuke:6443\n    certificate-authority-data: {}\n\
             users:\n- name: nobody\n  user: {{}}\n- name: pepe\n  user:\n    client-certificate-data: {}\n    client-key-data: not-read\n",
            data("ca.crt"),
            data(user)
        );
        fs::write(ca.path("config"), text).unwrap();
        ca.path("config")
    }

    fn ask(at: &std::path::Path, signed_by: Option<PathBuf>, is_ca: Option<bool>, days: Option<u64>) -> Probed {
        let valid_for = days.map(|days| Duration::from_secs(days * 86_400));
        let at = vec![at.display().to_string()];
        #[expect(clippy::disallowed_methods, reason = "openssl signs as of now")]
        probe(&Probe::Certificate { at, valid_for, signed_by, is_ca, name: None }, Utc::now())
    }

    #[test]
    fn the_user_and_the_authority_of_the_current_context_are_found() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.leaf("pepe", "");
        let config = config(&ca, "pepe.crt");
        assert_eq!(pem::certificates(&config), pem::certificates(&leaf));
        assert_eq!(pem::authorities(&config), pem::certificates(&ca.crt()));
    }

    #[test]
    fn files_that_it_names_lie_beside_it() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.leaf("pepe", "");
        let text = "users: [{name: pepe, user: {client-certificate: pepe.crt}}]\nclusters: [{name: c, cluster: {certificate-authority: ca.crt}}]\n";
        fs::write(ca.path("config"), text).unwrap();
        assert_eq!(pem::certificates(&ca.path("config")), pem::certificates(&leaf));
        assert_eq!(pem::authorities(&ca.path("config")), pem::certificates(&ca.crt()));
        fs::write(ca.path("config"), text.replace("pepe.crt", "pepe.key")).unwrap();
        assert!(pem::certificates(&ca.path("config")).unwrap_err().contains("holds no certificate"));
    }

    #[test]
    fn its_authority_is_looked_at_beside_its_user() {
        let ca = Authority::new("komari's CA");
        ca.leaf("pepe", "");
        let config = config(&ca, "pepe.crt");
        let said = ask(&config, None, None, Some(30));
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        assert!(said.lines[1].starts_with("its authority, CN=komari's CA: valid for another "), "{said:?}");
        let said = ask(&config, None, None, Some(5_000));
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[1].starts_with("its authority, CN=komari's CA: expires in "), "{said:?}");
        assert_eq!(ask(&config, None, Some(true), Some(0)).values["subject"], "CN=komari's CA");
        assert_eq!(ask(&config, None, Some(false), None).verdict, Verdict::Ok);
    }

    #[test]
    fn a_kubeconfig_says_who_must_have_signed_it() {
        let (ca, slip) = (Authority::new("the CA"), Authority::new("the CA"));
        ca.leaf("pepe", "");
        slip.leaf("mio", "");
        let by = config(&ca, "pepe.crt");
        assert_eq!(ask(&ca.path("pepe.crt"), Some(by.clone()), None, None).verdict, Verdict::Ok);
        assert_eq!(ask(&slip.path("mio.crt"), Some(by), None, None).verdict, Verdict::Fault);
    }

    #[test]
    fn what_it_does_not_hold_cannot_be_told() {
        let ca = Authority::new("the CA");
        let at = ca.path("config");
        fs::write(&at, "users: [{name: pepe, user: {token: x}}]\n# client-certificate\n").unwrap();
        assert!(pem::certificates(&at).is_err());
        fs::write(&at, "clusters: [{name: c, cluster: {insecure-skip-tls-verify: true}}]\nusers:\n- name: pepe\n  user:\n    client-certificate-data: '!!!'\n").unwrap();
        assert!(pem::certificates(&at).unwrap_err().contains("is damaged"));
        assert!(pem::authorities(&at).unwrap_err().contains("names no authority"));
        assert_eq!(ask(&ca.crt(), Some(at), None, None).verdict, Verdict::CannotTell);
    }
}
