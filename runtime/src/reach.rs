//! How far a link reaches, and what Zenoh is told because of that.
//!
//! With Zenoh's own settings a hundred nodes that start at once on one machine never all meet: each accepts a hundred
//! links at a time and gives up the others after ten seconds, and nobody tries again what was learned by gossip. Gossip
//! itself grows with the cube of the nodes, because each tells each of each. Nodes that the registry of the machine
//! introduces to each other have no need of it.

use crate::link_config::{Discovery, LinkConfig, is_on_this_machine};
use crate::whereabouts::Mode;

/// How far a link reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// To the nodes that the registry of this machine names, all of which it calls itself.
    Registry,
    /// To endpoints on this machine that were given by hand, and to whom is met there.
    Machine,
    /// To other machines.
    Network,
}

impl Reach {
    /// How far a link reaches that was asked for so, and in the end listens and connects there.
    pub(crate) fn of(asked: &LinkConfig, listen: &[String], connect: &[String], multicast: bool) -> Self {
        let is_near = |endpoints: &[String]| endpoints.iter().all(|endpoint| is_on_this_machine(endpoint));
        let by_hand = !asked.listen.is_empty() || !asked.connect.is_empty();
        match asked.discovery() {
            _ if multicast || !is_near(listen) || !is_near(connect) => Self::Network,
            Discovery::Auto | Discovery::Local if !by_hand => Self::Registry,
            Discovery::Auto | Discovery::Local | Discovery::Off => Self::Machine,
        }
    }

    /// How far a router reaches that listens and connects there: peers that it calls are to be told nothing of each other.
    pub(crate) fn of_router(listen: &[String], connect: &[String]) -> Self {
        let is_near = listen
            .iter()
            .chain(connect)
            .all(|endpoint| is_on_this_machine(endpoint));
        if is_near { Self::Registry } else { Self::Network }
    }

    /// What Zenoh is told: paths in its configuration, and JSON.
    pub(crate) fn zenoh_settings(self, mode: Mode) -> impl Iterator<Item = (&'static str, String)> {
        const MACHINE: [(&str, &str); 6] = [
            // Links that are being opened by others at one time, and links in all. From a network nobody may open so many: each
            // takes some 80 KiB.
            ("transport/unicast/accept_pending", "10000"),
            ("transport/unicast/max_sessions", "10000"),
            // What takes long here is not far away but waits for its turn.
            ("transport/unicast/open_timeout", "60000"),
            ("transport/unicast/accept_timeout", "60000"),
            // The system tells at once when a process of this machine ends: only one that hangs is found out by its silence.
            // Signs of life are what an idle node spends its time on, once for each link.
            ("transport/link/tx/lease", "20000"),
            ("transport/link/tx/keep_alive", "2"),
        ];
        const REGISTRY: [(&str, &str); 2] = [
            // Whoever is here has called everybody, or is called. Those who have endpoints given by hand still tell of others.
            (
                "scouting/gossip/target",
                r#"{"router": ["router", "peer"], "peer": ["router"]}"#,
            ),
            // Who has entered its name listens a moment later; who is gone comes back under another port.
            (
                "connect/retry",
                r#"{"period_init_ms": 100, "period_max_ms": 60000, "period_increase_factor": 2}"#,
            ),
        ];
        // The router is looked for where it was, and comes back there.
        const CLIENT: [(&str, &str); 1] = [(
            "connect/retry",
            r#"{"period_init_ms": 100, "period_max_ms": 1000, "period_increase_factor": 2}"#,
        )];
        let (machine, registry): (&[_], &[_]) = match self {
            Self::Registry if mode == Mode::Client => (&MACHINE, &CLIENT),
            Self::Registry => (&MACHINE, &REGISTRY),
            Self::Machine => (&MACHINE, &[]),
            Self::Network => (&[], &[]),
        };
        let all = machine.iter().chain(registry);
        all.map(|(path, value)| (*path, (*value).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(listen: &[&str], connect: &[&str], discovery: Discovery, found: &[&str]) -> Reach {
        let owned = |endpoints: &[&str]| endpoints.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let asked = LinkConfig {
            listen: owned(listen),
            connect: owned(connect),
            discovery: Some(discovery),
            ..LinkConfig::default()
        };
        let all: Vec<_> = owned(connect).into_iter().chain(owned(found)).collect();
        Reach::of(&asked, &owned(listen), &all, false)
    }

    #[test]
    fn only_nodes_that_the_registry_alone_introduces_stop_telling_of_each_other() {
        let (local, remote) = (["tcp/127.0.0.1:7447"], ["tcp/192.168.1.5:7447"]);
        assert_eq!(reach(&[], &[], Discovery::Local, &local), Reach::Registry);
        assert_eq!(reach(&[], &[], Discovery::Local, &[]), Reach::Registry);
        assert_eq!(reach(&local, &[], Discovery::Local, &[]), Reach::Machine);
        assert_eq!(reach(&[], &local, Discovery::Local, &[]), Reach::Machine);
        // Others may be told of this one's port, and meet through it.
        assert_eq!(reach(&[], &[], Discovery::Off, &[]), Reach::Machine);
        // The registry may name a node that was told to listen elsewhere.
        assert_eq!(reach(&[], &[], Discovery::Local, &remote), Reach::Network);
        assert_eq!(reach(&[], &remote, Discovery::Off, &[]), Reach::Network);
    }

    #[test]
    fn whoever_scouts_by_multicast_reaches_other_machines() {
        let asked = LinkConfig::default();
        assert_eq!(Reach::of(&asked, &[], &[], true), Reach::Network);
    }

    #[test]
    fn a_link_to_another_machine_is_given_up_as_soon_as_before() {
        let slow = |reach: Reach| {
            reach
                .zenoh_settings(Mode::Peer)
                .any(|(path, _)| path.ends_with("open_timeout"))
        };
        assert!(!slow(Reach::Network) && slow(Reach::Machine) && slow(Reach::Registry));
    }
}
