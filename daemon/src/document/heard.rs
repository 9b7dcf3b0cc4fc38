//! What readers ask of tables, for the test that compares it with the definition of the keys.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What was asked: by the path of a table, its keys, each with the words that it may be, if it was asked for such.
pub(crate) type Heard = BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>>;

thread_local! {
    static HEARD: RefCell<Option<Heard>> = const { RefCell::new(None) };
}

/// What is asked of tables while this runs, in this thread.
pub(crate) fn while_running(run: impl FnOnce()) -> Heard {
    HEARD.set(Some(Heard::new()));
    run();
    HEARD.take().unwrap_or_default()
}

pub(super) fn key(path: &str, key: &str) {
    words(path, key, &[]);
}

pub(super) fn words(path: &str, key: &str, words: &[&'static str]) {
    HEARD.with_borrow_mut(|heard| {
        if let Some(heard) = heard {
            heard.entry(path.to_owned()).or_default().entry(key.to_owned()).or_default().extend(words);
        }
    });
}
