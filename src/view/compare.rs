//! "Should look like" beside "you got": which lines differ. By eye only: nothing is judged by it.

/// A line of both sides; a side that has nothing there is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub should: Option<String>,
    pub got: Option<String>,
}

impl Pair {
    /// Whether the line is to be marked.
    pub fn differs(&self) -> bool {
        self.should != self.got
    }
}

/// Longest side that is aligned; what comes after is set side by side as it stands.
const MOST_LINES: usize = 200;

/// Both sides, with equal lines beside each other (the longest common subsequence), spaces at their ends ignored.
pub fn compare(should: &[String], got: &[String]) -> Vec<Pair> {
    let trim = |lines: &[String]| lines.iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let (should, got) = (trim(should), trim(got));
    if should.len().max(got.len()) > MOST_LINES {
        return beside(&should, &got);
    }
    let common = table(&should, &got);
    let (mut at, mut to, mut pairs) = (0, 0, Vec::new());
    let (mut left, mut right) = (Vec::new(), Vec::new());
    while at < should.len() && to < got.len() {
        if should[at] == got[to] {
            pairs.extend(beside(&left, &right));
            (left, right) = (Vec::new(), Vec::new());
            pairs.push(Pair { should: Some(should[at].clone()), got: Some(got[to].clone()) });
            (at, to) = (at + 1, to + 1);
        } else if common[at + 1][to] >= common[at][to + 1] {
            left.push(should[at].clone());
            at += 1;
        } else {
            right.push(got[to].clone());
            to += 1;
        }
    }
    left.extend_from_slice(&should[at..]);
    right.extend_from_slice(&got[to..]);
    pairs.extend(beside(&left, &right));
    pairs
}

/// Lengths of the longest common subsequences of all ends.
fn table(should: &[String], got: &[String]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; got.len() + 1]; should.len() + 1];
    for at in (0..should.len()).rev() {
        for to in (0..got.len()).rev() {
            table[at][to] = if should[at] == got[to] {
                table[at + 1][to + 1] + 1
            } else {
                table[at + 1][to].max(table[at][to + 1])
            };
        }
    }
    table
}

fn beside(left: &[String], right: &[String]) -> Vec<Pair> {
    let line = |lines: &[String], at: usize| lines.get(at).cloned();
    (0..left.len().max(right.len())).map(|at| Pair { should: line(left, at), got: line(right, at) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(should: &[&str], got: &[&str]) -> Vec<String> {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let draw = |pair: &Pair| {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
            format!("{}{}|{}", if pair.differs() { "! " } else { "  " }, side(&pair.should), side(&pair.got))
        };
        compare(&owned(should), &owned(got)).iter().map(draw).collect()
    }

    #[test]
    fn the_line_that_differs_is_marked() {
        assert_eq!(marked(&["a", "Ready", "c"], &["a", "NotReady", "c"]), ["  a|a", "! Ready|NotReady", "  c|c"]);
    }

    #[test]
    fn a_line_more_moves_nothing_else() {
        assert_eq!(marked(&["a", "b"], &["x", "a", "b"]), ["! -|x", "  a|a", "  b|b"]);
        assert_eq!(marked(&["a", "b"], &["a"]), ["  a|a", "! b|-"]);
    }

    #[test]
    fn spaces_at_the_end_are_no_difference() {
        assert_eq!(marked(&["a  "], &["a"]), ["  a|a"]);
    }

    proptest! {
        #[test]
        fn both_sides_come_back_whole(should in prop::collection::vec("[ab]", 0..12), got in prop::collection::vec("[ab]", 0..12)) {
            let pairs = compare(&should, &got);
            prop_assert_eq!(pairs.iter().filter_map(|pair| pair.should.clone()).collect::<Vec<_>>(), should);
            prop_assert_eq!(pairs.iter().filter_map(|pair| pair.got.clone()).collect::<Vec<_>>(), got);
        }
    }
}
