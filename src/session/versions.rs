//! Versions of the programs that a run uses in a place: only those are asked whose way to say it is known to change nothing.

use std::collections::BTreeSet;

/// Prints each program that is there and known, a tab, and the first line of what it says of itself that has a digit.
pub(super) const ASK: &str = r#"T=
command -v timeout >/dev/null 2>&1 && T='timeout 5'
for t in "$@"; do
  command -v -- "$t" >/dev/null 2>&1 || continue
  case ${t##*/} in
    bash|busybox|git|curl|jq|rsync|tar|sed|grep|find|docker|podman|crictl|systemctl|journalctl|python3|psql|pg_dump|mysql|redis-cli|ansible|ansible-playbook|terraform|nft|iptables|certbot|openvpn|aws) a=--version ;;
    kubectl) a='version --client' ;;
    kubeadm) a='version -o short' ;;
    openssl|etcdctl|helm|go|vault|consul|nomad) a=version ;;
    ssh) a=-V ;;
    nginx) a=-v ;;
    haproxy) a=-v ;;
    java) a=-version ;;
    ip) a=-V ;;
    *) continue ;;
  esac
  printf '%s\t%s\n' "$t" "$($T "$t" $a 2>&1 </dev/null | grep -m 1 '[0-9]')"
done
"#;

/// What the programs said, as `bash 5.2.15`; what says no version is left out.
pub(super) fn versions(said: &str, asked: &BTreeSet<String>) -> Vec<String> {
    let line = |line: &str| {
        let (program, words) = line.split_once('\t')?;
        let version = version(words)?;
        asked.contains(program).then(|| format!("{} {version}", program.rsplit('/').next().unwrap_or(program)))
    };
    said.lines().filter_map(line).collect()
}

/// The first word of a line that looks like a version: digits, a dot, digits, and what follows.
fn version(line: &str) -> Option<&str> {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || ".+-~".contains(c)));
    let mut words =
        words.map(|word| word.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches(['.', '-']));
    words.find(|word| {
        let mut parts = word.split('.');
        let number = |part: Option<&str>| part.is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        number(parts.next()) && number(parts.next()) && word.len() <= 40
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_programs_say_of_themselves() {
        for (line, wanted) in [
            ("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", Some("5.2.15")),
            ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026", Some("9.2p1")),
            ("v1.29.0", Some("1.29.0")),
            ("Client Version: v1.30.2", Some("1.30.2")),
            ("Docker version 24.0.7, build afdd53b", Some("24.0.7")),
            ("systemd 252 (252.39-1~deb12u1)", Some("252.39-1~deb12u1")),
            ("command not found", None),
            ("usage: x [-1]", None),
        ] {
            assert_eq!(version(line), wanted, "{line}");
        }
    }

    #[test]
    fn only_what_was_asked_is_told() {
        let asked = ["/usr/bin/git", "bash"].map(str::to_owned).into();
        let said = "/usr/bin/git\tgit version 2.39.5\nbash\tno\nother\t1.2\nnothing\n";
        assert_eq!(versions(said, &asked), ["git 2.39.5"]);
    }
}
