//! Text from outside put into Markdown, so that it shows as it is and does nothing: no markup, no HTML, no directive
//! of mdBook (`{{#include}}` acts even inside code), no control or invisible character.

use super::sanitizer::{plain, plain_lines};

/// A text within a line. Line breaks become spaces.
pub fn inline(text: &str) -> String {
    let text = one_line(text);
    let mut out = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '{' => out.push_str("&#123;"),
            '}' => out.push_str("&#125;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '^' | '#' | '$' => out.extend(['\\', letter]),
            '+' | '-' | '=' | ':' if at == 0 => out.extend(['\\', letter]),
            '.' | ')' if begins_a_list(&text, at) => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

/// `1.` and `1)` begin a list where a space or nothing follows.
fn begins_a_list(text: &str, at: usize) -> bool {
    at > 0
        && text[..at].bytes().all(|byte| byte.is_ascii_digit())
        && !text[at + 1..].starts_with(|next: char| next != ' ')
}

/// A text within a line, in letters of equal width. Line breaks become spaces.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    if text.contains("{{") || text.contains('|') {
        return format!("<code>{}</code>", html(&text).replace('|', "&#124;"));
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Lines as a block of code; the bytes shown are those of [`shown`]. Ends with a line break.
pub fn block(text: &str, language: &str) -> String {
    let text = shown(text);
    if text.contains("{{") {
        let class = if language.is_empty() { String::new() } else { format!(" class=\"language-{language}\"") };
        return format!("<pre><code{class}>{}\n</code></pre>\n", html(&text));
    }
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// What a reader is shown of a text with several lines: the text itself without its last line breaks, unless it holds
/// what could attack a terminal.
pub fn shown(text: &str) -> String {
    plain_lines(text).trim_end_matches('\n').to_owned()
}

/// A text between tags or inside an attribute; lines stay. Braces are written as numbers, for the directives of mdBook.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in plain_lines(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '{' => out.push_str("&#123;"),
            '}' => out.push_str("&#125;"),
            _ => out.push(letter),
        }
    }
    out
}

fn one_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    const ATTACKS: [&str; 20] = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a | b || c",
        "[click](javascript:alert(1))",
        "![x](http://evil/x.png)",
        "{{#include /etc/passwd}}",
        "{{#playground x.rs}} {{ node }}",
        "` `` ``` ~~~",
        "# not a heading",
        "- not a list",
        "1. not a list",
        "1) not a list",
        "> not a quote",
        "*no* _no_ **no** ~~no~~",
        "&lt;b&gt; &amp; &#x3c;",
        "[^1] [ ] [x]: http://evil",
        "\\* \\` \\\\",
        "title {#id .class}",
        ": no definition",
        "= - + setext",
    ];

    /// The text that a reader of Markdown sees, and every event that is more than text.
    fn read(markdown: &str) -> (String, Vec<String>) {
        let (mut text, mut more) = (String::new(), Vec::new());
        for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                Event::SoftBreak => text.push(' '),
                other => more.push(format!("{other:?}")),
            }
        }
        (text, more)
    }

    #[test]
    fn within_a_line_every_attack_is_text() {
        for attack in ATTACKS {
            let (text, more) = read(&inline(attack));
            assert_eq!(text, attack);
            assert_eq!(more, Vec::<String>::new(), "{attack}");
            assert!(!inline(attack).contains("{{"), "{attack}");
        }
    }

    #[test]
    fn what_does_nothing_is_left_as_it_reads() {
        for text in
            ["127.0.0.1:443 answers", "1.0.0", "it's 5 s, isn't it?", "x509: certificate has expired", "a-b+c=d"]
        {
            assert_eq!(inline(text), text);
        }
        assert_eq!(inline("1. a"), "1\\. a");
        assert_eq!(inline("1."), "1\\.");
    }

    #[test]
    fn in_a_heading_with_an_anchor_every_attack_is_text() {
        for attack in ATTACKS {
            let (text, more) = read(&format!("## {} {{#here}}\n", inline(attack)));
            assert_eq!(text, attack);
            assert_eq!(more.len(), 2, "{more:?}");
            assert!(more[0].contains("\"here\"") && more[0].contains("classes: []"), "{}", more[0]);
        }
    }

    #[test]
    fn a_code_span_holds_backticks_and_no_directive() {
        assert_eq!(code("kubeadm certs renew all"), "`kubeadm certs renew all`");
        assert_eq!(code("a ` b"), "``a ` b``");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(code("{{#include x}}"), "<code>&#123;&#123;#include x&#125;&#125;</code>");
        assert_eq!(code("a | b"), "<code>a &#124; b</code>");
        assert_eq!(code("a\nb"), "`a b`");
        assert_eq!(code(" \n"), "(empty)");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(block("a\n", "sh"), "```sh\na\n```\n");
        assert_eq!(block("````\nb", ""), "`````\n````\nb\n`````\n");
    }

    #[test]
    fn a_block_with_a_directive_holds_it_as_numbers() {
        assert_eq!(
            block("echo {{#include x}} <b>", "sh"),
            "<pre><code class=\"language-sh\">echo &#123;&#123;#include x&#125;&#125; &lt;b&gt;\n</code></pre>\n"
        );
    }

    #[test]
    fn what_is_hidden_or_turned_is_shown() {
        assert_eq!(inline("a\u{202e}b\x1b[31mc\x07"), "a&lt;U+202E&gt;bc\\\\x07");
        assert_eq!(code("a\u{202e}b"), "`a<U+202E>b`");
        assert_eq!(block("a\u{202e}b", ""), "```\na<U+202E>b\n```\n");
        assert_eq!(html("\u{202e}\"'"), "&lt;U+202E&gt;&quot;&#39;");
    }

    proptest! {
        #[test]
        fn any_text_stays_the_text_it_is(text in "[ -~é\n]{0,60}") {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (read, more) = read(&format!("x {}", inline(&text)));
            prop_assert_eq!(read.trim_end(), format!("x {words}").trim_end().to_owned());
            prop_assert_eq!(more, Vec::<String>::new());
        }

        #[test]
        fn any_code_stays_in_its_block(text in "[ -z|~`\n<>&]{0,60}") {
            let markdown = format!("{}\nafter\n", block(&text, "sh"));
            let events: Vec<_> = Parser::new(&markdown).collect();
            let code: String = events.iter().skip(1).map_while(|event| match event { Event::Text(text) => Some(text.to_string()), _ => None }).collect();
            prop_assert_eq!(code, format!("{}\n", text.trim_end_matches('\n')));
            prop_assert!(matches!(&events[events.len() - 2], Event::Text(text) if &**text == "after"));
        }
    }
}
