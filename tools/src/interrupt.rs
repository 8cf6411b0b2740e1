//! Ctrl-C, and the polite request to end that other programs send.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the wish that the program should end. From the first one on it is for the program to do so.
#[derive(Debug)]
pub(crate) struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Starts to listen; needs a runtime.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the wish.
    pub(crate) async fn wished(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
