//! Random runbooks, written as YAML: groups, loops over lists and captures, conditions, branches, jumps, choices.

use std::fmt::Write;

use proptest::prelude::*;

/// A runbook.
#[derive(Clone, Debug)]
pub struct Book {
    guarded: bool,
    phases: [Vec<Node>; 4],
}

/// A step. What its numbers mean depends on where it stands; see [`Writer`].
#[derive(Clone, Debug)]
struct Node {
    kind: u8,
    then: u8,
    if_not: u8,
    when: u8,
    each: u8,
    children: Vec<Node>,
}

impl Book {
    pub fn any() -> impl Strategy<Value = Self> {
        let fields = || (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
        let node = |(kind, then, if_not, when, each), children| Node { kind, then, if_not, when, each, children };
        let leaf = fields().prop_map(move |fields| node(fields, Vec::new()));
        let step = leaf.prop_recursive(2, 12, 3, move |inner| {
            (fields(), prop::collection::vec(inner, 1..4)).prop_map(move |(fields, children)| node(fields, children))
        });
        let phase = || prop::collection::vec(step.clone(), 0..4);
        (any::<bool>(), [phase(), phase(), phase(), phase()]).prop_map(|(guarded, phases)| Self { guarded, phases })
    }

    /// The runbook from its third line on.
    pub fn text(&self) -> String {
        let mut writer = Writer { text: String::new(), next: 0, before: Vec::new() };
        if self.guarded {
            writer.text.push_str("scope: { files: [/etc/x] }\n");
        }
        writer.text.push_str("inputs: { nodes: { list: true }, one: x }\ndiagnose:\n  - { id: list, check: x, capture: { pods: { lines: true } } }\n");
        writer.list(&self.phases[0], "diagnose", 0);
        for (name, steps) in ["repair", "verify", "follow_up"].into_iter().zip(&self.phases[1..]) {
            if !steps.is_empty() {
                let _ = writeln!(writer.text, "{name}:");
                writer.list(steps, name, 0);
            }
        }
        writer.text
    }

    /// How many turns of steps there can be; no list is longer than two.
    pub fn most_turns(&self) -> usize {
        fn turns(list: &[Node]) -> usize {
            list.iter().map(|node| 2 * turns(&node.children).max(1)).sum()
        }
        1 + self.phases.iter().map(|phase| turns(phase)).sum::<usize>()
    }
}

struct Writer {
    text: String,
    next: usize,
    /// The ids so far.
    before: Vec<String>,
}

/// Where a step stands: the ids of its list, its phase, how deep.
struct Place<'a> {
    beside: &'a [String],
    phase: &'a str,
    depth: usize,
}

impl Writer {
    fn list(&mut self, steps: &[Node], phase: &str, depth: usize) {
        let ids: Vec<_> = (self.next..self.next + steps.len()).map(|number| format!("s{number}")).collect();
        self.next += steps.len();
        for (node, id) in steps.iter().zip(&ids) {
            self.step(node, id, &Place { beside: &ids, phase, depth });
            self.before.push(id.clone());
        }
    }

    fn step(&mut self, node: &Node, id: &str, place: &Place) {
        let Place { beside, phase, depth } = *place;
        let pad = " ".repeat(2 + 4 * depth);
        let mut fields = format!("id: {id}");
        for (key, number) in [("then", node.then), ("if_not", node.if_not)] {
            if let Some(to) = destination(number, beside, phase) {
                let _ = write!(fields, "\n{pad}  {key}: {to}");
            }
        }
        let step =
            self.before.get(usize::from(node.when / 8) % self.before.len().max(1)).map_or("list", String::as_str);
        let when = match node.when % 8 {
            0 => format!("passed('{step}')"),
            1 => format!("not failed('{step}')"),
            2 => "\"one == 'x'\"".to_owned(),
            _ => String::new(),
        };
        if !when.is_empty() {
            let _ = write!(fields, "\n{pad}  when: {when}");
        }
        if let Some(each) = ["[p, q]", "pods", "nodes"].get(usize::from(node.each % 8)) {
            let _ = write!(fields, "\n{pad}  for_each: {{ x{depth}: {each} }}");
        }
        if node.children.is_empty() {
            let own = kind(node.kind, beside, phase).join(&format!("\n{pad}  "));
            let _ = writeln!(self.text, "{pad}- {fields}\n{pad}  {own}");
        } else {
            let _ = writeln!(self.text, "{pad}- {fields}\n{pad}  steps:");
            self.list(&node.children, phase, depth + 1);
        }
    }
}

/// The kind of a step with the fields that only it has, a line each.
fn kind(number: u8, beside: &[String], phase: &str) -> Vec<String> {
    let changes = matches!(phase, "repair" | "follow_up");
    let to = destination(number / 10, beside, phase).map_or(String::new(), |to| format!(", then: {to}"));
    let lines: &[&str] = match number % 10 {
        0 => &["by_hand: do it"],
        1 => &["question: is it so?"],
        2 => &["question: which?", &format!("choices: [ one, {{ answer: two{to} }} ]")],
        3 | 4 if changes => &["change: go"],
        5 if changes => &["change: go", "repeatable: true"],
        6 if changes => &["change: go", "undo: back"],
        7 if changes => &["change: go", "done_when: { file: /x }"],
        8 if changes => &["by_hand: do it", "undo: { by_hand: do the other }"],
        _ => &["check: look"],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// A step beside it, a phase, a word, or nothing.
fn destination(number: u8, beside: &[String], phase: &str) -> Option<String> {
    match number % 16 {
        0 => Some("stop".to_owned()),
        1 => Some("undo".to_owned()),
        2 => Some("next".to_owned()),
        3 => Some(["diagnose", "repair", "verify", "follow_up"][usize::from(number / 16) % 4].to_owned()),
        4 if phase == "diagnose" => Some("done".to_owned()),
        5..=8 => Some(beside[usize::from(number / 16) % beside.len()].clone()),
        _ => None,
    }
}
