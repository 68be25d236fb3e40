//! A command line as a shell would see it: simple commands, each as its words, with the quotes removed.
//!
//! It reads more than it proves: what stands in `$(…)`, backticks and subshells is a command too, what a variable
//! expands to is not known. For checks, never for quoting and never for running.

use std::iter::Peekable;
use std::str::Chars;

/// Deepest nesting that is followed; deeper parentheses only separate.
const DEEPEST: usize = 32;

/// The simple commands of a line or script, inner ones before those they stand in. Redirections lose their operator
/// and keep their file, comments go.
pub fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut reader = Reader { letters: line.chars().peekable(), commands: Vec::new(), depth: 0 };
    while reader.letters.peek().is_some() {
        reader.list(None);
    }
    reader.commands
}

struct Reader<'a> {
    letters: Peekable<Chars<'a>>,
    commands: Vec<Vec<String>>,
    depth: usize,
}

/// The command that is being read.
#[derive(Default)]
struct Command {
    words: Vec<String>,
    word: Option<String>,
}

impl Command {
    fn word(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }
}

impl Reader<'_> {
    /// Reads up to the end or the character that closes the nesting.
    fn list(&mut self, until: Option<char>) {
        let mut command = Command::default();
        while let Some(letter) = self.letters.next() {
            if Some(letter) == until {
                break;
            }
            match letter {
                '&' if self.letters.peek() == Some(&'>') => command.end_word(),
                ';' | '|' | '&' | '\n' | ')' => self.end(&mut command),
                '(' => {
                    self.end(&mut command);
                    self.nested(')');
                }
                '<' | '>' => self.redirection(letter, &mut command),
                '#' if command.word.is_none() => while self.letters.next_if(|letter| *letter != '\n').is_some() {},
                _ if letter.is_whitespace() => command.end_word(),
                _ => self.part(letter, &mut command),
            }
        }
        self.end(&mut command);
    }

    /// A part of a word.
    fn part(&mut self, letter: char, command: &mut Command) {
        match letter {
            '\\' => match self.letters.next() {
                Some('\n') => {}
                escaped => command.word().extend(escaped),
            },
            '\'' => command.word().extend(self.letters.by_ref().take_while(|letter| *letter != '\'')),
            '"' => self.double_quoted(command.word()),
            '$' if self.letters.next_if_eq(&'\'').is_some() => self.ansi_c_quoted(command.word()),
            '$' | '`' => self.expansion(letter, command.word()),
            _ => command.word().push(letter),
        }
    }

    fn double_quoted(&mut self, word: &mut String) {
        while let Some(letter) = self.letters.next() {
            match letter {
                '"' => return,
                '\\' => match self.letters.next() {
                    Some('\n') => {}
                    Some(escaped @ ('$' | '`' | '"' | '\\')) => word.push(escaped),
                    other => {
                        word.push('\\');
                        word.extend(other);
                    }
                },
                '$' | '`' => self.expansion(letter, word),
                _ => word.push(letter),
            }
        }
    }

    fn ansi_c_quoted(&mut self, word: &mut String) {
        while let Some(letter) = self.letters.next() {
            match letter {
                '\'' => return,
                '\\' => word.extend(self.letters.next().map(|escaped| match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                })),
                _ => word.push(letter),
            }
        }
    }

    /// `$(…)` and backticks hold commands; what they print is not known. Other expansions stay as they are written.
    fn expansion(&mut self, letter: char, word: &mut String) {
        if letter == '`' {
            self.nested('`');
        } else if self.letters.next_if_eq(&'(').is_some() {
            self.nested(')');
        } else {
            word.push(letter);
        }
    }

    fn nested(&mut self, until: char) {
        if self.depth < DEEPEST {
            self.depth += 1;
            self.list(Some(until));
            self.depth -= 1;
        }
    }

    /// `>`, `>>`, `<<<`, `>&`, `>|`, `<<-`, `<(` and the like: `2>&1` must not look like a `&` between two commands.
    fn redirection(&mut self, letter: char, command: &mut Command) {
        command.end_word();
        while self.letters.next_if(|next| *next == letter || *next == '>').is_some() {}
        let _ = self.letters.next_if(|next| matches!(next, '&' | '|'));
        let _ = self.letters.next_if_eq(&'-');
        if self.letters.next_if_eq(&'(').is_some() {
            command.word();
            self.nested(')');
        }
    }

    fn end(&mut self, command: &mut Command) {
        command.end_word();
        if !command.words.is_empty() {
            self.commands.push(std::mem::take(&mut command.words));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reads(line: &str, expected: &[&[&str]]) {
        assert_eq!(simple_commands(line), expected, "{line}");
    }

    #[test]
    fn quotes_and_backslashes_are_removed() {
        reads(r#"a 'b c' "d \" \$e" f\ g $'h\'\n' "" x'y'"z""#, &[&["a", "b c", "d \" $e", "f g", "h'\n", "", "xyz"]]);
        reads("kube\\\nadm \"in\\\nit\"", &[&["kubeadm", "init"]]);
    }

    #[test]
    fn separators_begin_new_commands() {
        reads("a 1; b 2 | c && d || e & f\ng", &[&["a", "1"], &["b", "2"], &["c"], &["d"], &["e"], &["f"], &["g"]]);
        reads("(a b); { c; }", &[&["a", "b"], &["{", "c"], &["}"]]);
        reads("a ';' b", &[&["a", ";", "b"]]);
    }

    #[test]
    fn commands_inside_words_are_commands() {
        reads("echo $(a b) `c d` end", &[&["a", "b"], &["c", "d"], &["echo", "", "", "end"]]);
        reads(r#"echo "x $(a "b c") y""#, &[&["a", "b c"], &["echo", "x  y"]]);
        reads("echo $( (a) ) b", &[&["a"], &["echo", "", "b"]]);
        reads("diff <(a b) c", &[&["a", "b"], &["diff", "", "c"]]);
    }

    #[test]
    fn redirections_separate_nothing() {
        reads("a 2>&1 b >>f &>g >|h <<<i 3>&- j&k", &[&["a", "2", "1", "b", "f", "g", "h", "i", "3", "j"], &["k"]]);
    }

    #[test]
    fn comments_go_and_a_hash_inside_a_word_stays() {
        reads("a b#c # d; e\nf", &[&["a", "b#c"], &["f"]]);
    }

    #[test]
    fn what_is_not_closed_ends_with_the_line() {
        reads("a 'b c", &[&["a", "b c"]]);
        reads("a $(b", &[&["b"], &["a", ""]]);
        reads("a \\", &[&["a", ""]]);
    }

    #[test]
    fn deep_nesting_is_read_without_depth() {
        let deep = format!("{}reboot{}", "(".repeat(20_000), ")".repeat(20_000));
        reads(&deep, &[&["reboot"]]);
    }

    proptest! {
        #[test]
        fn every_line_is_read(line in "[a-c \\\\'\"$()`;&<>#{}\n]{0,40}|.{0,40}") {
            let _ = simple_commands(&line);
        }

        #[test]
        fn a_quoted_word_is_one_word(words in prop::collection::vec("[a-z]{1,3}|.{1,10}", 1..4)) {
            let line = super::super::shell::join(&words);
            prop_assert_eq!(simple_commands(&line), vec![words]);
        }
    }
}
