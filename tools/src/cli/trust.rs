//! What the commands of `trust` accept.

use std::path::PathBuf;

use clap::Subcommand;
use nuncio::security::role::{Action, Nickname, RoleName};
use nuncio::security::topic_pattern::TopicPattern;
use nuncio::{TopicName, TrustMode};

use super::key::PassphraseFrom;
use super::{ZenohExport, instant, topic, trust_export};
use crate::instant::When;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Make all that enforcement needs: a key, an anchor's key and trust.toml, in which this user's key may do everything
    ///
    /// What is there already stays as it is; only a trust.toml that is there is an error.
    #[command(after_help = "From nothing to an enforced talker and listener:\n  \
        nuncio trust init\n  \
        nuncio topic echo /chatter\n  \
        nuncio topic pub /chatter std_msgs/String 'data: hello'")]
    Init(TrustInit),
    /// Give a key roles, in trust.toml
    ///
    /// A key that has a grant by this name gets the roles in addition; its scope and time must be the same, unless --replace is given.
    #[command(after_help = "Examples:\n  \
        nuncio trust add did:key:z6Mk… --name alice --role operator --scope 'robot1/**' --until +30d\n  \
        nuncio trust add /talker --role sensor        (the key that known.toml has pinned to the node)")]
    Add(TrustAdd),
    /// Take a grant or an anchor out of trust.toml
    ///
    /// Keys that the anchor has revoked stay revoked.
    Remove(TrustRemove),
    /// List what trust.toml says: roles, grants, anchors, limits of topics, revoked keys
    List,
    /// Certify that a key holds roles, so that nodes that trust the anchor need not know it
    ///
    /// The certificate goes to standard output. Put it beside the key that it is for, as identity.cert. Signed by the
    /// anchor's key where there is one, else by the own key; then its identity.cert must permit it, and is appended.
    #[command(after_help = "Example:\n  \
        nuncio trust sign did:key:z6Mk… --name robot1 --role sensor --scope 'robot1/**' --until +365d -o identity.cert")]
    Sign(TrustSign),
    /// Say in plain words what trust.toml, certificates, revocations or keys say, and whether they hold
    ///
    /// Without FILE: the keystore's own trust.toml, identity.cert, and what its anchors have revoked. Exit code 3 when
    /// something in them does not hold.
    Show(TrustShow),
    /// Explain, rule by rule, whether a key may do something
    ///
    /// Asks what a node asks, by the same code. Exit code 0: it may. Exit code 3: it is refused.
    #[command(after_help = "Examples:\n  \
        nuncio trust check alice publish /cmd_vel\n  \
        nuncio trust check me call /robot1/reset --at 2027-01-01")]
    Check(TrustCheck),
    /// Check a table of what shall be permitted and what not, as a test of trust.toml
    ///
    /// Each row of FILE has a key or a name of one, an action, a topic and what is expected: columns with spaces or commas
    /// between them, with or without the heading `key,action,topic,expected`, or JSON objects with these members, one on
    /// each line. `#` begins a comment. Expected is permit (allow, yes), refuse (deny, no) or the name of a reason, such as
    /// NotPermitted. Exit code 0: all rows are as expected. Exit code 2: some are not, or FILE is not right.
    #[command(after_help = "Example of a row:\n  alice  publish  /robot1/cmd_vel  permit\n\n\
        With --json there is a line for each row:\n  \
        {\"row\":1,\"key\":…,\"action\":…,\"topic\":…,\"expected\":…,\"found\":\"permit\",\"reason\":null,\"ok\":true}\n\
        and a last one:\n  \
        {\"rows\":1,\"failed\":0,\"ok\":true}")]
    Test(TrustTest),
    /// Print trust.toml for others: what it says, comments included, and no private key
    ///
    /// With --zenoh: write what it says in the terms of a Zenoh router, which then refuses at the hop what receivers would
    /// refuse.
    #[command(after_help = trust_export::EXAMPLES)]
    Export(TrustExport),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustInit {
    /// How strictly to believe: observe, tofu or enforce
    #[arg(long, value_name = "MODE", default_value = "enforce")]
    pub(crate) mode: TrustMode,
    /// Make no anchor's key: keys are then known by grants alone
    #[arg(long)]
    pub(crate) no_anchor: bool,
}

/// What a grant or a certificate gives.
#[derive(Debug, clap::Args)]
pub(crate) struct Given {
    /// A role that trust.toml defines (repeatable)
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub(crate) roles: Vec<RoleName>,
    /// What people call the key; by default what it is called here already
    #[arg(long, value_name = "NICKNAME")]
    pub(crate) name: Option<Nickname>,
    /// From when on: 2027-01-01, 2027-01-01T12:00:00Z, +30d
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub(crate) from: Option<When>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustAdd {
    /// The key, or a name of it
    #[arg(value_name = "KEY")]
    pub(crate) whom: String,
    #[command(flatten)]
    pub(crate) given: Given,
    /// The topics that the roles hold for, such as robot1/** (repeatable); all by default
    #[arg(long = "scope", value_name = "PATTERN")]
    pub(crate) scope: Vec<TopicPattern>,
    /// Until when: 2027-01-01, 2027-01-01T12:00:00Z, +30d; for ever by default
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub(crate) until: Option<When>,
    /// Put this in the place of the grant of the same name
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustRemove {
    /// The nickname, or a key, all grants of which go
    #[arg(value_name = "KEY")]
    pub(crate) whom: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustSign {
    /// The key, or a name of it
    #[arg(value_name = "KEY")]
    pub(crate) whom: String,
    #[command(flatten)]
    pub(crate) given: Given,
    /// The topics that the roles hold for, such as robot1/** (repeatable)
    #[arg(long = "scope", value_name = "PATTERN", required = true)]
    pub(crate) scope: Vec<TopicPattern>,
    /// Until when: 2027-01-01, 2027-01-01T12:00:00Z, +30d
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub(crate) until: When,
    /// How many further certificates may hang below it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(crate) delegate: u8,
    /// The private key that signs; by default anchor.key in the keystore, else the own key
    #[arg(long, value_name = "FILE")]
    pub(crate) signer: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFrom,
    /// Write to this file, which must not be there yet
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustShow {
    /// A trust.toml, an identity.cert, a list of revocations or a key
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustCheck {
    /// The key, or a name of it; `me` is the own key, with its identity.cert
    #[arg(value_name = "KEY")]
    pub(crate) whom: String,
    /// publish, serve or call
    pub(crate) action: Action,
    /// The topic or service
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// At another instant than now: 2027-01-01, 2027-01-01T12:00:00Z, +30d
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub(crate) at: Option<When>,
    /// The certificates that the key shows
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustTest {
    /// The table; `-` reads standard input
    pub(crate) file: PathBuf,
    /// At another instant than now: 2027-01-01, 2027-01-01T12:00:00Z, +30d
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub(crate) at: Option<When>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustExport {
    /// Write to this file, which must not be there yet
    #[arg(short, long, value_name = "FILE", conflicts_with = "zenoh")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) router: ZenohExport,
}
