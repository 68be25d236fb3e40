//! Exit codes: public, stable, one table.

macro_rules! exits {
    ($($variant:ident $code:literal $meaning:literal)*) => {
        /// How the program ends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Exit { $(#[doc = $meaning] $variant = $code,)* }

        impl Exit {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// What it means, for the book and `--help`.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

exits! {
    Done 0 "done"
    Findings 1 "findings of `lint`, or a fault found"
    Usage 2 "usage: the command line or an answers file is not right"
    InvalidRunbook 3 "a command needs a runbook that is invalid"
    NotTrusted 4 "not trusted, or not the reviewed version"
    WrongTarget 5 "wrong target, or not confirmed"
    JournalNotWritable 6 "the journal is not writable; nothing ran"
    HeldByAnother 7 "control is held by another, or there is an open run on the same target"
    Fenced 8 "fenced: somebody else took control"
    Torn 10 "the journal is torn at its end"
    Corrupt 11 "the journal is corrupt"
    Fork 12 "the journal forks, or has a stale writer"
    BadSignature 13 "a signature is bad"
    BlobMismatch 14 "an output does not match its record"
    RolledBack 15 "the journal is rolled back behind an anchor"
    PersonNeeded 20 "a person must decide"
    StepFailed 21 "a step failed"
    TimedOut 22 "a step timed out"
    StoppedByOperator 23 "stopped by the operator"
    GuardBroken 24 "a guard is broken"
    StoppedByRunbook 25 "stopped by the runbook (`then: stop`)"
    LabFailed 26 "the lab failed"
    Environment 27 "environment: a missing command, file, network or permission"
    Interrupted 130 "interrupted"
}
