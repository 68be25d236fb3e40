//! Probes as runbooks use them: real servers in the test, the built binary, the words of a run.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::support::{Case, has, lacks};

/// A site that is up, and has moved one of its pages.
fn site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let (status, body) = if head.contains("/health") { ("200 OK", "all is up") } else { ("404 Not Found", "") };
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    at
}

/// A name server that knows `riki.example` and nobody else.
fn names() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let asked = &buffer[..length];
            let known = asked[12..].starts_with(b"\x04riki\x07example\0");
            let is_a = asked[length - 3] == 1;
            let mut said = asked.to_vec();
            said[2..4].copy_from_slice(if known { &[0x81, 0x80] } else { &[0x81, 0x83] });
            if known && is_a {
                said[7] = 1;
                said.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 7]);
            }
            let _ = socket.send_to(&said, from);
        }
    });
    at
}

fn runbook(site: SocketAddr, names: SocketAddr, folder: &Path) -> String {
    let (folder, process) = (folder.display(), std::process::id());
    format!(
        "locum: 1\ntitle: Is the forum there?\ndiagnose:\n\
         \x20 - {{ id: page, check: {{ http: 'http://{site}/health', contains: is up, within: 5s }} }}\n\
         \x20 - {{ id: gone, check: {{ http: 'http://{site}/old' }} }}\n\
         \x20 - {{ id: name, check: {{ dns: riki.example, gives: 10.0.0.7, server: '{names}' }} }}\n\
         \x20 - {{ id: other, check: {{ dns: mio.example, server: '{names}' }} }}\n\
         \x20 - {{ id: mute, check: {{ dns: riki.example, server: '127.0.0.1:1', within: 500ms }} }}\n\
         \x20 - {{ id: room, check: {{ disk: '{folder}', used_below: 16383PiB }} }}\n\
         \x20 - {{ id: full, check: {{ disk: '{folder}', free_above: 16383PiB }} }}\n\
         \x20 - {{ id: runs, check: {{ process: locum-{process} }} }}\n\
         \x20 - {{ id: ends, wait: {{ process: locum-{process}, running: false }}, every: 100ms, at_most: 30s }}\n\
         \x20 - {{ id: unit, check: {{ systemd: locum-no-such-unit }} }}\n\
         \x20 - {{ id: time, check: {{ clock: '127.0.0.1:1', within: 200ms }} }}\n"
    )
}

/// A real process under a name of its own that ends by itself.
fn sleeper(folder: &Path) -> Child {
    let path = folder.join(format!("locum-{}", std::process::id()));
    fs::copy("/bin/sleep", &path).unwrap();
    Command::new(path).arg("3").stdin(Stdio::null()).spawn().unwrap()
}

#[test]
fn each_probe_finds_what_is_there_and_says_what_it_cannot_tell() {
    let folder = tempfile::tempdir().unwrap();
    let text = runbook(site(), names(), folder.path());
    let mut sleeper = sleeper(folder.path());
    let reaper = thread::spawn(move || sleeper.wait().unwrap());
    let ended = Case::new()
        .runbook("forum", &text)
        .file("answers.yaml", "{}\n")
        .args(["run", "forum", "--headless", "--look", "--answers", "answers.yaml"])
        .stdout(has("page: ok"))
        .stdout(has("gone: FAULT"))
        .stdout(has("/old answers 404 after "))
        .stdout(has("name: ok"))
        .stdout(has("other: FAULT"))
        .stdout(has("there is no name `mio.example`, says 127.0.0.1:"))
        .stdout(has("mute: cannot tell"))
        .stdout(has("no DNS server listens at 127.0.0.1:1"))
        .stdout(has("room: ok"))
        .stdout(has("full: FAULT"))
        .stdout(has("runs: ok"))
        .stdout(has("ends: ok"))
        .stdout(has("time: cannot tell"))
        .stdout(has("no NTP server listens at 127.0.0.1:1"))
        .status(0);
    reaper.join().unwrap();
    let journal = ended.journal();
    let outcome = |step: &str| {
        let intent = journal.iter().find(|record| record["kind"] == "step.intent" && record["step"] == step).unwrap();
        let of =
            |record: &&serde_json::Value| record["kind"] == "step.outcome" && record["attempt"] == intent["attempt"];
        journal.iter().find(of).unwrap().clone()
    };
    assert_eq!(
        (outcome("page")["judged"].as_str(), outcome("gone")["judged"].as_str()),
        (Some("passed"), Some("failed"))
    );
    assert_eq!(outcome("mute")["judged"], "unknown");
    assert_eq!(outcome("page")["result"], "measured", "no process ran");
    let unit = outcome("unit");
    if Path::new("/run/systemd/system").exists() {
        assert_ne!(unit["judged"], "passed");
    } else {
        assert_eq!(unit["judged"], "unknown");
        assert!(unit["found"][0].as_str().unwrap().contains("not started with systemd"), "{unit}");
    }
}

#[test]
fn what_a_probe_asks_is_the_same_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let text = runbook("127.0.0.1:80".parse().unwrap(), "127.0.0.1:53".parse().unwrap(), folder.path());
    let words = [
        "http http://127.0.0.1:80/health status 200 contains \"is up\" within 5 s",
        "dns riki.example gives 10.0.0.7 server 127.0.0.1:53 within 5 s",
        "systemd locum-no-such-unit state active",
        "clock 127.0.0.1:1 within 200 ms",
    ];
    for args in [vec!["show", "forum"], vec!["run", "forum", "--dry-run"]] {
        let mut case = Case::new().runbook("forum", &text).more(args.iter().map(ToString::to_string).collect());
        for word in words {
            case = case.stdout(has(word));
        }
        case.status(0);
    }
    let ended = Case::new().runbook("forum", &text).args(["book", "build"]).stdout(has("book")).status(0);
    let page = fs::read_to_string(ended.room.work().join("book/site/runbooks/forum.html"));
    let page = page.unwrap_or_else(|error| panic!("{error}: {}", ended.stdout));
    assert!(page.contains("systemd locum-no-such-unit state active") && page.contains("within 200 ms"));
}

#[test]
fn a_probe_of_nothing_is_an_error_before_anything_runs() {
    let text = "locum: 1\ntitle: t\ndiagnose:\n  - check: { disk: /var }\n  - check: { http: riki }\n  - check: { dsn: riki }\n";
    Case::new()
        .runbook("forum", text)
        .args(["lint"])
        .stdout(has("a `disk` probe that asks for nothing"))
        .stdout(has("expected an address with `http://` or `https://`"))
        .stdout(has("did you mean `dns`?"))
        .stdout(lacks("cannot do it yet"))
        .status(1);
}
