//! Programs that start others: the words or the script that they start.

use super::table::{Before, CARRIER_VALUED, CARRIERS, SHELLS, SSH_VALUED, XARGS_VALUED};
use super::{has, has_verb, is_dash, is_heap, named, operands};

/// A script among the arguments, for a shell here or on another machine.
pub(super) fn evaluated(program: &str, arguments: &[String]) -> Option<String> {
    let joined = |words: &[String]| Some(words.join(" "));
    match program {
        shell if has(SHELLS, shell) => named("-c", arguments).map(str::to_owned),
        "su" | "runuser" => named("-c", arguments).or_else(|| named("--command", arguments)).map(str::to_owned),
        "script" | "flock" => named("-c", arguments).map(str::to_owned),
        "eval" => joined(arguments),
        "trap" => operands(arguments, "").next().map(str::to_owned),
        "ssh" => joined(behind_options(arguments, SSH_VALUED)?.split_first()?.1),
        "watch" => joined(behind_options(arguments, "-n --interval")?),
        _ => None,
    }
}

/// The words of a program among the arguments.
pub(super) fn carried(program: &str, arguments: &[String]) -> Option<Vec<String>> {
    let words = match program {
        "xargs" => {
            let unknown = ["what it reads".to_owned()];
            return Some([behind_options(arguments, XARGS_VALUED)?, &unknown].concat());
        }
        "find" => {
            let at = arguments.iter().position(|word| has("-exec -execdir -ok -okdir", word))?;
            arguments.get(at + 1..)?
        }
        _ => contained(program, arguments)?,
    };
    Some(words.to_vec())
}

/// The same, in a container or a namespace.
fn contained<'a>(program: &str, arguments: &'a [String]) -> Option<&'a [String]> {
    let (_, verbs, before) = CARRIERS.iter().find(|(programs, ..)| has(programs, program))?;
    let verbs = verbs.split(' ').map(|verb| verb.split('/').collect::<Vec<_>>());
    verbs.into_iter().find_map(|verb| has_verb(&verb, arguments))?;
    let exec = arguments.iter().position(|word| word == "exec")?;
    let rest = &arguments[exec + 1..];
    if *before == Before::Dashes
        && let Some(dashes) = rest.iter().position(|word| word == "--")
    {
        return rest.get(dashes + 1..);
    }
    behind_options(rest, CARRIER_VALUED)?.get(1..)
}

/// What stands behind the options.
fn behind_options<'a>(arguments: &'a [String], valued: &str) -> Option<&'a [String]> {
    let mut at = 0;
    while let Some(word) = arguments.get(at).filter(|word| is_dash(word)) {
        let heap = |letters: &str| {
            is_heap(letters) && letters.len() > 1 && has(valued, &format!("-{}", &letters[letters.len() - 1..]))
        };
        let takes = has(valued, word) || word.strip_prefix('-').is_some_and(heap);
        at += if takes { 2 } else { 1 };
        if word == "--" {
            break;
        }
    }
    arguments.get(at..)
}
