//! Lets every call fail that a run of five steps makes on its state folder, and every process die at each: I1 to I5 of
//! the journal must hold, and the run must come to its end.
//!
//! ```text
//! cargo test --test faults -- all                          every fault at every call
//! cargo test --test faults -- sample --seconds 300 --seed 7
//! cargo test --test faults -- one run 17 once:EIO          a single one, with everything that was said
//! cargo test --test faults -- power [--every 4]            the power is cut wherever that makes a difference; as root
//! ```
//! It needs Linux on x86-64, where a process may trace its children. Without a word it only says so.

#![expect(
    clippy::disallowed_methods,
    reason = "this program is an edge: it starts the binary and reads its own environment"
)]

fn main() -> std::process::ExitCode {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    return linux::main();
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        println!("the fault sweep needs Linux on x86-64");
        std::process::ExitCode::SUCCESS
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod call;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod disk;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod power;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod scene;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[expect(dead_code, reason = "the stage of the other tests, of which this program uses a part")]
#[path = "../stage/mod.rs"]
mod stage;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[expect(dead_code, unused_imports, reason = "what the other tests share, of which this program uses a part")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sweep;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer;
