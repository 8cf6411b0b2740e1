//! What `trust export --zenoh` accepts.

use std::path::PathBuf;

use super::PassphraseFrom;

pub(super) const EXAMPLES: &str = "\
Example:
  nuncio trust export --zenoh router --san router.local,192.168.1.2
  zenohd --config router/router.json5                                 (on the router's machine)
  cp ca.pem ~/.config/nuncio/tls/                                     (on alice's machine)
  cp nodes/alice.pem ~/.config/nuncio/tls/node.pem
  nuncio topic pub --connect tls/router.local:7447 /chatter std_msgs/String 'data: hello'

--listen says where the router listens; tls/0.0.0.0:7447 by default.
Export again, and start the router anew, when trust.toml has changed, a key was revoked or a certificate ends.
Only router.key is secret: the private keys of nodes stay where they are.";

/// A Zenoh router's configuration.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A router")]
pub(crate) struct ZenohExport {
    /// Write a Zenoh router's configuration into this folder: router.json5, ca.pem, router.pem, router.key, and for each key
    /// that is admitted nodes/NICKNAME.pem
    #[arg(long, value_name = "DIR")]
    pub(crate) zenoh: Option<PathBuf>,
    /// The anchor's private key, which signs the certificates; by default anchor.key in the keystore
    #[arg(long, value_name = "FILE", requires = "zenoh")]
    pub(crate) anchor: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFrom,
    /// The names and addresses at which nodes reach the router, beside localhost
    #[arg(long = "san", value_name = "NAMES", value_delimiter = ',', requires = "zenoh")]
    pub(crate) names: Vec<String>,
    /// A folder with the identity.cert files of keys that trust.toml does not name
    #[arg(long, value_name = "DIR", requires = "zenoh")]
    pub(crate) certificates: Option<PathBuf>,
    /// Where the router will find the folder; by default where it is written
    #[arg(long, value_name = "DIR", requires = "zenoh")]
    pub(crate) installed_in: Option<PathBuf>,
    /// How long the X.509 certificates hold, unless a grant ends earlier
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: u16,
}
