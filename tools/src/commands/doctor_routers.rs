//! `doctor`, for routers: which there are on this machine, how many nodes hang on each, and on which that is gone.

use std::collections::BTreeMap;

use nuncio::Discovery;
use nuncio::local_registry::{LocalRegistry, Members};

use crate::cli::GlobalArgs;
use crate::findings::Finding;
use crate::render::count;

/// Nothing where the registry has no say: without discovery.
pub(super) fn look(global: &GlobalArgs) -> Vec<Finding> {
    let by_hand = !global.listen.is_empty() || !global.connect.is_empty();
    if global.discovery == Some(Discovery::Off) || (by_hand && global.discovery.is_none()) {
        return Vec::new();
    }
    let members = LocalRegistry::open(global.domain.as_str()).and_then(|registry| registry.members());
    match members {
        Ok(members) => judge(&members),
        Err(error) => vec![Finding::problem("router", error.to_string())],
    }
}

fn judge(members: &Members) -> Vec<Finding> {
    let mut hanging: BTreeMap<&str, usize> = members.routers.iter().map(|router| (router.as_str(), 0)).collect();
    for router in &members.clients {
        *hanging.entry(router).or_default() += 1;
    }
    let finding = |(router, clients): (&str, usize)| {
        let is_there = members.routers.iter().any(|locator| locator == router);
        let clients = count(clients, "node");
        match is_there {
            true => Finding::good(
                "router",
                format!("{router} on this machine has {clients} as its clients"),
            ),
            false => Finding::problem(
                "router",
                format!("{clients} of this machine hear nobody: the router {router} is gone"),
            )
            .with_remedy(
                "start it anew with `nuncio router`; otherwise one of its clients takes its place within seconds",
            ),
        }
    };
    hanging.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::State;

    #[test]
    fn nodes_that_hang_on_a_router_that_is_gone_are_a_problem() {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let members = Members {
            peers: owned(&["tcp/127.0.0.1:1"]),
            routers: owned(&["tcp/127.0.0.1:2"]),
            clients: owned(&["tcp/127.0.0.1:2", "tcp/127.0.0.1:3", "tcp/127.0.0.1:3"]),
        };
        let findings = judge(&members);
        let said: Vec<_> = findings
            .iter()
            .map(|finding| (finding.state, finding.text.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (State::Good, "tcp/127.0.0.1:2 on this machine has 1 node as its clients"),
                (
                    State::Problem,
                    "2 nodes of this machine hear nobody: the router tcp/127.0.0.1:3 is gone"
                ),
            ]
        );
        assert!(
            findings
                .iter()
                .all(|finding| (finding.state == State::Problem) == finding.remedy.is_some())
        );
        assert!(judge(&Members::default()).is_empty());
    }
}
