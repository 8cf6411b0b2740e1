//! What the commands of `key` accept.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::instant;
use crate::instant::When;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show the key of this user's nodes; it is made if there is none
    Show,
    /// Make a new key
    New(KeyNew),
    /// List the own key and all others that have a name here, and which of them are revoked
    ///
    /// Names are nicknames in trust.toml, and the node names and topics that known.toml has pinned keys to.
    List,
    /// Put a private key from a file into the keystore
    ///
    /// FILE is PKCS#8 in PEM form, as `nuncio key export` or openssl writes it. The passphrase of an encrypted one is that of
    /// --passphrase-file, else $NUNCIO_PASSPHRASE, else it is asked for on the terminal.
    #[command(
        after_help = "Example:\n  openssl genpkey -algorithm ed25519 -aes-256-cbc -out robot.pem\n  \
        nuncio key import robot.pem"
    )]
    Import(KeyImport),
    /// Print the own key as PEM: the private half, or with --public the public one
    ///
    /// With --encrypt it is encrypted by a passphrase: that of --passphrase-file, else $NUNCIO_PASSPHRASE, else it is asked
    /// for on the terminal.
    #[command(after_help = "Example:\n  nuncio key export --encrypt -o backup.pem")]
    Export(KeyExport),
    /// Give this user's nodes a new key, to which those who trust the old one follow
    ///
    /// The old key signs that the new one follows it, so pins move by themselves. Nodes that run go on with the old key until
    /// they are started again; both are accepted for the time of --overlap. Grants of the old key in this user's trust.toml
    /// go to the new one; those in the trust.toml of others, and certificates, have to be made anew.
    Rotate(KeyRotate),
    /// Revoke a key everywhere, in the name of the anchor
    ///
    /// Needs the anchor's key. The key is refused from the instant on, in every mode: here at once, and by every node
    /// that has the anchor in its trust.toml as soon as it hears of it.
    ///
    /// --timeout: how long to wait for nodes to take it in; 2 by default.
    #[command(after_help = "Examples:\n  \
        nuncio key revoke did:key:z6Mk… --reason 'the laptop was stolen'\n  \
        nuncio key revoke alice --since -12h")]
    Revoke(KeyRevoke),
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyNew {
    /// Move an old key aside; others have to trust the new one anew
    #[arg(long)]
    pub(crate) force: bool,
    /// Write the key to this file, not to the keystore
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyImport {
    /// The file with the private key; `-` reads standard input
    pub(crate) file: PathBuf,
    /// Move an old key aside; others have to trust the new one anew
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFrom,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyExport {
    /// The public half
    #[arg(long, conflicts_with = "encrypt")]
    pub(crate) public: bool,
    /// The private half, encrypted
    #[arg(long)]
    pub(crate) encrypt: bool,
    /// Write to this file, which must not be there yet; a private key can be read by this user alone
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFrom,
}

/// Where a passphrase comes from, when it is not asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct PassphraseFrom {
    /// A file whose first line is the passphrase
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyRotate {
    /// How long the old key may still be used
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) overlap: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyRevoke {
    /// The key, or a name of it
    #[arg(value_name = "KEY")]
    pub(crate) whom: String,
    /// From when on it is refused: 2027-01-01, 2027-01-01T12:00:00Z, +30d, -12h; now by default
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub(crate) since: Option<When>,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) anchor: AnchorKey,
}

/// Where the anchor's key is.
#[derive(Debug, clap::Args)]
pub(crate) struct AnchorKey {
    /// The anchor's private key; anchor.key in the keystore by default
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFrom,
}
