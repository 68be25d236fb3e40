//! The environment that every command starts from. DESIGN, Meanings 11.

use std::collections::BTreeMap;

/// What is taken over from the operator's own environment, and nothing else.
const TAKEN_OVER: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "TZ", "TERM", "SSH_AUTH_SOCK", "KUBECONFIG"];

/// The environment of a command before the step's own `env`; `from` reads the operator's.
///
/// Messages are in English and bytes are UTF-8, whatever the operator's locale: what is expected of an output must not
/// depend on who runs it.
pub fn base_environment(from: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<_, _> =
        TAKEN_OVER.iter().filter_map(|name| Some(((*name).to_owned(), from(name)?))).collect();
    environment.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_variables_are_taken_over() {
        let operator = |name: &str| match name {
            "PATH" => Some("/usr/bin:/bin".to_owned()),
            "LC_ALL" => Some("de_DE".to_owned()),
            "HOME" | "LD_PRELOAD" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        let environment = base_environment(&operator);
        let pairs: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["HOME=x", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"]);
    }
}
