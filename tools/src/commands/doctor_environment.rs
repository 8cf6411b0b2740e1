//! The part of `doctor` that looks at what the program was given: its version, the environment, the network interfaces, and
//! the endpoints that it is to connect to.

use std::env;
use std::time::Duration;

use nuncio::Discovery;
use nuncio::link::multicast_interface;

use crate::cli::GlobalArgs;
use crate::findings::Finding;
use crate::why::{Reached, try_endpoints};

/// How long an endpoint may take to answer unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

/// What changes how every command works.
const VARIABLES: [&str; 9] = [
    "NUNCIO_HOME",
    "NUNCIO_CONTEXT",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "NUNCIO_DOMAIN",
    "NUNCIO_DISCOVERY",
    "NUNCIO_TLS",
    "NUNCIO_INTERFACES",
    "ZENOH_RUNTIME",
];

pub(super) async fn look(global: &GlobalArgs) -> Vec<Finding> {
    let said: Vec<String> = VARIABLES
        .iter()
        .filter_map(|name| Some(format!("{name}={}", env::var_os(name)?.to_string_lossy())))
        .collect();
    let said = if said.is_empty() {
        "nothing set".to_owned()
    } else {
        said.join(" ")
    };
    let text = format!("nuncio {}, domain {}; {said}", env!("CARGO_PKG_VERSION"), global.domain);
    let mut findings = vec![Finding::good("environment", text)];
    findings.extend(look_at_multicast(global));
    let patience = global.timeout.unwrap_or(PATIENCE);
    for endpoint in try_endpoints(&global.connect, patience).await {
        let about = format!("endpoint {}", endpoint.name);
        findings.push(match endpoint.reached {
            Reached::Yes => Finding::good(about, "something listens there"),
            Reached::NotTried => Finding::notice(about, "it is no TCP endpoint, so that it was not tried by itself"),
            Reached::Refused => Finding::problem(about, "the connection is refused: nothing listens on that port")
                .with_remedy("start what it should reach there, such as `nuncio router --listen ENDPOINT`"),
            Reached::TimedOut => Finding::problem(about, "nothing answers in time")
                .with_remedy("see that the host is up and that no firewall drops what is sent to it"),
            Reached::Failed(problem) => Finding::problem(about, problem)
                .with_remedy("correct the endpoint, or see that its host can be reached"),
        });
    }
    findings
}

/// Nothing where nobody wants to scout.
fn look_at_multicast(global: &GlobalArgs) -> Option<Finding> {
    let by_hand = !global.connect.is_empty() || !global.listen.is_empty();
    let is_auto = match global.discovery {
        Some(discovery) => discovery == Discovery::Auto,
        None => !by_hand,
    };
    is_auto.then(|| match multicast_interface() {
        Some(interface) => Finding::good(
            "multicast",
            format!("nodes of other machines are looked for on {interface}"),
        ),
        None => Finding::notice("multicast", "there is no network interface but loopback")
            .with_remedy("nodes of other machines are not found by themselves; name one with --connect tcp/HOST:7447"),
    })
}
