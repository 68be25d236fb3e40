//! A command line as a shell would see it: simple commands, each as its words, with the quotes removed.
//!
//! It reads more than it proves: what stands in `$(…)`, backticks and subshells is a command too, what a variable
//! expands to is not known. For checks, never for quoting and never for running.

use std::iter::Peekable;
use std::str::Chars;

/// Deepest nesting that is followed; deeper parentheses only separate.
const DEEPEST: usize = 32;

/// A simple command, apart from where its input comes from and its output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    pub words: Vec<String>,
    /// The files after `>`, `>>`, `>|`, `&>` and `<>`.
    pub writes: Vec<String>,
    /// Its here-documents and here-strings, as they are written.
    pub reads: Vec<String>,
}

/// The simple commands of a line or script, inner ones before those they stand in. Redirections lose their operator
/// and keep their file, comments go.
pub fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let simple = read(line, Redirections::Words);
    simple.into_iter().map(|simple| simple.words).filter(|words| !words.is_empty()).collect()
}

/// The simple commands of a line or script, with their redirections apart from their words.
pub fn redirected_commands(line: &str) -> Vec<Simple> {
    read(line, Redirections::Apart)
}

fn read(line: &str, redirections: Redirections) -> Vec<Simple> {
    let letters = line.chars().peekable();
    let mut reader = Reader { letters, redirections, commands: Vec::new(), documents: Vec::new(), depth: 0 };
    while reader.letters.peek().is_some() {
        reader.list(None);
    }
    reader.commands
}

/// What becomes of `>file`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Redirections {
    /// The file is a word like any other, and a here-document is read as commands.
    Words,
    /// It stands apart.
    Apart,
}

struct Reader<'a> {
    letters: Peekable<Chars<'a>>,
    redirections: Redirections,
    commands: Vec<Simple>,
    /// Here-documents that begin on the next line: whose they are, and how they end.
    documents: Vec<(usize, String)>,
    depth: usize,
}

/// The command that is being read.
#[derive(Default)]
struct Command {
    simple: Simple,
    word: Option<String>,
    /// What the word is that comes next.
    next: Next,
    delimiters: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Word,
    /// A file that is written.
    Written,
    /// A file that is read, or a descriptor.
    Passed,
    /// The text after `<<<`.
    Text,
    /// The end of a here-document.
    Delimiter,
}

impl Command {
    fn word(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match std::mem::take(&mut self.next) {
            Next::Word => self.simple.words.push(word),
            Next::Written => self.simple.writes.push(word),
            Next::Text => self.simple.reads.push(word),
            Next::Delimiter => self.delimiters.push(word),
            Next::Passed => {}
        }
    }

    /// Inside `[[ ]]` a `>` compares.
    fn compares(&self) -> bool {
        self.simple.words.first().is_some_and(|word| word == "[[")
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
                '\n' => {
                    self.end(&mut command);
                    self.bodies();
                }
                ';' | '|' | '&' | ')' => self.end(&mut command),
                '(' if self.redirections == Redirections::Apart && self.letters.next_if_eq(&'(').is_some() => {
                    self.arithmetic();
                }
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
            if self.redirections == Redirections::Apart && self.letters.next_if_eq(&'(').is_some() {
                self.arithmetic();
            } else {
                self.nested(')');
            }
        } else {
            word.push(letter);
        }
    }

    /// Up to the `))`: numbers that are compared, no commands.
    fn arithmetic(&mut self) {
        let mut open = 2;
        while open > 0 {
            match self.letters.next() {
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    /// The here-documents that begin on this line.
    fn bodies(&mut self) {
        for (command, delimiter) in std::mem::take(&mut self.documents) {
            let mut body = String::new();
            while self.letters.peek().is_some() {
                let line: String = self.letters.by_ref().take_while(|letter| *letter != '\n').collect();
                if line.trim_start_matches('\t') == delimiter {
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            self.commands[command].reads.push(body);
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
        let apart = self.redirections == Redirections::Apart;
        if apart && command.word.as_ref().is_some_and(|word| word.chars().all(|letter| letter.is_ascii_digit())) {
            command.word = None;
        }
        command.end_word();
        let mut operator = String::from(letter);
        while let Some(next) = self.letters.next_if(|next| *next == letter || *next == '>') {
            operator.push(next);
        }
        let passed = self.letters.next_if(|next| matches!(next, '&' | '|')) == Some('&');
        let closed = self.letters.next_if_eq(&'-').is_some();
        if self.letters.next_if_eq(&'(').is_some() {
            command.word();
            self.nested(')');
        } else if apart && !command.compares() {
            command.next = match operator.as_str() {
                "<<" => Next::Delimiter,
                "<<<" => Next::Text,
                "<" => Next::Passed,
                // `>&2` passes a descriptor on, `>&file` writes; after `>&-` nothing comes.
                _ if passed && closed => Next::Word,
                _ if passed && self.letters.peek().is_some_and(char::is_ascii_digit) => Next::Passed,
                _ => Next::Written,
            };
        }
    }

    fn end(&mut self, command: &mut Command) {
        command.end_word();
        let Command { simple, delimiters, .. } = std::mem::take(command);
        if simple != Simple::default() || !delimiters.is_empty() {
            let index = self.commands.len();
            self.documents.extend(delimiters.into_iter().map(|delimiter| (index, delimiter)));
            self.commands.push(simple);
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

    #[track_caller]
    fn goes(line: &str, expected: &[(&[&str], &[&str], &[&str])]) {
        let simple = redirected_commands(line);
        let got: Vec<_> = simple.iter().map(|one| (&*one.words, &*one.writes, &*one.reads)).collect();
        assert_eq!(got.len(), expected.len(), "{line}: {got:?}");
        for (got, expected) in got.iter().zip(expected) {
            assert!(got.0 == expected.0 && got.1 == expected.1 && got.2 == expected.2, "{line}: {got:?}");
        }
    }

    #[test]
    fn redirections_can_stand_apart() {
        goes("a 2>&1 b >>f &>g >|h <<<i 3>&- k>'l m' <n", &[(&["a", "b", "k"], &["f", "g", "h", "l m"], &["i"])]);
        goes(">f", &[(&[], &["f"], &[])]);
        goes("a >&2 b>&f 1>&2", &[(&["a", "b"], &["f"], &[])]);
        goes("a > \"$b\" 2>/dev/null", &[(&["a"], &["$b", "/dev/null"], &[])]);
    }

    #[test]
    fn what_is_compared_is_not_written() {
        goes("[[ a > b ]]", &[(&["[[", "a", "b", "]]"], &[], &[])]);
        goes("(( a > b )); c $((d > (e)))", &[(&["c", ""], &[], &[])]);
    }

    #[test]
    fn a_here_document_belongs_to_its_command() {
        goes(
            "a <<X 2>&1 | b <<-'Y'\nrm x\nX\n\tit's\n\tY\nc",
            &[(&["a"], &[], &["rm x\n"]), (&["b"], &[], &["\tit's\n"]), (&["c"], &[], &[])],
        );
        goes("a <<X\nb", &[(&["a"], &[], &["b\n"])]);
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
            let _ = (simple_commands(&line), redirected_commands(&line));
        }

        #[test]
        fn a_quoted_word_is_one_word(words in prop::collection::vec("[a-z]{1,3}|.{1,10}", 1..4)) {
            let line = super::super::shell::join(&words);
            prop_assert_eq!(simple_commands(&line), vec![words]);
        }
    }
}
