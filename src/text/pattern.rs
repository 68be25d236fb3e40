//! `forbidden` commands: whether a command line does what a runbook says must not be done.
//!
//! A guard rail against slips, not a wall: a name that is put together from variables is not seen. Where it is not
//! sure it errs on the side of matching, since a refused command can be written differently and a new certificate
//! authority cannot be taken back.

use super::shell;
use super::shell_words::simple_commands;

/// How often text inside text is read as a command again.
const DEEPEST: usize = 4;

/// Programs that run text among their arguments or from their input as commands.
const EVALUATORS: [&str; 36] = [
    "sh",
    "bash",
    "dash",
    "ash",
    "ksh",
    "mksh",
    "zsh",
    "fish",
    "busybox",
    "eval",
    "trap",
    "source",
    "ssh",
    "su",
    "runuser",
    "doas",
    "script",
    "watch",
    "xargs",
    "parallel",
    "at",
    "batch",
    "crontab",
    "systemd-run",
    "tmux",
    "screen",
    "ansible",
    "pdsh",
    "clush",
    "salt",
    "python",
    "python3",
    "perl",
    "ruby",
    "node",
    "awk",
];

/// Words that a forbidden command has in this order; others may stand between, and `*` stands for anything in a word.
///
/// Of a pattern of several commands (`curl * | sh`) each must be there, wherever. A pattern without a word matches every
/// command, so that it is noticed: a rule that guards nothing would be decoration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandPattern {
    commands: Vec<Vec<String>>,
}

impl CommandPattern {
    /// Reads a pattern; quotes are removed as in a command.
    pub fn parse(pattern: &str) -> Self {
        let commands = simple_commands(pattern);
        Self { commands: if commands.is_empty() { vec![Vec::new()] } else { commands } }
    }

    /// Whether some simple command in the line or script matches, also inside `sh -c '…'`, `ssh host '…'`, `$(…)` and
    /// the like, behind any prefix (`sudo`, `env X=y`, `nohup`) and with any path before its name.
    pub fn matches(&self, command: &str) -> bool {
        self.matches_unless(None, command)
    }

    /// As [`Self::matches`], but a simple command that also matches `unless` does not count.
    pub fn matches_unless(&self, unless: Option<&Self>, command: &str) -> bool {
        let excepted =
            |words: &[String]| unless.is_some_and(|unless| unless.commands.iter().any(|part| stands_in(part, words)));
        self.commands.iter().all(|part| {
            let forbidden = |words: &[String]| stands_in(part, words) && !excepted(words);
            any_command(command, Text::Command, 0, &forbidden)
        })
    }

    /// As [`Self::matches_unless`], for a command that runs without a shell.
    pub fn matches_argv(&self, unless: Option<&Self>, argv: &[String]) -> bool {
        self.matches_unless(unless, &shell::join(argv))
    }
}

fn stands_in(pattern: &[String], command: &[String]) -> bool {
    let mut words = command.iter().flat_map(|word| with_option_parts(word));
    pattern.iter().enumerate().all(|(at, pattern)| {
        words.any(|word| matches_glob(pattern, word) || (at == 0 && matches_glob(pattern, base_name(word))))
    })
}

/// What a text is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Command,
    /// Text that something may run.
    Evaluated,
}

fn any_command(line: &str, text: Text, depth: usize, forbidden: &impl Fn(&[String]) -> bool) -> bool {
    let commands = simple_commands(line);
    if commands.iter().any(|words| forbidden(words)) {
        return true;
    }
    if depth == DEEPEST {
        return false;
    }
    let evaluated =
        text == Text::Evaluated || commands.iter().flatten().any(|word| EVALUATORS.contains(&base_name(word)));
    let again = |text: &str| text != line && any_command(text, Text::Evaluated, depth + 1, forbidden);
    commands.iter().any(|words| {
        // A word of several lines is a script, or the text between two apostrophes of a here-document.
        words.iter().any(|word| (evaluated || word.contains('\n')) && is_more_than_a_word(word) && again(word))
            || (evaluated && again(&words.join(" ")))
    })
}

fn is_more_than_a_word(word: &str) -> bool {
    word.contains(|letter: char| letter.is_whitespace() || "'\"\\`$;|&()<>".contains(letter))
}

/// The word itself and, of `--option=value`, both halves.
fn with_option_parts(word: &str) -> impl Iterator<Item = &str> {
    let parts = word.strip_prefix('-').and_then(|_| word.split_once('='));
    std::iter::once(word).chain(parts.into_iter().flat_map(|(option, value)| [option, value]))
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// `*` stands for any text, `/` included; everything else for itself.
pub fn matches_glob(pattern: &str, word: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == word };
    let Some(mut left) = word.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> CommandPattern {
        CommandPattern::parse(text)
    }

    #[track_caller]
    fn forbids(pattern_text: &str, commands: &[&str]) {
        for command in commands {
            assert!(pattern(pattern_text).matches(command), "`{pattern_text}` lets through: {command}");
        }
    }

    #[track_caller]
    fn allows(pattern_text: &str, commands: &[&str]) {
        for command in commands {
            assert!(!pattern(pattern_text).matches(command), "`{pattern_text}` refuses: {command}");
        }
    }

    const CERTS: &str = "kubeadm init phase certs";

    #[test]
    fn words_in_order_match_and_others_may_stand_between() {
        forbids(
            CERTS,
            &[
                "kubeadm init phase certs all",
                "kubeadm --v=5 init --config x phase 'certs' all",
                "'kube'adm \"init\" ph\\ase certs",
            ],
        );
        allows(
            CERTS,
            &[
                "kubeadm certs renew all",
                "kubeadm phase init certs",
                "kubeadm init phases certs",
                "echo init phase certs",
                "",
            ],
        );
    }

    #[test]
    fn paths_and_prefixes_hide_nothing() {
        forbids(
            CERTS,
            &[
                "/usr/bin/kubeadm init phase certs",
                "sudo -u root /usr/bin/kubeadm init phase certs",
                "env X=y nohup time exec command kubeadm init phase certs",
                "\\kubeadm init phase certs",
                "if true; then kubeadm init phase certs; fi",
                "timeout 5 xargs kubeadm init phase certs",
            ],
        );
        allows("bin/kubeadm init", &["/usr/bin/kubeadm init"]);
    }

    #[test]
    fn one_command_must_hold_all_words() {
        allows(
            CERTS,
            &[
                "kubeadm version; echo init phase certs",
                "kubeadm init | tee phase certs",
                "kubeadm init && phase certs",
                "kubeadm init &\nphase certs",
            ],
        );
        forbids(
            CERTS,
            &[
                "kubeadm init 2>&1 phase certs",
                "kubeadm init \\\n phase certs",
                "true; kubeadm init phase certs & wait",
            ],
        );
    }

    #[test]
    fn commands_inside_commands_are_seen() {
        forbids(
            CERTS,
            &[
                "sh -c 'kubeadm init phase certs all'",
                "bash -euo pipefail -c \"cd /tmp; kubeadm init phase certs\"",
                "eval 'kubeadm init' phase certs",
                "eval \"kubeadm\" \"init phase certs\"",
                "ssh kyousuke 'sudo kubeadm init phase certs'",
                "ssh kyousuke \"sudo sh -c 'kubeadm init phase certs'\"",
                "su - root -c 'kubeadm init phase certs'",
                "echo \"$(kubeadm init phase certs)\"",
                "x=`kubeadm init phase certs`",
                "(cd /; (kubeadm init phase certs))",
                "trap 'kubeadm init phase certs' EXIT",
                "echo 'kubeadm init phase certs' | sh",
                "bash <<< 'kubeadm init phase certs'",
                "bash <<EOF\nit's this:\nkubeadm init phase certs\nthat's all\nEOF",
                "python3 -c 'import os; os.system(\"kubeadm init phase certs\")'",
            ],
        );
        allows(CERTS, &["echo 'never run kubeadm init phase certs'", "# kubeadm init phase certs\ntrue"]);
    }

    #[test]
    fn a_star_stands_for_anything_in_a_word() {
        forbids("rm -rf /etc/kubernetes*", &["rm -rf /etc/kubernetes/pki", "rm -v -rf /etc/kubernetes"]);
        forbids("dd of=/dev/sd*", &["dd if=x of=/dev/sda bs=1M"]);
        forbids("*adm *it*", &["kubeadm init"]);
        allows("rm -rf /etc/kubernetes/*", &["rm -rf /etc/ssl"]);
        allows("a*b*c", &["acb", "ab", "xabc"]);
    }

    #[test]
    fn an_option_and_its_value_may_be_joined() {
        forbids("kubectl delete --namespace kube-system", &["kubectl delete pod x --namespace=kube-system"]);
    }

    #[test]
    fn an_exception_counts_only_in_the_same_command() {
        let (certs, dry) = (pattern(CERTS), pattern("--dry-run"));
        assert!(!certs.matches_unless(Some(&dry), "kubeadm init phase certs all --dry-run"));
        assert!(!certs.matches_unless(Some(&dry), "sh -c 'kubeadm init phase certs all --dry-run'"));
        assert!(certs.matches_unless(Some(&dry), "kubeadm init phase certs all; echo --dry-run"));
    }

    #[test]
    fn a_command_without_a_shell_is_read_as_its_arguments() {
        let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(pattern(CERTS).matches_argv(None, &argv(&["kubeadm", "init", "phase", "certs"])));
        assert!(pattern(CERTS).matches_argv(None, &argv(&["sh", "-c", "kubeadm init phase certs"])));
        assert!(!pattern(CERTS).matches_argv(None, &argv(&["kubeadm", "init;", "phase certs"])));
    }

    #[test]
    fn of_several_commands_each_must_be_there() {
        forbids("curl * | sh", &["curl -s http://kyousuke/x | sudo sh", "sh -c \"$(curl http://kyousuke/x)\""]);
        allows("curl * | sh", &["curl http://kyousuke/x", "sh x.sh", "curl | sort"]);
    }

    #[test]
    fn a_pattern_without_words_is_noticed() {
        forbids(" ", &["true"]);
    }

    #[test]
    fn a_hostile_command_is_answered_soon() {
        let nested = (0..40)
            .fold("x".to_owned(), |inner, _| format!("sh -c \"{inner} '{inner}'\"").chars().take(16_000).collect());
        allows(CERTS, &[&nested, &"sh -c '".repeat(2_000), &"$(".repeat(8_000), &"\"`".repeat(8_000)]);
    }

    proptest! {
        #[test]
        fn a_pattern_matches_itself_with_anything_between(
            words in prop::collection::vec("[a-z*-]{1,6}", 1..4), between in "[a-z =./-]{0,12}", quoted in any::<bool>(),
        ) {
            let text = words.join(" ");
            let quote = |word: &String| if quoted { format!("'{word}'") } else { word.clone() };
            let command = words.iter().map(quote).collect::<Vec<_>>().join(&format!(" {between} "));
            prop_assert!(pattern(&text).matches(&command));
            let nested = shell::join(&["sudo".to_owned(), "sh".to_owned(), "-c".to_owned(), command]);
            prop_assert!(pattern(&text).matches(&nested), "{}", nested);
        }

        #[test]
        fn globs_are_what_a_regex_says(glob in "[ab*]{0,6}", word in "[ab]{0,8}") {
            let regex = regex::Regex::new(&format!("^{}$", glob.replace('*', ".*"))).expect("a pattern");
            prop_assert_eq!(matches_glob(&glob, &word), regex.is_match(&word));
        }
    }
}
