//! The stand-in: what a client does when the router of its machine is gone.
//!
//! A client has one link. When that is lost, Zenoh tries to have it again, so a router that is started anew finds its clients
//! back by itself. When none comes in time, one of the clients opens a router at the same place, in its own process, and all
//! the others find that one. Who it is, the registry decides: the first to enter its name.
//!
//! One thread for each client waits for its link to be lost, and for nothing else.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::link_error::LinkError;

/// How long a client waits for its router at least: time for whoever looks after routers to start it anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much longer at most, each client as chance has it: hundreds lose their links at one moment.
const PATIENCE_SPREAD_MS: u64 = 1000;

/// How a node stands with the router of its machine.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RouterLink {
    /// Where the router listens.
    pub locator: String,
    /// For how long the link has been lost; `None` while it is up. Nobody is heard without it.
    pub lost_for: Option<Duration>,
    /// The router was gone, and this node's process has taken its place.
    pub stands_in: bool,
    /// Why this process could not take the place of a router that is gone.
    pub problem: Option<String>,
}

impl fmt::Display for RouterLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.locator)?;
        match (self.lost_for, self.stands_in) {
            (None, false) => Ok(()),
            (None, true) => {
                f.write_str(", in this process, because the router is gone; `nuncio router` can be started anew")
            }
            (Some(lost_for), _) => {
                write!(
                    f,
                    ", gone for {} s; start it anew with `nuncio router`",
                    lost_for.as_secs()
                )?;
                match &self.problem {
                    Some(problem) => write!(f, ", nobody took its place: {problem}"),
                    None => f.write_str(", or a client takes its place in a moment"),
                }
            }
        }
    }
}

/// What the thread is told.
enum Note {
    /// The link came up, or was lost.
    Link(bool),
    Close,
}

#[derive(Debug, Default)]
struct State {
    lost: Option<Instant>,
    stands_in: bool,
    problem: Option<String>,
}

/// Watches the one link of a client.
#[derive(Debug)]
pub(crate) struct StandIn {
    locator: String,
    notes: Sender<Note>,
    state: Arc<Mutex<State>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Tells that a link has come up or was lost.
pub(crate) type LinkNote = Box<dyn Fn(bool) + Send + Sync>;

impl StandIn {
    /// Starts to watch. `take_place` opens a router where the one with this locator was, and gives `None` when there is one.
    ///
    /// `watch` is given what is to be called when the link comes up or is lost, from now on and for the link that is up.
    ///
    /// # Errors
    ///
    /// Those of `watch`, or that there is no thread to be had.
    pub(crate) fn start<Engine>(
        locator: String,
        watch: impl FnOnce(LinkNote) -> Result<(), LinkError>,
        take_place: impl Fn(&str) -> Result<Option<Engine>, LinkError> + Send + 'static,
    ) -> Result<Self, LinkError> {
        let (notes, received) = channel();
        let sender = notes.clone();
        watch(Box::new(move |is_up| {
            // Nobody waits for it once the link is closed.
            let _ = sender.send(Note::Link(is_up));
        }))?;
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, place) = (Arc::clone(&state), locator.clone());
        let thread = thread::Builder::new()
            .name("nuncio/stand-in".to_owned())
            .spawn(move || run(&received, &shared, || take_place(&place)))
            .map_err(|error| LinkError::Open(format!("no thread to watch the link to the router: {error}")))?;
        Ok(Self {
            locator,
            notes,
            state,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// How the client stands with its router.
    pub(crate) fn router_link(&self) -> RouterLink {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        RouterLink {
            locator: self.locator.clone(),
            lost_for: state.lost.map(|since| since.elapsed()),
            stands_in: state.stands_in,
            problem: state.problem.clone(),
        }
    }

    /// Ends the watch, and the router that stands in, if there is one.
    pub(crate) fn close(&self) {
        let _ = self.notes.send(Note::Close);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It panics nowhere; and the link is closed in any case.
            let _ = thread.join();
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.notes.send(Note::Close);
    }
}

fn run<Engine>(
    notes: &Receiver<Note>,
    state: &Mutex<State>,
    take_place: impl Fn() -> Result<Option<Engine>, LinkError>,
) {
    let mut engine = None;
    let mut links = 0_u32;
    loop {
        let note = match links {
            0 => notes.recv_timeout(patience()),
            _ => notes.recv().map_err(RecvTimeoutError::from),
        };
        let mut problem = None;
        match note {
            Ok(Note::Link(true)) => links += 1,
            Ok(Note::Link(false)) => links = links.saturating_sub(1),
            Ok(Note::Close) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if engine.is_some() => continue,
            Err(RecvTimeoutError::Timeout) => match take_place() {
                Ok(taken) => engine = taken,
                Err(error) => problem = Some(error.to_string()),
            },
        }
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lost = match links {
            0 => state.lost.or_else(|| Some(Instant::now())),
            _ => None,
        };
        state.stands_in = engine.is_some();
        state.problem = problem;
    }
}

fn patience() -> Duration {
    let chance = getrandom::u64().unwrap_or_default() % PATIENCE_SPREAD_MS;
    PATIENCE + Duration::from_millis(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// Whoever watches no link loses none: what is said of it is in the hands of the test.
    fn watched(taken: impl Fn() -> Result<Option<()>, LinkError> + Send + 'static) -> (StandIn, LinkNote) {
        let mut note = None;
        let watch = |given| {
            note = Some(given);
            Ok(())
        };
        let stand_in = StandIn::start("tcp/127.0.0.1:7447".to_owned(), watch, move |_| taken()).unwrap();
        let note = note.unwrap();
        note(true);
        (stand_in, note)
    }

    #[test]
    fn a_client_that_has_lost_its_router_takes_its_place_and_tells() {
        let (sender, attempts) = channel();
        let (stand_in, link) = watched(move || {
            let _ = sender.send(Instant::now());
            Ok(Some(()))
        });
        assert!(attempts.try_recv().is_err());
        let lost = Instant::now();
        link(false);
        let attempt = attempts.recv_timeout(DEADLINE).unwrap();
        assert!(attempt - lost >= PATIENCE, "{:?}", attempt - lost);
        link(true);
        let end = Instant::now() + DEADLINE;
        while !stand_in.router_link().stands_in || stand_in.router_link().lost_for.is_some() {
            assert!(Instant::now() < end, "{:?}", stand_in.router_link());
            thread::yield_now();
        }
        assert!(stand_in.router_link().to_string().contains("in this process"));
        stand_in.close();
        assert!(attempts.recv_timeout(DEADLINE).is_err(), "it goes on trying");
    }

    #[test]
    fn a_client_whose_link_comes_back_in_time_takes_nobodys_place() {
        let (sender, attempts) = channel::<()>();
        let (stand_in, link) = watched(move || {
            let _ = sender.send(());
            Ok(None)
        });
        link(false);
        link(true);
        stand_in.close();
        assert!(attempts.recv_timeout(DEADLINE).is_err());
    }

    #[test]
    fn what_keeps_a_client_from_standing_in_is_told() {
        let (stand_in, link) = watched(|| Err(LinkError::Open("the port is taken".to_owned())));
        link(false);
        let end = Instant::now() + DEADLINE;
        while stand_in.router_link().problem.is_none() {
            assert!(Instant::now() < end, "{:?}", stand_in.router_link());
            thread::yield_now();
        }
        let said = stand_in.router_link().to_string();
        assert!(
            said.contains("the port is taken") && said.contains("`nuncio router`"),
            "{said}"
        );
        stand_in.close();
    }
}
