//! Attacks from the outside, one by one, and properties over any bytes in any chunks.

use proptest::prelude::*;

use super::*;

fn sanitize(colours: Colours, chunks: &[&[u8]]) -> String {
    let mut sanitizer = Sanitizer::new(colours);
    let mut out = String::new();
    for chunk in chunks {
        sanitizer.push(chunk, &mut out);
    }
    sanitizer.finish(&mut out);
    out
}

fn keep(text: &str) -> String {
    sanitize(Colours::Keep, &[text.as_bytes()])
}

#[test]
fn plain_text_line_breaks_and_tabs_pass() {
    assert_eq!(keep("Done renewing certificates\n\té 鍵\n"), "Done renewing certificates\n\té 鍵\n");
}

#[test]
fn colours_pass_or_go_as_asked_and_are_reset_at_the_end() {
    assert_eq!(keep("\x1b[1;31mred\x1b[0m."), "\x1b[1;31mred\x1b[0m.");
    assert_eq!(keep("\x1b[38;5;0mred"), "\x1b[38;5;0mred\x1b[0m");
    assert_eq!(sanitize(Colours::Drop, &[b"\x1b[1;31mred\x1b[0m."]), "red.");
}

#[test]
fn concealed_text_is_seen() {
    assert_eq!(keep("a\x1b[8mhidden\x1b[28m"), "ahidden\x1b[28m\x1b[0m");
}

#[test]
fn the_clipboard_the_title_and_links_are_out_of_reach() {
    assert_eq!(keep("a\x1b]52;c;ZXZpbA==\x07b"), "ab");
    assert_eq!(keep("a\x1b]0;title\x1b\\b"), "ab");
    assert_eq!(keep("a\x1b]2;title\u{9c}b"), "ab");
    assert_eq!(keep("\x1bktitle\x1b\\b"), "titleb");
    assert_eq!(keep("see \x1b]8;;http://kyousuke/\x1b\\here\x1b]8;;\x1b\\!"), "see here!");
}

#[test]
fn device_strings_are_dropped() {
    for introducer in ["P", "X", "^", "_"] {
        assert_eq!(keep(&format!("a\x1b{introducer}q;payload\x1b\\b")), "ab");
    }
}

#[test]
fn cursor_screen_reset_and_modes_are_dropped() {
    assert_eq!(
        keep("a\x1b[2J\x1b[H\x1b[1;1H\x1b[3Ab\x1b[?1049h\x1b[>4;2mc\x1bcd\x1b(0e\x1b[!pf\x1b7g\x1b=h"),
        "abcdefgh"
    );
}

#[test]
fn a_sequence_without_an_end_swallows_nothing() {
    assert_eq!(keep("\x1b]0;title\nnext line\n"), "\\x1b]0;title\nnext line\n");
    assert_eq!(keep("\x1bPpayload"), "\\x1bPpayload");
    assert_eq!(keep("\x1b[31"), "\\x1b[31");
    assert_eq!(keep("a\x1b"), "a\\x1b");
    assert_eq!(keep("\x1b]0;a\x1b"), "\\x1b]0;a\\x1b");
    assert_eq!(keep("\x1b]0;a\x1b[31mb\x1b[m"), "\\x1b]0;a\x1b[31mb\x1b[m");
    assert_eq!(keep("\x1b[3\n1m"), "\\x1b[3\n1m");
    assert_eq!(keep("\x1b[3é"), "\\x1b[3é");
}

#[test]
fn a_sequence_hidden_in_a_string_for_tmux_does_not_come_out() {
    assert_eq!(keep("\x1bPtmux;\x1b\x1b]52;c;ZXZpbA==\x07\x1b\\b"), "\\x1bPtmux;\\x1bb");
}

#[test]
fn what_is_too_long_for_a_sequence_is_text() {
    let long = "1;".repeat(100);
    assert_eq!(keep(&format!("\x1b[{long}m")), format!("\\x1b[{long}m"));
    let payload = "x".repeat(10_000);
    assert_eq!(keep(&format!("\x1b]52;{payload}\x07")), format!("\\x1b]52;{payload}\\x07"));
}

#[test]
fn the_longest_sequence_is_one_and_a_byte_more_is_text() {
    let drops = |begin: &str, letter: &str, count: usize, end: &str| {
        let sequence = format!("{begin}{}{end}", letter.repeat(count));
        let out = sanitize(Colours::Drop, &[sequence.as_bytes()]);
        assert!(out.is_empty() || out.ends_with(&format!("{}{end}", letter.repeat(count)).replace('\x07', "\\x07")));
        out.is_empty()
    };
    assert!(drops("\x1b", "(", LONGEST_ESCAPE - 1, "c") && !drops("\x1b", "(", LONGEST_ESCAPE, "c"));
    assert!(drops("\x1b[", "1", LONGEST_CSI - 3, "m") && !drops("\x1b[", "1", LONGEST_CSI - 2, "m"));
    assert!(drops("\x1b[", "1", LONGEST_CSI - 3, "H") && !drops("\x1b[", "1", LONGEST_CSI - 2, "H"));
    assert!(drops("\x1b]", "x", LONGEST_STRING - 2, "\x07") && !drops("\x1b]", "x", LONGEST_STRING - 1, "\x07"));
}

#[test]
fn memory_is_bounded_whatever_comes() {
    for start in ["\x1b]0;", "\x1b[", "\x1b(", "\x1bP"] {
        let mut sanitizer = Sanitizer::new(Colours::Keep);
        let mut out = String::new();
        sanitizer.push(start.as_bytes(), &mut out);
        for _ in 0..1000 {
            sanitizer.push(&[b' '; 100], &mut out);
            assert!(sanitizer.held.len() <= LONGEST_STRING);
        }
        assert!(out.len() > 90_000, "the text came out");
    }
}

/// What this thread has worked, whoever else is at work.
fn seconds_of_work() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec
}

#[test]
fn a_sequence_that_goes_on_is_looked_through_once() {
    let titles = format!("\x1b]0;{}\n", "x".repeat(4000)).repeat(500);
    let begin = seconds_of_work();
    assert_eq!(keep(&titles).len(), titles.len() + 500 * "\\x1b".len() - 500);
    let took = seconds_of_work() - begin;
    // Ten times what it takes, and a tenth of what it would take to look ahead at every letter.
    assert!(took < 8, "two megabytes took {took} s");
}

#[test]
fn a_carriage_return_overwrites_nothing() {
    assert_eq!(keep("rm -rf /\rls -la  \n"), "rm -rf /\nls -la  \n");
    assert_eq!(keep(" 10%\r 20%\r 30%\r\n"), " 10%\n 20%\n 30%\n");
    assert_eq!(keep("a\r\nb\r\r\nc"), "a\nb\nc");
    assert_eq!(keep("\r\rfirst\r"), "first\n");
    assert_eq!(keep("a\r\x1b[31m\nb\x1b[m"), "a\x1b[31m\nb\x1b[m");
    assert_eq!(keep("a\r\tb"), "a\n\tb");
}

#[test]
fn other_controls_are_shown() {
    assert_eq!(keep("a\x08b\x07c\x00d\x7fe\x0bf\x0cg\x0eh"), "a\\x08b\\x07c\\x00d\\x7fe\\x0bf\\x0cg\\x0eh");
}

#[test]
fn eight_bit_controls_begin_nothing() {
    assert_eq!(sanitize(Colours::Keep, &[b"\x9b31mred\x9d0;t\x07"]), "\u{FFFD}31mred\u{FFFD}0;t\\x07");
    assert_eq!(keep("\u{9b}31mred\u{90}q\u{85}"), "<U+009B>31mred<U+0090>q<U+0085>");
}

#[test]
fn text_cannot_be_turned_or_hidden() {
    assert_eq!(keep("\u{202e}drowssap\u{202c}"), "<U+202E>drowssap<U+202C>");
    assert_eq!(keep("ku\u{200b}beadm\u{feff}"), "ku<U+200B>beadm<U+FEFF>");
    assert_eq!(keep("a\u{2028}b\u{e0041}"), "a<U+2028>b<U+E0041>");
    assert_eq!(keep("\x1b]0;\u{202e}x"), "\\x1b]0;<U+202E>x");
}

#[test]
fn a_message_is_one_line_of_text() {
    assert_eq!(plain("a\x1b[31mb\nc\td\r\n\n"), "ab\\nc d");
    assert_eq!(plain_lines("a\x1b[31mb\nc\td\r\n"), "ab\nc\td\n");
    assert_eq!(plain(""), "");
}

/// Bytes as an attacker would mix them.
fn attacks() -> impl Strategy<Value = Vec<u8>> {
    let parts: &[&[u8]] = &[
        b"\x1b",
        b"\x1b[",
        b"\x1b]",
        b"\x1bP",
        b"\x1b_",
        b"\x1b\\",
        b"\x07",
        b"\r",
        b"\n",
        b"\t",
        b"m",
        b"31",
        b";",
        b":",
        b"8",
        b"38;5;",
        b"text",
        b" ",
        b"(",
        b"H",
        b"\x9b",
        b"\x9c",
        b"\xc2\x9c",
        b"\xc2\x9b",
        b"\xe2\x80\xae",
        b"\xe2",
        b"\x80",
        b"\x08",
        b"\x18",
        b"c",
        b"0",
    ];
    let part = prop_oneof![8 => prop::sample::select(parts).prop_map(<[u8]>::to_vec), 1 => any::<u8>().prop_map(|byte| vec![byte])];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

/// The output without its colours, or what is wrong with it.
fn without_colours(out: &str) -> Result<String, String> {
    let colours = regex::Regex::new(r"\x1b\[([0-9;:]*)m").expect("a pattern");
    for found in colours.captures_iter(out) {
        if found[0].len() > LONGEST_CSI || Sgr::read(&found[1]).is_none_or(|sgr| sgr.parameters != found[1]) {
            return Err(format!("{:?} came out", &found[0]));
        }
    }
    let text = colours.replace_all(out, "").into_owned();
    match text.chars().find(|c| !matches!(c, '\n' | '\t') && (c.is_control() || is_invisible(*c))) {
        Some(letter) => Err(format!("{letter:?} came out")),
        None => Ok(text),
    }
}

proptest! {
    #[test]
    fn only_text_and_colours_come_out(bytes in attacks()) {
        prop_assert_eq!(without_colours(&sanitize(Colours::Keep, &[&bytes])).err(), None);
    }

    #[test]
    fn dropping_colours_is_keeping_them_and_taking_them_out(bytes in attacks()) {
        let kept = without_colours(&sanitize(Colours::Keep, &[&bytes]));
        prop_assert_eq!(kept, Ok(sanitize(Colours::Drop, &[&bytes])));
    }

    #[test]
    fn any_chunks_give_what_the_whole_gives(bytes in attacks(), size in 1_usize..8) {
        let chunks: Vec<_> = bytes.chunks(size).collect();
        prop_assert_eq!(sanitize(Colours::Keep, &chunks), sanitize(Colours::Keep, &[&bytes]));
    }

    #[test]
    fn text_that_is_harmless_is_untouched(text in "[ -~é鍵\t\n]{0,80}") {
        prop_assert_eq!(keep(&text), text);
    }

    #[test]
    fn what_came_out_once_comes_out_again(bytes in attacks()) {
        let once = sanitize(Colours::Keep, &[&bytes]);
        let again = keep(&once);
        prop_assert_eq!(again, once);
    }
}
