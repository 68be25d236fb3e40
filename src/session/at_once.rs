//! The same for several places, at the same time, but not for too many.

/// How many places are asked at the same time.
const AT_ONCE: usize = 8;

/// Does `work` for each item, with its number from 0; gives what came of each, in order.
///
/// Where no thread can be made, as when a machine is out of processes, it is done in turn.
pub(super) fn at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let mut all = Vec::with_capacity(items.len());
    for (begin, some) in (0..).step_by(AT_ONCE).zip(items.chunks(AT_ONCE)) {
        std::thread::scope(|scope| {
            let begun: Vec<_> = (begin..)
                .zip(some)
                .map(|(number, item)| {
                    let work = &work;
                    (number, item, std::thread::Builder::new().spawn_scoped(scope, move || work(number, item)))
                })
                .collect();
            all.extend(begun.into_iter().map(|(number, item, beside)| match beside {
                Ok(thread) => thread.join().expect("a look does not panic"),
                Err(_) => work(number, item),
            }));
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_is_done_once_and_told_in_order() {
        let done = AtomicUsize::new(0);
        let items: Vec<usize> = (0..20).collect();
        let all = at_once(&items, |number, item| {
            done.fetch_add(1, Ordering::SeqCst);
            assert_eq!(number, *item);
            item * 2
        });
        assert_eq!(all, (0..20).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(done.into_inner(), 20);
    }

    #[test]
    fn never_too_many_run_at_the_same_time() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        at_once(&[(); 20], |_, ()| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
        });
        assert!(most.into_inner() <= AT_ONCE);
    }
}
