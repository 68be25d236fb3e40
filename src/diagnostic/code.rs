//! Every code a diagnostic can have, in one table: name, severity, explanation.

use super::Severity;

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $explanation:literal)*) => {
        /// What kind of problem it is; `locum explain CODE` prints the explanation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $explanation] $variant,)* }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in messages: `unknown-key`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How much it weighs.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// A paragraph for `locum explain` and the book.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }

            /// A runbook that has just this problem, as bytes of a file.
            pub const fn example(self) -> &'static [u8] {
                match self { $(Self::$variant => include_bytes!(concat!("../../tests/fixtures/lint/", $name, ".yaml")),)* }
            }

            /// From the name in messages.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    TooLarge "too-large" Error
        "A limit is passed: a file of 1 MiB, 64 levels, 20,000 values, a command of 16 KiB. A runbook of that size is a mistake, and a screen that waits for it at night is worse."
    NotText "not-text" Error
        "The file is not UTF-8 text, so that its letters differ from machine to machine."
    HiddenCharacter "hidden-character" Error
        "A character that nobody sees, or that turns the order of what is seen: a control character, a space without width, a mark that reverses the reading direction. What is read must be what is run."
    LookAlike "look-alike" Error
        "A character or a name that looks like another one: a Cyrillic letter in a key, or two ids that a tired reader takes for the same."
    Syntax "yaml-syntax" Error
        "The file is not YAML. Commands are the usual cause: quote the text, or write it under `|`."
    Tab "yaml-tab" Error
        "A tab stands where YAML wants spaces."
    Anchor "yaml-anchor" Error
        "Anchors (`&`), aliases (`*`) and merge keys (`<<`) are left out, so that a step says everything that it does where it stands."
    Tag "yaml-tag" Error
        "Tags (`!`) are left out. YAML takes `! test -e x` for a tag and drops the `!`, which makes the command its own opposite."
    Documents "yaml-documents" Error
        "A file holds one runbook: no second document, no directive."
    KeyNotText "key-not-text" Error
        "A key of a mapping is a text. A value that begins with `{{` is the usual cause: quote it."
    DuplicateKey "duplicate-key" Error
        "A key stands twice in one mapping. Readers of YAML disagree about which one counts."
    UnknownKey "unknown-key" Error
        "A key that the format does not have. Nothing is ever ignored, since an ignored guard would be decoration."
    NotBuiltYet "not-built-yet" Error
        "A key, kind or probe that the format has but this version of locum cannot do. It is refused, since a step that is passed over in silence is worse than one that is missing."
    WrongType "wrong-type" Error
        "A value is not what its key takes: a list where a text is expected, a word that is not one of the choices."
    MissingKey "missing-key" Error
        "A key that must be there is not."
    StepKind "step-kind" Error
        "A step has exactly one kind, such as `check` or `change`; this one has none, or several."
    FieldOfOtherKind "field-of-other-kind" Error
        "A field that belongs to another kind of step. On this one it would do nothing."
    NoSteps "no-steps" Error
        "A runbook needs at least one step: without one there is nothing that a deputy could do."
    BadName "bad-name" Error
        "An id or a name has characters that it cannot have. Ids become file names and are typed at night: a-z, 0-9, `_` and `-`, a letter or digit first. Names of values stand in templates: a-z, 0-9 and `_`, a letter first."
    DuplicateId "duplicate-id" Error
        "Two steps have the same id. A run stands at a step's id, so it must name one step in the whole runbook."
    NameTaken "name-taken" Error
        "One name for two values. Inputs, values, captures, loops and `host` share one space, so that `{{ name }}` can only mean one thing."
    KindInPhase "kind-in-phase" Error
        "Something that changes stands in diagnose or verify. These phases hold only kinds that change nothing: `check`, `wait`, `by_hand` as a look, `question`, and groups of them."
    GroupDepth "group-depth" Error
        "Groups are nested more than three deep. A map with more levels is not read at night."
    UnknownDestination "unknown-destination" Error
        "`then` and `if_not` name a step of the same list, a phase, or one of `next`, `done`, `stop`, `undo`; this is none of them."
    DestinationNotHere "destination-not-here" Error
        "A destination that exists but cannot be reached from here: a step of another list (a group is left only by its end, a phase or a word), or `done` outside diagnose, where it would close a run that nothing has proved."
    UnknownStep "unknown-step" Error
        "The id of a step that does not exist."
    UnknownTarget "unknown-target" Error
        "`where` names a place that is neither declared under `targets` nor `here`, which is this machine. A step that runs in the wrong place is worse than one that does not run."
    UnknownList "unknown-list" Error
        "`for_each` and `choices` can name a list: an input with `list: true`, or a capture with `lines: true` of an earlier step. This names no such list."
    UndefinedName "undefined-name" Error
        "A template uses a name that nothing gives a value before this step. Names come from `inputs`, `values`, captures of earlier steps, the name of a `for_each`, and `host`."
    Include "include" Error
        "A runbook cannot be included: there is none of that name beside this one, it has a problem of its own, it includes this one in turn, or what it asks for is not given."
    Template "template" Error
        "A template cannot be read, or uses a part of the language that runbooks leave out (macros, `set`, includes, most filters)."
    HolePlace "hole-place" Error
        "A value cannot be quoted where this `{{ }}` stands: in a here-document, a comment, `$(( ))`, `${ }`, backticks, `$'...'`, or behind a backslash. Hand it over with `env:` or `stdin:` instead."
    HoleEvaluated "hole-evaluated-again" Error
        "The word with this `{{ }}` is evaluated a second time (`sh -c`, `eval`, `ssh`, `awk`, `jq`), which takes off the quotes that keep the value from becoming syntax. Hand it over with `env:` or `stdin:` instead."
    HoleDash "hole-leading-dash" Error
        "The value begins a word, so that one which begins with `-` would be read as an option. Write `--` before it, or give the input a `pattern` that cannot begin with `-`."
    SecretPlace "secret-place" Error
        "A secret stands where it would be seen or kept: in a command, whose words everybody on the machine can list, or in a text that is shown and recorded. A secret reaches a step by `env:` or `stdin:` and nothing else."
    BadPattern "bad-pattern" Error
        "A regular expression or a glob that cannot be read."
    InputDefault "input-default" Error
        "The default of an input is none of its choices, or does not match its pattern."
    BadVersion "bad-version" Error
        "A version has three numbers, as in `1.2.0`."
    BadDate "bad-date" Error
        "A day is written as `\"2026-11-01\"`."
    OutOfRange "out-of-range" Error
        "A number or duration with which the step could never pass."
    Contradiction "contradiction" Error
        "Two keys that exclude each other, such as `undo` and `no_undo`."
    MayChangeWithoutScope "may-change-without-scope" Error
        "`may_change` takes files out of the guard of `scope`. Without a `scope` nothing is guarded, and the list would be decoration."
    ForbiddenCommand "forbidden-command" Error
        "A command of the runbook is one that the runbook itself forbids."
    MutatingLook "mutating-look" Error
        "A look with a word that is known to change something: `rm`, `systemctl restart`, `kubectl delete`, `sed -i`, `> file`, an `UPDATE` behind `psql -c`, also behind `sudo`, `env`, `timeout`, `ssh` and `kubectl exec`. A look (`check`, `wait`, `needs`, `done_when`, `output_of`, `prove`) runs without a question, on every machine at once, and again when a run goes on; what changes something is a `change`. A look may write into `$TMPDIR` and what `mktemp` gives. Where it only seems so, put the command into a script beside the runbook and let the look call it."
    OutsidePath "outside-path" Error
        "A path that leads out of the repository. What a runbook calls is part of its digest and frozen with the run, so it lies beside it."
    ListCommand "list-command" Error
        "A list is the words of one command, the first being the program. `[ -f x ]` loads as a list with the one word `-f x`, which is no program."
    CommentCut "comment-cut" Warning
        "YAML cuts an unquoted command at ` #`. If it is a comment, put it on a line of its own; if it belongs to the command, quote the command or write it under `|`."
    Typographic "typographic-character" Warning
        "A quote or dash of a word processor in a command: the shell takes `“` and `–` for ordinary letters."
    UnquotedValue "unquoted-value" Warning
        "Locum takes the text as it stands, but other tools read it as a date, a number or a yes. Quotes make all of them read the same."
    NoWayBack "no-way-back" Warning
        "A change without a way back: no `undo`, no `no_undo` that says why there is none, and no `scope` that is copied before."
    RepairUnproved "repair-unproved" Warning
        "The repair changes something, but there is no verify step that would prove that it helped."
    NoDeputy "no-deputy" Warning
        "The runbook has an owner but no deputy other than the owner: a bus factor of one."
    NoReview "no-review" Warning
        "The runbook changes systems, and nobody says when it was reviewed last or how often it is due."
    NeverTaken "never-taken" Warning
        "A branch that can never be taken: one before it has no `got` and takes everything."
}
