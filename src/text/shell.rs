//! Words for a POSIX shell: quoting that no value can break out of.

/// Words that a shell takes for its own syntax when a command starts with them.
const RESERVED: [&str; 17] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in", "function",
    "select", "time", "coproc",
];

/// One word that a shell reads back as exactly these characters.
///
/// A word of harmless characters stays as it is; every other stands between single quotes, a single quote
/// itself as `'\''`. (A NUL can stand in no argument of a process; it is not looked for here.)
pub fn single_quote(word: &str) -> String {
    if is_safe(word) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command line that a shell splits into exactly these arguments.
pub fn join(argv: &[String]) -> String {
    let mut words: Vec<_> = argv.iter().map(|word| single_quote(word)).collect();
    if let Some(first) = words.first_mut()
        && RESERVED.contains(&first.as_str())
    {
        *first = format!("'{first}'");
    }
    words.join(" ")
}

fn is_safe(word: &str) -> bool {
    // `name=value` in front of a command is an assignment, and zsh expands a leading `=`: only an option keeps its `=`.
    let equals = word.starts_with('-');
    !word.is_empty()
        && word.chars().all(|letter| {
            letter.is_ascii_alphanumeric()
                || matches!(letter, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+' | ',')
                || (equals && letter == '=')
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a POSIX shell makes of a quoted line, after its chapter 2.2: bare words, single quotes, backslash.
    fn split(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut word = None::<String>;
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match letter {
                ' ' => words.extend(word.take()),
                '\'' => word.get_or_insert_default().extend(letters.by_ref().take_while(|letter| *letter != '\'')),
                '\\' => word.get_or_insert_default().extend(letters.next()),
                _ => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        words
    }

    #[test]
    fn safe_words_stay_as_they_are() {
        for word in ["kubeadm", "/etc/kubernetes/pki", "--namespace=kube-system", "root@kyousuke:22", "1.10"] {
            assert_eq!(single_quote(word), word);
        }
    }

    #[test]
    fn everything_else_stands_between_quotes() {
        assert_eq!(single_quote(""), "''");
        assert_eq!(single_quote("a b"), "'a b'");
        assert_eq!(single_quote("it's"), r"'it'\''s'");
        for word in ["$HOME", "~", "*", "a;b", "!x", "#x", "x=y", "=ls", "{a,b}", "a\nb", "é", "[a]", "\\"] {
            assert!(single_quote(word).starts_with('\''), "{word}");
        }
    }

    #[test]
    fn a_reserved_word_is_quoted_where_a_command_begins() {
        assert_eq!(join(&["time".into(), "time".into()]), "'time' time");
        assert_eq!(join(&["kubeadm".into(), "certs".into(), String::new()]), "kubeadm certs ''");
    }

    proptest! {
        #[test]
        fn a_joined_line_splits_into_the_same_words(argv in prop::collection::vec(any::<String>(), 0..5)) {
            prop_assert_eq!(split(&join(&argv)), argv);
        }

        #[test]
        fn only_harmless_characters_stand_outside_quotes(word in any::<String>()) {
            let quoted = single_quote(&word);
            let outside: String = quoted.replace(r"'\''", "").split('\'').step_by(2).collect();
            prop_assert!(outside.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c)));
        }
    }
}
