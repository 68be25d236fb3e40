//! The pure engine: plan, command, record, effect, run, apply, decide, refusal.
