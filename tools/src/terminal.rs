//! The terminal: taken over as a whole, and given back however the program ends: by a key, a signal, an error or a panic.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How long the thread that reads keys takes at most to see that nobody wants them any more.
const KEY_PERIOD: Duration = Duration::from_millis(100);

/// How many keys wait.
const KEYS_MAX: usize = 64;

/// The whole screen, until it is dropped.
#[derive(Debug)]
pub(crate) struct Terminal {
    terminal: DefaultTerminal,
    events: Receiver<Event>,
    is_over: Arc<AtomicBool>,
}

impl Terminal {
    /// Takes the terminal over. From here to the end nothing else may write to it.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn take() -> io::Result<Self> {
        let terminal = ratatui::try_init().inspect_err(|_| drop(ratatui::try_restore()))?;
        let (sender, events) = channel(KEYS_MAX);
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read_keys(&sender, &over))?;
        Ok(Self {
            terminal,
            events,
            is_over,
        })
    }

    /// Draws anew; what stays the same is not sent to the terminal again.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, what: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(what).map(drop)
    }

    /// The next key, or that the screen has another size; `None` when the terminal is gone.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.terminal.show_cursor();
        let _ = ratatui::try_restore();
    }
}

fn read_keys(events: &Sender<Event>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let event = match event::poll(KEY_PERIOD) {
            Ok(true) => event::read(),
            Ok(false) => continue,
            Err(error) => Err(error),
        };
        match event {
            Ok(event) => {
                if events.blocking_send(event).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
