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
    Syntax "yaml-syntax" Error
        "The file is not YAML, or uses a part of YAML that runbooks leave out."
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
