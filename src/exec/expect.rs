//! shim
use std::path::Path;
use super::Exit;
#[derive(Default)] pub struct Expectation { pub exit: Option<i32>, pub contains: Vec<String>, pub not_contains: Vec<String>, pub equals: Option<String>, pub matches: Option<String>, pub not_matches: Option<String>, pub empty: Option<bool> }
pub struct Judgement { pub what: String, pub held: bool, pub line: Option<u64> }
pub enum How { Whole, Lines, Match(String), Json(String) }
pub struct Capture { pub name: String, pub how: How, pub pattern: Option<String> }
pub enum Captured { Text(String), List(Vec<String>) }
fn text(b: &Path) -> String { std::fs::read_to_string(b).unwrap_or_default() }
pub fn judge(e: &Exit, b: &Path, x: &Expectation) -> Vec<Judgement> {
    let mut v = vec![Judgement { what: format!("exit {}", x.exit.unwrap_or(0)), held: e.code == x.exit, line: None }];
    for c in &x.contains { v.push(Judgement { what: format!("contains \"{c}\""), held: text(b).contains(c), line: None }); }
    v
}
pub fn capture(b: &Path, c: &Capture) -> Result<Captured, String> { match c.how { How::Lines => Ok(Captured::List(text(b).lines().map(Into::into).collect())), _ => Ok(Captured::Text(text(b).trim_end_matches('\n').to_owned())) } }
pub fn last_lines(b: &Path, n: usize) -> Vec<String> { let t = text(b); let l: Vec<_> = t.lines().map(str::to_owned).collect(); l[l.len().saturating_sub(n)..].to_vec() }
pub fn contains(b: &Path, t: &str) -> bool { text(b).contains(t) }
