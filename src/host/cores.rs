//! Work that is shared among all cores, where the system gives the threads for it.

use std::sync::OnceLock;

use rayon::prelude::*;

/// Each of these on one of the cores, in their order; one after the other where no threads can be made.
pub fn share<T: Send, R: Send>(work: Vec<T>, each: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    // The pool that is made by itself panics where a thread cannot be made.
    static POOL: OnceLock<bool> = OnceLock::new();
    if *POOL.get_or_init(|| rayon::ThreadPoolBuilder::new().build_global().is_ok()) {
        work.into_par_iter().map(each).collect()
    } else {
        work.into_iter().map(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_keeps_its_order() {
        let squares = share((0..1000).collect(), |number: u64| number * number);
        assert_eq!(squares, (0..1000).map(|number| number * number).collect::<Vec<_>>());
    }
}
