//! How far a long work is: a bar in the terminal's last line, drawn once a second. Where nobody watches there is none.

use std::time::{Duration, Instant};

use super::{PROGRESS_PERIOD, ProgressLine, Render};

/// How many places the bar has.
const PLACES: u64 = 20;

/// The bar of one work. It vanishes when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    render: &'a Render,
    what: &'static str,
    began: Instant,
    told: Instant,
    shown: Option<ProgressLine>,
}

impl<'a> Progress<'a> {
    /// Begins a work, such as `verifying`.
    pub(crate) fn new(render: &'a Render, what: &'static str) -> Self {
        let began = Instant::now();
        Self {
            render,
            what,
            began,
            told: began,
            shown: None,
        }
    }

    /// So much is done, of so much. May be called as often as one likes.
    pub(crate) fn tell(&mut self, done: u64, total: u64) {
        if self.render.talk.terminal && self.told.elapsed() >= PROGRESS_PERIOD {
            self.told = Instant::now();
            self.shown.get_or_insert(ProgressLine);
            self.render
                .progress_line(&bar(self.what, done, total, self.began.elapsed()));
        }
    }
}

fn bar(what: &str, done: u64, total: u64, took: Duration) -> String {
    let (done, total) = (u128::from(done.min(total)), u128::from(total.max(1)));
    let part = |of: u64| usize::try_from(done * u128::from(of) / total).unwrap_or_default();
    let full = part(PLACES);
    let left = took.as_millis() * (total - done) / done.max(1) / 1000;
    let places = usize::try_from(PLACES).unwrap_or_default();
    format!(
        "{what} [{}{}] {:3} %, {left} s left",
        "=".repeat(full),
        " ".repeat(places.saturating_sub(full)),
        part(100),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_much_is_done_and_how_long_it_will_take() {
        let took = Duration::from_secs(6);
        assert_eq!(
            bar("verifying", 150, 600, took),
            "verifying [=====               ]  25 %, 18 s left"
        );
        assert_eq!(
            bar("verifying", 700, 600, took),
            "verifying [====================] 100 %, 0 s left"
        );
        assert!(bar("verifying", 0, 0, took).contains("  0 %"));
    }
}
