//! Who acts, as they claim, and on which machine.

use crate::engine::record::Who;

/// Names that were claimed, the strongest first.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// `--as NAME`.
    pub given: Option<String>,
    /// `name:` of the user's configuration.
    pub configured: Option<String>,
}

/// Who acts: what is given, then configuration, `SUDO_USER`, the account. A claim, not a proof.
#[expect(clippy::disallowed_methods, reason = "the environment is one of the things a claim is made of")]
pub fn who(claims: &Claims) -> Who {
    let sudo_user = || std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    let account = || whoami::username().unwrap_or_else(|_| "unknown".to_owned());
    let claimed = claims.given.clone().or_else(|| claims.configured.clone()).or_else(sudo_user).unwrap_or_else(account);
    Who {
        claimed,
        uid: rustix::process::getuid().as_raw(),
        euid: rustix::process::geteuid().as_raw(),
        host: host(),
        key: None,
    }
}

/// The account whose rights this process has, as the system names it.
pub fn account() -> String {
    whoami::username().unwrap_or_else(|_| rustix::process::geteuid().as_raw().to_string())
}

/// The name of this machine, without its domain.
pub fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The zone of this machine, as IANA names it.
#[expect(clippy::disallowed_methods, reason = "the zone of a machine is read here and nowhere else")]
pub fn zone() -> String {
    let from_environment = std::env::var("TZ").ok().filter(|zone| zone.parse::<crate::text::Zone>().is_ok());
    from_environment.or_else(|| iana_time_zone::get_timezone().ok()).unwrap_or_else(|| "UTC".to_owned())
}
