//! Work that has time stands back behind work that somebody waits for.

use std::io;
use std::thread::Builder;

/// By how much it stands back (`nice(2)`): beside a thread that answers, it gets a tenth of a core.
const NICENESS: i32 = 10;

/// Lets this thread stand back, and all that it starts. There is no way back for a thread without privileges. Where the
/// system does not let it, it only is less polite.
pub(crate) fn stand_back() {
    let _ = rustix::process::nice(NICENESS);
}

/// Does something on a thread of its own that stands back, and waits for it: for threads that have to be quick again after.
pub(crate) fn standing_back<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let working = Builder::new().name(name.into()).spawn_scoped(scope, || {
            stand_back();
            work()
        })?;
        working.join().map_err(|_| io::Error::other("its thread panicked"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn niceness() -> i32 {
        rustix::process::nice(0).expect("a niceness")
    }

    #[test]
    fn what_stands_back_does_so_with_all_that_it_starts_and_leaves_its_caller_as_it_was() {
        let before = niceness();
        let both = || (niceness(), std::thread::spawn(niceness).join().expect("a thread"));
        let expected = (before + NICENESS).min(19);
        assert_eq!(standing_back("polite", both).expect("done"), (expected, expected));
        assert_eq!(niceness(), before);
    }

    #[test]
    fn a_panic_of_what_stands_back_is_told_and_does_not_take_its_caller_along() {
        let told = standing_back("polite", || panic!("on purpose")).map_err(|reason| reason.to_string());
        assert_eq!(told, Err::<(), _>("its thread panicked".into()));
    }
}
