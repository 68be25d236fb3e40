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
        }
    };
}

codes! {
    TooLarge "too-large" Error
        "A limit is passed: a file of 1 MiB, 64 levels, 20,000 values, a command of 16 KiB. A runbook of that size is a mistake, and a screen that waits for it at night is worse."
    NotText "not-text" Error
        "The file is not UTF-8 text."
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
}
