//! Places one by one, and the lexer beside `bash` itself.

use std::process::{Command as Process, Stdio};

use super::*;
use crate::template::{ProblemKind, Shell, Values, render_command};

/// Reads a text in which `@` is a hole.
fn read(text: &str) -> Lexed {
    let mut source = Source::default();
    for (at, c) in text.char_indices() {
        if c == '@' { source.push_hole(at) } else { source.push_text(&c.to_string(), at) }
    }
    lex(&source)
}

fn places(text: &str) -> Vec<Place> {
    let lexed = read(text);
    assert_eq!(lexed.fault, None, "{text}");
    lexed.sites.into_iter().map(|site| site.place).collect()
}

fn roles(text: &str) -> Vec<Role> {
    read(text).sites.into_iter().map(|site| site.role).collect()
}

#[test]
fn quotes_give_a_hole_its_place() {
    use Place::{Bare, Double, Single};
    assert_eq!(places("@ a@ @b '@' \"@\" 'a'@\"b\""), [Bare, Bare, Bare, Single, Double, Bare]);
    assert_eq!(places("\"a'@'b\" 'a\"@\"b' \\\"@ \\'@"), [Double, Single, Bare, Bare]);
    assert_eq!(places("a'b'c\"d\"e@'f@g'"), [Bare, Single]);
}

#[test]
fn a_substitution_begins_anew_in_whatever_quotes_it_stands() {
    use Place::{Bare, Double, Single};
    assert_eq!(places("\"$(a @ \"@\" '@' $(b @) )@\"@"), [Bare, Double, Single, Bare, Double, Bare]);
    assert_eq!(places("$(a # it's )\n @) \"@\""), [Bare, Double]);
    assert_eq!(places("$(case a in a) b @;; (c) @;; esac) '@'"), [Bare, Bare, Single]);
    assert_eq!(places("$(cat <<E\n)\nE\n)'@'"), [Single]);
}

#[test]
fn a_here_document_ends_at_its_delimiter_and_nowhere_else() {
    let here = Place::Refused(Refusal::HereDocument);
    assert_eq!(places("a <<E @\nit's @\n E\nE @\nE\nb @"), [Place::Bare, here.clone(), here.clone(), Place::Bare]);
    assert_eq!(places("a <<A <<-'B' \n@\nA\n\tit's\n\tB\n'@'"), [here.clone(), Place::Single]);
    assert_eq!(places("a <<E\nb \\\nE\n@\nE\n'@'"), [here.clone(), Place::Single]);
    assert_eq!(places("a <<\\E\nb \\\nE\n'@'"), [Place::Single]);
    assert_eq!(places("a <<\"E F\"\n@\nE F\n\"@\""), [here, Place::Double]);
}

#[test]
fn a_comment_begins_only_where_a_word_does() {
    let comment = Place::Refused(Refusal::Comment);
    assert_eq!(places("a # @ it's\nb '@'"), [comment.clone(), Place::Single]);
    assert_eq!(places("a#b @ ${#c} $# @ \\# @"), [const { Place::Bare }; 3]);
    assert_eq!(places("a;#@\n(b)#@\nc &#@"), [comment.clone(), comment.clone(), comment]);
}

#[test]
fn a_joined_line_is_one_line() {
    assert_eq!(places("a \\\n @ \"\\\n@\" '\\\n@'"), [Place::Bare, Place::Double, Place::Single]);
    assert_eq!(
        places("a $\\\n@ \"$b\\\n@\""),
        [Place::Refused(Refusal::Dollar), Place::Refused(Refusal::Variable("b".into()))]
    );
    assert_eq!(places("ca\\\nse a in a) '@';; es\\\nac"), [Place::Single]);
}

#[test]
fn a_word_is_told_by_what_it_is_to_its_command() {
    use Role::{Argument, Assignment, Item, Lone, Program};
    assert_eq!(roles("@ @ >@ @"), [Program, Argument, Lone, Argument]);
    assert_eq!(roles("A=@ B=b @ C=@"), [Assignment, Program, Argument]);
    assert_eq!(roles("if @; then @; fi; ! @ | @ && { @; }; ( @ )"), [Program; 6]);
    assert_eq!(roles("for a in @ @; do @; done"), [Item, Item, Program]);
    assert_eq!(roles("case @ in @|@) @;; (@) ;; esac"), [Lone, Lone, Lone, Program, Lone]);
    assert_eq!(roles("a=( @ ) @; f() { @; }; [[ @ && @ ]]"), [Item, Program, Program, Lone, Lone]);
    assert_eq!(roles("2>@ @ 2>@ {a}<@ <<<@"), [Lone, Program, Lone, Lone, Lone]);
}

#[test]
fn a_pipe_says_whose_output_is_read() {
    let fed = |text: &str| {
        let lexed = read(text);
        let last =
            lexed.commands.into_iter().find(|command| command.words.first().and_then(Word::unquoted) == Some("z"));
        last.map(|command| command.fed_by)
    };
    assert_eq!(fed("a @; b @ | c @ | z @"), Some(1..3));
    assert_eq!(fed("a @ && b; z @"), Some(0..0));
    assert_eq!(fed("for i in @; do b @; done | while c; do z; done"), Some(0..2));
    assert_eq!(fed("a @ | ( cd b && z )"), Some(0..1));
    assert_eq!(fed("a @ |\n\n z"), Some(0..1));
}

#[test]
fn what_cannot_be_followed_is_said_where_it_begins() {
    for (text, at) in [
        ("a 'b", 2),
        ("a \"b", 2),
        ("a `b", 2),
        ("a ${b", 2),
        ("a $((b)", 2),
        ("a <<E\nb", 2),
        ("a $(b", 5),
        ("case a in b) c", 14),
        ("a )", 2),
        ("[[ a", 0),
    ] {
        let fault = read(text).fault.unwrap_or_else(|| panic!("{text}"));
        assert_eq!(fault.at.min(text.len() - 1), at.min(text.len() - 1), "{text}: {}", fault.message);
        assert!(!fault.help.is_empty());
    }
}

#[test]
fn endless_nesting_is_a_fault_and_no_overflow() {
    for open in ["$(", "${a-", "\"$(", "$((", "( ", "a=( $(", "case a in a) ", "$(case $("] {
        assert!(read(&open.repeat(20_000)).fault.is_some(), "{open}");
    }
}

/// Shell that `bash` reads, with most of what it has.
const CORPUS: &[&str] = &[
    "a=1 b='x y' c=\"z$a\" printf '%s\\n' \"${a:-b}\" $((1 + 2)) `date` >out 2>&1 <in",
    "if [ -f a ]; then b; elif ! c; then d; else e; fi",
    "while read -r l; do echo \"$l\"; done < <(sort 'a b')",
    "for i in a \"b c\" $(d); do { e; } | f && g || h & done",
    "case \"$a\" in (b|'c d') e;; f*) g;; *) h ;; esac",
    "f() { local a=(1 \"2 3\" [5]=x); echo \"${a[@]}\" ${#a}; }\nfunction g { :; }",
    "cat <<A <<-'B' | tr a b # it's\nx $(y \"z\") \\\nA\nA\n\tw `v\n\tB\necho \"done\"",
    "[[ $a == b* && ( c < d || -f 'e' ) && $f =~ ^(g|h)+$ ]] && (( i += 1 ))",
    "echo $'a\\n' $\"b\" \"$(c \"$(d 'e')\")\" {f,g} ~ 1>&2 <<<\"h\"",
    "for (( i = 0; i < 3; i++ )); do :; done; ( cd a; b ) ; time -p c \\\n  --d",
];

#[expect(clippy::disallowed_methods, reason = "bash is asked, not locum")]
fn parses(command: &str) -> bool {
    let mut process = Process::new("bash");
    process.args(["-n", "-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    process.status().expect("bash starts").success()
}

/// A hole at every place of every text: where a value is let in, a value full of syntax leaves the syntax as it was.
#[test]
fn a_value_never_changes_what_bash_reads() {
    let mut values = Values::default();
    values.insert_text("v", "a'b\"c`d)e}f]g;;h\nEOF\nA\n\tB\n$(i ((j ${k");
    let rendered = |template: &str, value: &str| {
        let mut values = Values::default();
        values.insert_text("v", value);
        render_command(template, &values, Shell::Bash).expect("only its value is another")
    };
    let (mut let_in, mut refused) = (0, 0);
    for text in CORPUS {
        assert_eq!(read(text).fault, None, "{text}");
        assert!(parses(text), "{text}");
        for (at, _) in text.char_indices() {
            let template = format!("{}{{{{ v }}}}{}", &text[..at], &text[at..]);
            match render_command(&template, &values, Shell::Bash) {
                // a word glued to `then` is no `then`, whatever is in it
                Ok(command) => {
                    assert!(parses(&command) || !parses(&rendered(&template, "a b")), "{command}");
                    let_in += 1;
                }
                Err(problem) => {
                    assert_ne!(problem.kind, ProblemKind::LeadingDash);
                    refused += 1;
                }
            }
        }
    }
    assert!(let_in > 200 && refused > 100, "{let_in} let in, {refused} refused");
}

/// Where the lexer sees a quote or a bracket left open, so does `bash`.
#[test]
fn what_bash_cannot_finish_is_a_fault() {
    for text in [
        "a 'b",
        "a \"b $(c",
        "a `b",
        "a ${b",
        "case a in b) c",
        "$(case a in b) c)",
        "( a",
        "a=(b",
        "[[ a",
        "a \"$(b 'c)\"",
        "a $(( b )",
    ] {
        assert!(!parses(text), "{text}");
        assert!(read(text).fault.is_some(), "{text}");
    }
}
