//! `locum replay RUN`: a run shown once more from its record alone: every record in words, with its output and its
//! pauses. Nothing runs, and nothing but text reaches the terminal.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::Outcome;
use super::kept::{Kept, zone};
use super::outcome::CliError;
use super::surroundings::{Surroundings, Where};
use crate::engine::record::Stream;
use crate::exec::played;
use crate::report::{Pace, Shown, log_line, note_line, shown};
use crate::text::{Colours, Sanitizer, plain};

/// What stands before each line of an output.
const MARGIN: &str = "    | ";
/// Longest pause: who replays a night does not wait for it once more.
const LONGEST: Duration = Duration::from_secs(2);
const CHUNK: usize = 64 << 10;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The run; default: the newest
    pub run: Option<String>,
    /// How many times faster than it was; no pause is longer than 2 seconds
    #[arg(long, value_name = "N", default_value = "4", value_parser = speed)]
    pub speed: f64,
    /// Without pauses; so it is where standard output is no terminal
    #[arg(long, conflicts_with = "speed")]
    pub no_wait: bool,
    /// The zone of whoever reads, as `Europe/Copenhagen`
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "expected a number such as `10`".to_owned())?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("expected a number above 0".to_owned()) }
}

/// Shows a run once more.
pub fn replay(args: &ReplayArgs) -> Outcome {
    let around = Surroundings::find()?;
    let zone = zone(&around, args.zone.as_deref())?;
    let kept = Kept::find(&around.state(&args.at)?, args.run.as_deref())?;
    let waits = !args.no_wait && io::stdout().is_terminal();
    let pace = waits.then_some(Pace { speed: args.speed, longest: LONGEST });
    let mut player = Player { kept: &kept, pace, out: io::stdout().lock() };
    writeln!(player.out, "run {}, from its record alone; nothing runs", plain(&kept.run.id))?;
    let mut before = None;
    for record in &kept.records {
        if let (Some(pace), Some(before)) = (&player.pace, before) {
            thread::sleep(pace.between(before, record));
        }
        writeln!(player.out, "{}", log_line(record, zone))?;
        for output in shown(&record.event) {
            player.output(output)?;
        }
        player.out.flush()?;
        before = Some(record);
    }
    for (writer, record) in &kept.notes {
        writeln!(player.out, "{}", note_line(writer, record, zone))?;
    }
    Ok(kept.damage())
}

struct Player<'a, W> {
    kept: &'a Kept,
    /// None where nobody waits.
    pace: Option<Pace>,
    out: W,
}

impl<W: Write> Player<'_, W> {
    /// An output with a margin. One that is not there is said, and keeps nothing else from being shown.
    fn output(&mut self, output: Shown<'_>) -> Result<(), CliError> {
        let (heading, stream) = match output {
            Shown::Printed(stream) => (None, stream),
            Shown::Errors(stream) => (Some("errors".to_owned()), stream),
            Shown::OnHost(host, stream) => (Some(format!("on {}", plain(host))), stream),
            Shown::Recording(stream) => (Some("a terminal".to_owned()), stream),
        };
        if stream.kept == 0 && !stream.cut {
            return Ok(());
        }
        if let Some(heading) = heading {
            writeln!(self.out, "    {heading}:")?;
        }
        let opened = self.kept.blob(&stream.blob).ok_or_else(|| "that is not the name of a file of the run".to_owned());
        let shown = opened.and_then(|path| self.play(&path, output).map_err(|error| error.to_string()));
        if let Err(why) = shown {
            writeln!(self.out, "    (its output `{}` cannot be shown: {})", plain(&stream.blob), plain(&why))?;
        }
        if stream.cut {
            writeln!(self.out, "    ({})", cut(stream))?;
        }
        Ok(())
    }

    fn play(&mut self, path: &Path, output: Shown<'_>) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut margin = Margin::new(&mut self.out);
        if let Shown::Recording(_) = output {
            let mut recording = Vec::new();
            file.read_to_end(&mut recording)?;
            for (since, text) in played(&recording) {
                if let Some(pace) = &self.pace {
                    margin.flush()?;
                    thread::sleep(pace.of(since));
                }
                margin.push(text.as_bytes())?;
            }
            return margin.finish();
        }
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer)? {
                0 => return margin.finish(),
                count => margin.push(&buffer[..count])?,
            }
        }
    }
}

fn cut(stream: &Stream) -> String {
    format!("{} of {} bytes were kept", stream.kept, stream.bytes)
}

/// Output on its way to the terminal: text alone, with a margin before each line.
struct Margin<W> {
    out: W,
    sanitizer: Sanitizer,
    at_start: bool,
}

impl<W: Write> Margin<W> {
    fn new(out: W) -> Self {
        Self { out, sanitizer: Sanitizer::new(Colours::Drop), at_start: true }
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut text = String::new();
        self.sanitizer.push(bytes, &mut text);
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        for line in text.split_inclusive('\n') {
            if self.at_start {
                self.out.write_all(MARGIN.as_bytes())?;
            }
            self.out.write_all(line.as_bytes())?;
            self.at_start = line.ends_with('\n');
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The last line is ended, whatever the output left open.
    fn finish(mut self) -> io::Result<()> {
        let mut text = String::new();
        self.sanitizer.finish(&mut text);
        self.write(&text)?;
        if self.at_start { Ok(()) } else { self.out.write_all(b"\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margin(pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut margin = Margin::new(&mut out);
        for piece in pieces {
            margin.push(piece).unwrap();
        }
        margin.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_line_has_a_margin_whatever_the_pieces() {
        assert_eq!(margin(&[b"one\ntw", b"o\n\nthr", b"ee"]), "    | one\n    | two\n    | \n    | three\n");
        assert_eq!(margin(&[b"a\r\n$ ls\r\n"]), "    | a\n    | $ ls\n");
        assert_eq!(margin(&[]), "");
    }

    #[test]
    fn what_would_move_the_cursor_is_text_or_gone() {
        let attack = margin(&[b"\x1b]0;title\x07a\x1b[2J\x1b[31m\x9bb\rc\x1b", b"[?1049hd\n"]);
        assert!(attack.chars().all(|letter| letter == '\n' || !letter.is_control()), "{attack:?}");
        assert!(attack.contains('a') && attack.contains('b') && attack.contains('c') && attack.contains('d'));
    }

    #[test]
    fn a_speed_is_a_number_above_nothing() {
        assert_eq!(speed("10"), Ok(10.0));
        for text in ["0", "-1", "inf", "nan", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
