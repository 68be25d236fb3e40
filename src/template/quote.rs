//! The second pass: a value as the shell must be given it, for each place.

/// Words that mean something to the shell when they stand unquoted where a command may begin.
const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "in", "esac",
    "function", "time", "coproc",
];

/// A value as a word of its own, or as part of a bare word, always in quotes.
pub(super) fn single_quoted(value: &str) -> String {
    format!("'{}'", inside_single(value))
}

/// May this value stand without quotes, in a word whose other letters are plain too?
pub(super) fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(is_plain_char) && !RESERVED.contains(&value)
}

/// A letter that no shell gives a meaning, wherever it stands in a word.
pub(super) fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+')
}

/// A value between single quotes that the author wrote.
pub(super) fn inside_single(value: &str) -> String {
    value.replace('\'', r"'\''")
}

/// A value between double quotes that the author wrote.
pub(super) fn inside_double(value: &str) -> String {
    // bash doubles these two in `a=( "…" )`, up to 5.2 at least, but not between single quotes
    if value.contains(['\u{1}', '\u{7f}']) {
        return format!("\"{}\"", single_quoted(value));
    }
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_single_quotes_closes_and_opens_again() {
        assert_eq!(single_quoted("it's"), r"'it'\''s'");
        assert_eq!(single_quoted(""), "''");
    }

    #[test]
    fn what_double_quotes_leave_alive_is_escaped() {
        assert_eq!(inside_double(r#"a"b$c`d\e"#), r#"a\"b\$c\`d\\e"#);
        assert_eq!(inside_double("a!b\n'c'"), "a!b\n'c'");
    }

    #[test]
    fn what_bash_doubles_between_double_quotes_leaves_them() {
        assert_eq!(format!("\"{}\"", inside_double("a\u{1}$")), "\"\"'a\u{1}$'\"\"");
    }

    #[test]
    fn only_letters_without_any_meaning_stay_unquoted() {
        for plain in ["kyousuke", "/etc/kubernetes/pki", "10.0.0.1:6443", "a+b@c%d-e_f"] {
            assert!(is_plain(plain), "{plain}");
        }
        for marked in ["", "a b", "a=b", "{a,b}", "~root", "a*", "x\n", "ö", "if", "esac", "#x", "!"] {
            assert!(!is_plain(marked), "{marked}");
        }
    }
}
