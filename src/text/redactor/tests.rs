//! Secrets in every form and in pieces, and properties over any chunks.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "hunter2-hunter2";

fn redactor(secrets: &[(&str, &str)]) -> Redactor {
    let secrets = secrets.iter().map(|(name, secret)| ((*name).to_owned(), secret.as_bytes().to_vec())).collect();
    Redactor::new(secrets).expect("long secrets")
}

fn redact(redactor: &mut Redactor, chunks: &[&[u8]]) -> String {
    let mut out = Vec::new();
    for chunk in chunks {
        redactor.push(chunk, &mut out);
    }
    redactor.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn one(text: &str) -> String {
    redact(&mut redactor(&[("db", SECRET)]), &[text.as_bytes()])
}

#[test]
fn a_secret_becomes_its_name_and_is_counted() {
    let mut redactor = redactor(&[("db", SECRET), ("other", "correct horse")]);
    assert_eq!(redact(&mut redactor, &[b"p=hunter2-hunter2; hunter2-hunter2."]), "p=[redacted:db]; [redacted:db].");
    assert_eq!(redactor.counts(), &BTreeMap::from([("db".to_owned(), 2)]));
}

#[test]
fn another_stream_begins_with_nothing_held_back_and_nothing_counted() {
    let mut first = redactor(&[("db", SECRET)]);
    first.push(b"hunter2-hunter2 hunter2-", &mut Vec::new());
    let mut second = first.fresh();
    assert_eq!(redact(&mut second, &[b"hunter2 hunter2-hunter2"]), "hunter2 [redacted:db]");
    assert_eq!(second.counts(), &BTreeMap::from([("db".to_owned(), 1)]));
    assert_eq!(first.whole("a hunter2-hunter2"), "a [redacted:db]");
}

#[test]
fn without_secrets_nothing_is_copied() {
    let mut redactor = redactor(&[]);
    let bytes = b"hunter2-hunter2".as_slice();
    assert!(std::ptr::eq(redactor.through(bytes), bytes));
    assert_eq!(redact(&mut redactor, &[bytes]), SECRET);
}

#[test]
fn with_secrets_the_bytes_go_through_redacted() {
    let mut redactor = redactor(&[("db", SECRET)]);
    assert_eq!(redactor.through(b"a hunter2-"), b"a ");
    assert_eq!(redactor.through(b"hunter2 b"), b"[redacted:db] b");
}

#[test]
fn a_short_secret_is_refused_by_name_and_not_by_value() {
    let error = Redactor::new(vec![("pin".to_owned(), b"123\xc3\xa97\n".to_vec())]).expect_err("too short");
    assert_eq!(error.to_string(), "secret `pin` has 6 bytes, expected at least 8; choose a longer one");
}

#[test]
fn encodings_are_found_in_longer_texts() {
    // printf 'user:hunter2-hunter2' | base64, and with one and two more characters before it
    assert_eq!(one("dXNlcjpodW50ZXIyLWh1bnRlcjI="), "dXNlcjp[redacted:db]=");
    assert_eq!(one("eHVzZXI6aHVudGVyMi1odW50ZXIy"), "eHVzZXI6[redacted:db]");
    assert_eq!(one("eHl1c2VyOmh1bnRlcjItaHVudGVyMg=="), "eHl1c2VyOm[redacted:db]==");
    assert_eq!(one("x68756e746572322d68756e74657232x"), "x[redacted:db]x");
    assert_eq!(one("%68%75%6e%74%65%72%32%2d%68%75%6e%74%65%72%32"), "[redacted:db]");
}

#[test]
fn colours_inside_a_secret_are_read_over() {
    assert_eq!(one("a\x1b[31mhunter2\x1b[0m-\x1b[1;4m\x1b[7mhunter2\x1b[mb"), "a\x1b[31m[redacted:db]\x1b[mb");
    assert_eq!(one("aHVudGVy\x1b[31m\nMi1odW50ZXIy"), "[redacted:db]");
}

#[test]
fn a_secret_that_looks_like_a_colour_is_found() {
    let mut coloured = redactor(&[("odd", "abcd\x1b[1mefgh")]);
    assert_eq!(
        redact(&mut coloured, &[b"abcd\x1b[1mefgh abcdefgh abcd\x1b[31mefgh"]),
        "[redacted:odd] [redacted:odd] [redacted:odd]"
    );
    let mut tail = redactor(&[("odd", "31mabcdefg")]);
    assert_eq!(redact(&mut tail, &[b"\x1b[31mabcdefg"]), "\x1b[[redacted:odd]");
}

#[test]
fn line_breaks_inside_base64_and_hex_are_read_over_and_in_text_they_are_not() {
    assert_eq!(one("aHVudGVy\nMi1odW50\r\nZXIy\n"), "[redacted:db]\n");
    assert_eq!(one("68756e746572322d\n68756e74657232"), "[redacted:db]");
    assert_eq!(one("hunter2\n-hunter2"), "hunter2\n-hunter2");
    assert_eq!(one("aHVudGVy\n\nMi1odW50ZXIy"), "aHVudGVy\n\nMi1odW50ZXIy");
}

#[test]
fn every_long_line_of_a_secret_is_one() {
    let mut redactor = redactor(&[("key", "-----BEGIN KEY-----\nfirst-line-of-it\nsecond-line\n-----END KEY-----\n")]);
    let out = redact(&mut redactor, &[b"-----BEGIN KEY-----\r\nfirst-line-of-it\r\nother\r\n> second-line"]);
    assert_eq!(out, "-----BEGIN KEY-----\r\n[redacted:key]\r\nother\r\n> [redacted:key]");
}

#[test]
fn secrets_that_overlap_leave_no_rest() {
    let mut redactor = redactor(&[("a", "abcdefgh"), ("b", "efghijkl"), ("c", "abcdefghijk12")]);
    assert_eq!(redact(&mut redactor, &[b"xabcdefghijkly"]), "x[redacted:a]y");
    assert_eq!(redact(&mut redactor, &[b"xabcdefghijk12y"]), "x[redacted:c]y");
}

#[test]
fn two_secrets_side_by_side_are_two() {
    let mut redactor = redactor(&[("db", SECRET)]);
    assert_eq!(redact(&mut redactor, &[b"hunter2-hunter2hunter2-hunter2"]), "[redacted:db][redacted:db]");
    assert_eq!(redactor.counts(), &BTreeMap::from([("db".to_owned(), 2)]));
}

#[test]
fn a_longer_secret_gives_the_name_in_pieces_too() {
    let mut redactor = redactor(&[("a", "abcdefgh"), ("c", "abcdefghijk12")]);
    assert_eq!(redact(&mut redactor, &[b"xabcdefgh", b"ijk12y abcdefgh", b"ijk1"]), "x[redacted:c]y [redacted:a]ijk1");
    assert_eq!(redactor.counts().values().sum::<u64>(), 2);
}

#[test]
fn only_what_could_be_a_secret_is_held_back() {
    let mut redactor = redactor(&[("db", SECRET)]);
    let mut out = Vec::new();
    redactor.push(b"Password? (hunter", &mut out);
    assert_eq!(out, b"Password? (");
    redactor.push(b"s welcome) ", &mut out);
    assert_eq!(out, b"Password? (hunters welcome) ");
}

#[test]
fn endless_overlaps_and_colours_take_no_memory() {
    let mut redactor = redactor(&[("zeros", "00000000")]);
    let mut out = Vec::new();
    for _ in 0..1_000 {
        redactor.push(&[b'0'; 100], &mut out);
        redactor.push(b"\x1b[31m", &mut out);
        assert!(redactor.buffer.len() < 10_000);
    }
    for _ in 0..1_000 {
        redactor.push(b"\x1b[31m\x1b[m", &mut out);
        assert!(redactor.buffer.len() < 10_000);
    }
    redactor.finish(&mut out);
    assert!(!out.contains(&b'0'));
}

#[test]
fn no_secret_is_in_its_debug_text() {
    let mut redactor = redactor(&[("db", SECRET)]);
    redactor.push(b"hunter2-", &mut Vec::new());
    let text = format!("{redactor:?}");
    assert!(text.contains("db") && !text.contains("hunter2") && !text.contains("104, 117"), "{text}");
}

/// Text around and inside secrets, so that every border is near.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let parts: &[&str] = &[
        "hunter2-hunter2",
        "hunter2",
        "-",
        "hun",
        "ter2-hunter2",
        "efghijkl",
        "abcdefgh",
        "abcd",
        "efgh",
        "aaaaaaaa",
        "aaa",
        "aHVudGVyMi1odW50ZXIy",
        "aHVudGVy",
        "Mi1odW50",
        "ZXIy",
        "68756e7465",
        "72322d68756e74657232",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        " ",
        "\x1b[31m",
        "\x1b[m",
        "\x1b",
        "[",
        "1m",
        "31mabcde",
        "\x1b[1;",
        "x",
        "é",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..40).prop_map(|parts| parts.concat().into_bytes())
}

fn several() -> Redactor {
    redactor(&[
        ("db", SECRET),
        ("b", "abcdefgh"),
        ("c", "efghijkl"),
        ("d", "aaaaaaaa"),
        ("e", "31mabcdefgh"),
        ("f", "abcd\x1b[1mefgh"),
    ])
}

proptest! {
    #[test]
    fn any_chunks_give_what_the_whole_gives(bytes in output(), sizes in prop::collection::vec(1_usize..12, 1..20)) {
        let mut whole = several();
        let expected = redact(&mut whole, &[&bytes]);
        let (mut chunks, mut rest) = (Vec::new(), bytes.as_slice());
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            chunks.push(chunk);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let mut pieces = several();
        prop_assert_eq!(redact(&mut pieces, &chunks), expected);
        prop_assert_eq!(pieces.counts(), whole.counts());
    }

    #[test]
    fn no_secret_comes_out(bytes in output()) {
        let colours = regex::Regex::new("\x1b\\[[0-9;:]*m").expect("a pattern");
        let out = redact(&mut several(), &[&bytes]);
        let plain = colours.replace_all(&out, "");
        let joined = plain.replace(['\r', '\n'], "");
        for secret in [SECRET, "abcdefgh", "efghijkl", "aaaaaaaa"] {
            prop_assert!(!out.contains(secret) && !plain.contains(secret), "{:?} in {:?}", secret, out);
        }
        if !plain.contains("\n\n") && !plain.contains("\r\n\r") && !plain.contains("\n\r") && !plain.contains("\r\r") {
            for form in ["aHVudGVyMi1odW50ZXIy", "68756e746572322d68756e74657232"] {
                prop_assert!(!joined.contains(form), "{:?} in {:?}", form, out);
            }
        }
    }

    #[test]
    fn text_without_secrets_is_untouched(bytes in prop::collection::vec(prop_oneof![0_u8..0x20, Just(b'h'), Just(b'u'), any::<u8>()], 0..100)) {
        let mut redactor = redactor(&[("db", SECRET)]);
        let mut out = Vec::new();
        for chunk in bytes.chunks(7) {
            redactor.push(chunk, &mut out);
        }
        redactor.finish(&mut out);
        prop_assert_eq!(out, bytes);
        prop_assert!(redactor.counts().is_empty());
    }
}
