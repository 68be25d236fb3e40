//! Randomness from the kernel.

use rustix::rand::{GetRandomFlags, getrandom};

/// `N` random bytes.
///
/// # Panics
/// Where the kernel has no randomness, which it always has once it runs programs.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let got = getrandom(&mut bytes[..], GetRandomFlags::empty()).expect("the kernel gives random bytes");
    assert_eq!(got, N, "short requests are served whole");
    bytes
}
