//! What `link` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use nuncio::security::role::RoleName;

use super::PassphraseFrom;
use crate::link::HostName;

#[derive(Debug, Subcommand)]
pub(crate) enum LinkCommand {
    Invite(LinkInvite),
    Accept(LinkAccept),
}

/// Print a code with which another host joins this one, wait for it, then go on as the router that it connects to
///
/// The code is good once, for a short time, and whoever has it may join: give it to the other host by a way that nobody
/// else reads. It holds the addresses of this host, the fingerprint of its certificate and a one-time secret. Both hosts
/// prove that they know the secret and show their keys; the other one gets a TLS certificate from this one's authority.
///
/// --listen says where the router listens for other hosts; tls/0.0.0.0:7447 by default. Nodes of this machine find it by
/// themselves unless --discovery is off. It ends with Ctrl-C; --timeout, --connect and --trust-mode have no meaning here.
/// Exit code 1: nobody accepted in time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    nuncio link invite --as robot7          # on robot7: prints CODE, and waits\n  \
    nuncio link accept CODE --as laptop     # on the laptop\n  \
    nuncio --context robot7 topic list      # on the laptop, from now on")]
pub(crate) struct LinkInvite {
    /// What this host calls itself: a letter, then letters, digits and `_`; by default the machine's name
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) own_name: Option<HostName>,
    /// A name or address at which the other host reaches this one (repeatable); by default all addresses of this machine
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) at: Vec<String>,
    /// How long the code is good
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = expiry)]
    pub(crate) expires: Duration,
    /// How many hosts may join with this code
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) count: u8,
    /// The port of the invitation; by default that of --listen, or any free one where a router has it already
    #[arg(long, value_name = "PORT")]
    pub(crate) door: Option<u16>,
    /// A role of trust.toml that the key of the other host gets here (repeatable); by default none
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<RoleName>,
    /// End when the hosts have joined, and say the command that starts the router
    #[arg(long)]
    pub(crate) no_router: bool,
    /// The private key that signs certificates; by default ca.key beside the certificates, or anchor.key in the keystore
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFrom,
    /// How long the certificates hold
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: u16,
}

/// Join the host that made this code, and make a context for it
///
/// It stores the certificates for TLS links, and the other host's key under its name. From then on
/// `nuncio --context NAME` talks to the network of that host; --connect tls/HOST:PORT does the same.
///
/// --timeout: how long to try; 15 by default.
#[derive(Debug, clap::Args)]
pub(crate) struct LinkAccept {
    /// What `nuncio link invite` has printed; `-` reads it from standard input
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    /// What this host calls itself: a letter, then letters, digits and `_`; by default the machine's name
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) own_name: Option<HostName>,
    /// What to call the other host here; by default as it calls itself
    #[arg(long, value_name = "NAME")]
    pub(crate) call: Option<HostName>,
    /// A role of trust.toml that the key of the other host gets here (repeatable); by default none
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<RoleName>,
}

/// The longest time that a code may be good.
const EXPIRY_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

fn expiry(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if !time.is_zero() && time <= EXPIRY_MAX => Ok(time),
        _ => Err("expected a time of up to 7 days, such as 10m or 2h".to_owned()),
    }
}
